/* vibee-sim constants: the identities of the golden ratio, checked exactly; V = n 3^k pi^m phi^p e^q evaluated and solved. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/options.h"
#include "reports/table.h"
#include "sim/plan/constants.h"

enum { SOLUTIONS_MOST = 100 };

#define EXPONENT(letter, of) { .name = letter, .word = "N", .kind = OPTION_INT, .least = -EXPONENT_MOST, .most = EXPONENT_MOST, \
			       .fallback = "0", .help = "exponent of " of }
static const struct option value_table[] = {
	{ .name = "n", .word = "N", .kind = OPTION_INT, .least = -1e15, .most = 1e15, .fallback = "1", .help = "the whole factor n" },
	EXPONENT("k", "3"), EXPONENT("m", "pi"), EXPONENT("p", "phi"), EXPONENT("q", "e"),
};
static const struct option_group value_options = OPTION_GROUP("Value", value_table);

static const struct option solve_table[] = {
	{ .name = "solve", .word = "V", .kind = OPTION_NUMBER, .help = "find the smallest exponents that give this value" },
	{ .name = "tolerance", .word = "F", .kind = OPTION_NUMBER, .least = 0, .most = 0.5, .fallback = "1e-3", .help = "relative error allowed" },
	{ .name = "n-most", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1e6, .fallback = "9", .help = "largest n tried" },
	{ .name = "most", .word = "N", .kind = OPTION_INT, .least = 0, .most = 60, .fallback = "30", .help = "largest |k| + |m| + |p| + |q| tried" },
	{ .name = "count", .word = "N", .kind = OPTION_INT, .least = 1, .most = SOLUTIONS_MOST, .fallback = "5", .help = "solutions to list, smallest first" },
};
static const struct option_group solve_options = OPTION_GROUP("Solve", solve_table);

static const struct option out_table[] = {
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
};
static const struct option_group out_options = OPTION_GROUP("Output", out_table);

/* All that the command found. */
struct findings {
	struct identity identities[IDENTITIES];
	bool valued, solved;
	struct seed_value value, nearest, solutions[SOLUTIONS_MOST];
	struct solve_options solve;
	size_t count;
};

static void json_seed(struct json *j, const char *key, const struct seed_value *v, bool error)
{
	json_object(j, key);
	json_int(j, "n", v->n);
	for (int i = 0; i < EXPONENTS; i++)
		json_int(j, exponent_names[i], v->exponent[i]);
	json_number(j, "value", v->value);
	if (error)
		json_number(j, "rel_error", v->rel_error);
	json_end(j);
}

static void write_json(const struct findings *f, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.constants/1");
	json_array(&j, "identities");
	for (size_t i = 0; i < IDENTITIES; i++) {
		json_object(&j, NULL);
		json_text(&j, "identity", f->identities[i].name);
		json_text(&j, "proof", f->identities[i].proof);
		json_number(&j, "value", f->identities[i].value);
		json_bool(&j, "holds", f->identities[i].holds);
		json_end(&j);
	}
	json_end(&j);
	if (f->valued)
		json_seed(&j, "evaluated", &f->value, false);
	if (f->solved) {
		json_object(&j, "solved");
		json_number(&j, "value", f->solve.value);
		json_number(&j, "tolerance", f->solve.tolerance);
		json_array(&j, "solutions");
		for (size_t i = 0; i < f->count; i++)
			json_seed(&j, NULL, &f->solutions[i], true);
		json_end(&j);
		json_seed(&j, "nearest", &f->nearest, true);
		json_end(&j);
	}
	json_end(&j);
	str_add(out, "\n");
}

/* "2 * 3^4 * phi^-1" */
static void formula(const struct seed_value *v, struct str *out)
{
	static const char *const names[EXPONENTS] = { "3", "pi", "phi", "e" };

	str_addf(out, "%" PRId64, v->n);
	for (int i = 0; i < EXPONENTS; i++)
		if (v->exponent[i] != 0)
			str_addf(out, v->exponent[i] == 1 ? " * %s" : " * %s^%d", names[i], v->exponent[i]);
}

static void write_text(const struct findings *f, struct str *out)
{
	struct term term = term_detect(STDOUT_FILENO);

	str_add(out, "Identities, in exact arithmetic over a + b phi with whole a and b\n");
	for (size_t i = 0; i < IDENTITIES; i++) {
		const struct identity *id = &f->identities[i];

		str_addf(out, "  %-22s ", id->name);
		term_addf(out, &term, id->holds ? STYLE_GOOD : STYLE_BAD, "%-6s", id->holds ? "holds" : "FAILS");
		str_addf(out, " %.12g: %s\n", id->value, id->proof);
	}
	if (f->valued) {
		str_add(out, "\nV = ");
		formula(&f->value, out);
		str_addf(out, " = %.15g\n", f->value.value);
	}
	if (!f->solved)
		return;
	str_addf(out, "\nV = %.15g within %.3g, n at most %" PRId64 ", smallest exponents first\n", f->solve.value, f->solve.tolerance,
		 f->solve.n_most);
	for (size_t i = 0; i < f->count; i++) {
		str_addf(out, "  %-22.15g error %-9.2g = ", f->solutions[i].value, f->solutions[i].rel_error);
		formula(&f->solutions[i], out);
		str_add(out, "\n");
	}
}

static bool find(const struct call *call, struct findings *f, struct err *err)
{
	static const char *const letters[] = { "n", "k", "m", "p", "q" };

	constants_check(f->identities);
	f->value.n = call_int(call, "n", 1);
	for (size_t i = 0; i < COUNT_OF(letters); i++)
		f->valued |= call_text(call, letters[i]) != NULL;
	for (int i = 0; i < EXPONENTS; i++)
		f->value.exponent[i] = (int)call_int(call, exponent_names[i], 0);
	if (f->valued && f->value.n == 0)
		return err_set(err, ERR_INPUT, "--n=0: expected a whole number other than 0");
	if (f->valued && !constants_value(&f->value, err))
		return false;
	f->solved = call_text(call, "solve") != NULL;
	if (!f->solved)
		return true;
	f->solve = (struct solve_options){ .value = call_number(call, "solve", 1), .tolerance = call_number(call, "tolerance", 1e-3),
					   .n_most = call_int(call, "n-most", 9), .most = (int)call_int(call, "most", 30),
					   .wanted = (size_t)call_int(call, "count", 5) };
	if (f->solve.value == 0)
		return err_set(err, ERR_INPUT, "--solve=0: expected a value other than 0: no product of powers is 0");
	f->count = constants_solve(&f->solve, f->solutions, &f->nearest);
	return true;
}

static bool judge(const struct findings *f, struct err *err)
{
	for (size_t i = 0; i < IDENTITIES; i++)
		if (!f->identities[i].holds)
			return err_set(err, ERR_CHECK, "%s does not hold", f->identities[i].name);
	if (f->solved && f->count == 0) {
		struct str near = { 0 };

		formula(&f->nearest, &near);
		err_set(err, ERR_CHECK, "no exponents up to a sum of %d give %.15g within %.3g; the nearest is %s = %.15g, error %.2g", f->solve.most,
			f->solve.value, f->solve.tolerance, str_text(&near), f->nearest.value, f->nearest.rel_error);
		str_release(&near);
		return false;
	}
	return true;
}

static bool constants_run(const struct call *call, struct err *err)
{
	struct findings *f = arena_alloc(call->arena, sizeof(*f));
	const char *json = call_text(call, "json");
	struct str out = { 0 };
	bool ok;

	if (!f)
		return err_memory(err);
	if (!find(call, f, err))
		return false;
	if (json)
		write_json(f, &out);
	else
		write_text(f, &out);
	ok = paths_write_str(json ? json : "-", &out, err);
	str_release(&out);
	return ok && judge(f, err);
}

const struct command command_constants = {
	.name = "constants", .summary = "the seed constants: identities checked, V = n 3^k pi^m phi^p e^q",
	.details = "Checks phi^2 + 1/phi^2 = 3, phi^5 = 11.09 and phi^10 = 122.99 in whole numbers, without rounding. With --n, --k, --m, --p or --q "
		   "it evaluates V = n 3^k pi^m phi^p e^q; with --solve it finds the exponents of the smallest |k| + |m| + |p| + |q|, then the smallest "
		   "n, that give a value. Exit status 1 when an identity fails or nothing is found.",
	.groups = (const struct option_group *const[]){ &value_options, &solve_options, &out_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim constants", "the identities" },
		{ "vibee-sim constants --p 10", "phi^10" },
		{ "vibee-sim constants --solve 137.036 --tolerance 1e-5 --json", "the smallest exponents that give 137.036" },
		{ NULL, NULL } },
	.run = constants_run,
};
