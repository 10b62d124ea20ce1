/* vibee-sim compare: the metrics of two runs, side by side. Simulated figures are exact: any difference is real. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/options.h"
#include "cli/run_outputs.h"
#include "reports/format.h"
#include "reports/metric.h"
#include "reports/store.h"
#include "reports/table.h"

static const double exact = 1e-9;      /* relative; what two runs of one scenario may differ by, across compilers */

enum verdict { SAME, BETTER, WORSE, OTHER };

/* Speed of the simulator is measured, not simulated: it is never a regression of the scenario. */
static bool is_measured(const struct metric *m)
{
	return text_starts(m->path, "sim.");
}

static enum verdict judge(const struct metric *m, double a, double b, double tolerance)
{
	double scale = fmax(fabs(a), fabs(b));

	if ((isnan(a) && isnan(b)) || fabs(a - b) <= fmax(tolerance, exact) * scale)
		return SAME;
	if (m->better == 0 || is_measured(m) || isnan(a) || isnan(b))
		return OTHER;
	return (b > a) == (m->better > 0) ? BETTER : WORSE;
}

static const char *const verdict_names[] = { "same", "better", "worse", "other" };

struct comparison {
	const struct result *a, *b;
	double tolerance;
	bool all;
	size_t count[4];
};

static void metric_line(const struct comparison *c, const struct metric *m, enum verdict v, struct table *t)
{
	static const int styles[] = { STYLE_FAINT, STYLE_GOOD, STYLE_BAD, STYLE_PLAIN };
	double a = metric_get(m, c->a), b = metric_get(m, c->b);
	char buf[FORMAT_ROOM];

	table_cell(t, STYLE_PLAIN, metric_name(m));
	table_cell(t, STYLE_PLAIN, format_metric(buf, m, a));
	table_cell(t, STYLE_PLAIN, format_metric(buf, m, b));
	if (isfinite(a) && isfinite(b) && a != 0)
		table_cellf(t, styles[v], fabs(b / a - 1) < 0.0005 && v != SAME ? "%+.2g %%" : "%+.1f %%", 100 * (b / a - 1));
	else
		table_cell(t, styles[v], "");
	table_cell(t, styles[v], v == SAME || v == OTHER ? "" : verdict_names[v]);
}

/* Inputs that differ: what the change was. */
static void input_lines(const struct comparison *c, struct str *out)
{
	for (size_t i = 0; i < c->a->scenario_count; i++) {
		const struct key_value *kv = &c->a->scenario[i];
		const char *other = result_input(c->b, kv->key);

		if (!text_equal(kv->value, other))
			str_addf(out, "  %s: %s -> %s\n", kv->key, kv->value, other ? other : "(absent)");
	}
	for (size_t i = 0; i < c->b->scenario_count; i++)
		if (!result_input(c->a, c->b->scenario[i].key))
			str_addf(out, "  %s: (absent) -> %s\n", c->b->scenario[i].key, c->b->scenario[i].value);
}

static bool compare_text(struct comparison *c, const struct stored_run *a, const struct stored_run *b, struct err *err)
{
	static const struct table_column columns[] = { { "metric", false }, { "A", true }, { "B", true }, { "B - A", true }, { "", false } };
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct str out = { 0 };
	bool ok;

	if (!t)
		return err_memory(err);
	str_addf(&out, "A  %.10s  %s  %s\nB  %.10s  %s  %s\n", a->id, a->created_at, a->title, b->id, b->created_at, b->title);
	if (strcmp(a->scenario_hash, b->scenario_hash) == 0)
		str_add(&out, "same scenario, same version\n");
	input_lines(c, &out);
	str_add(&out, "\n");
	for (const struct metric *m = metrics; m->path; m++) {
		enum verdict v = judge(m, metric_get(m, c->a), metric_get(m, c->b), c->tolerance);

		c->count[v]++;
		if (c->all || (v != SAME && !is_measured(m)))
			metric_line(c, m, v, t);
	}
	if (c->all || c->count[BETTER] + c->count[WORSE] + c->count[OTHER] > 0)
		ok = table_print(t, &term, 0, &out, err);
	else
		ok = true;
	table_free(t);
	str_addf(&out, "\n%zu metrics better, %zu worse, %zu otherwise different, %zu the same\n", c->count[BETTER], c->count[WORSE],
		 c->count[OTHER], c->count[SAME]);
	ok = ok && paths_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool compare_json(struct comparison *c, const struct stored_run *a, const struct stored_run *b, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.compare/1");
	json_text(&j, "a", a->id);
	json_text(&j, "b", b->id);
	json_bool(&j, "same_scenario", strcmp(a->scenario_hash, b->scenario_hash) == 0);
	json_array(&j, "metrics");
	for (const struct metric *m = metrics; m->path; m++) {
		double x = metric_get(m, c->a), y = metric_get(m, c->b);
		enum verdict v = judge(m, x, y, c->tolerance);

		c->count[v]++;
		json_object(&j, NULL);
		json_text(&j, "metric", metric_name(m));
		json_text(&j, "unit", m->unit);
		json_number(&j, "a", x);
		json_number(&j, "b", y);
		json_number(&j, "rel_change", x != 0 ? y / x - 1 : NAN);
		json_text(&j, "verdict", verdict_names[v]);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = out.failed ? err_memory(err) : paths_write(path, str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool compare_run(const struct call *call, struct err *err)
{
	const char *database = run_database(call, err), *json = call_text(call, "json");
	struct store *store = database ? store_open_existing(database, err) : NULL;
	struct result *r = arena_alloc(call->arena, 2 * sizeof(*r));
	struct stored_run a, b;
	struct comparison c = { .tolerance = call_number(call, "tolerance", 0), .all = call_flag(call, "all") };
	bool ok = store && (r || err_memory(err)) && store_get_run(store, call_argument(call, 0), call->arena, &r[0], &a, err) &&
		  store_get_run(store, call->argument_count > 1 ? call_argument(call, 1) : "last", call->arena, &r[1], &b, err);

	store_close(store);
	if (!ok)
		return false;
	c.a = &r[0];
	c.b = &r[1];
	ok = json ? compare_json(&c, &a, &b, json, err) : compare_text(&c, &a, &b, err);
	if (ok && c.count[WORSE] > 0)
		return err_set(err, ERR_CHECK, "%zu metric%s worse in %.10s than in %.10s", c.count[WORSE], c.count[WORSE] > 1 ? "s" : "", b.id, a.id);
	return ok;
}

static const struct option compare_table[] = {
	{ .name = "tolerance", .word = "F", .kind = OPTION_NUMBER, .least = 0, .most = 10, .fallback = "1e-9", .help = "relative difference that does not count" },
	{ .name = "all", .kind = OPTION_FLAG, .help = "also metrics that are the same" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON; - (or nothing): standard output" },
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db", .help = "database of runs" },
};
static const struct option_group compare_options = OPTION_GROUP("Options", compare_table);

const struct command command_compare = {
	.name = "compare", .summary = "metrics of two kept runs; exit status 1 when one got worse", .arguments = "A [B]", .arguments_least = 1,
	.arguments_most = 2, .words = WORDS_RUNS,
	.details = "A and B are beginnings of ids, 'last' (B without one) or 'last~N'. Simulated figures are exact, so that differences over "
		   "1e-9 count; a metric counts as worse by its own direction. Speed of the simulator itself never does.",
	.groups = (const struct option_group *const[]){ &compare_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim compare last~1 last", "what the last change did" },
		{ "vibee-sim compare 3f9a 77b0 --tolerance 0.01", "forgive one percent" },
		{ NULL, NULL } },
	.run = compare_run,
};
