#include "cli/train_vary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "reports/format.h"
#include "reports/outfile.h"
#include "reports/table.h"
#include "sim/train/train.h"

enum { AXES_OF_A_JOB = 8, VALUES_MOST = 64, VARIANTS_OF_A_JOB = 2000 };

struct job_axis {
	const char *name, *path;
	const char *values[VALUES_MOST];
	size_t count;
};

struct job_variant {
	const char *label, *why;       /* why: it cannot run; NULL */
	struct train_result r;
};

struct variants {
	struct job_axis axes[AXES_OF_A_JOB];
	size_t axis_count, count;
	struct job_variant *at;        /* 0: the base */
};

/* An option's name stands for the attribute that it sets. */
static const char *path_of(const struct call *call, const char *name)
{
	const struct option *o = option_find(call->command, name);

	return o && o->path ? o->path : name;
}

static bool add_axis(const struct call *call, struct variants *v, const char *text, struct err *err)
{
	struct job_axis *a = &v->axes[v->axis_count];
	char *copy = arena_strdup(call->arena, text), *equals = copy ? strchr(copy, '=') : NULL, *save = NULL;

	if (!copy)
		return err_memory(err);
	if (!equals || equals == copy || !equals[1])
		return err_set(err, ERR_INPUT, "--vary %s: expected NAME=VALUE,VALUE,..., for example tp=1,2,4", text);
	if (v->axis_count == AXES_OF_A_JOB)
		return err_set(err, ERR_INPUT, "--vary: at most %d axes", AXES_OF_A_JOB);
	*equals = '\0';
	*a = (struct job_axis){ .name = copy, .path = path_of(call, copy) };
	for (char *value = strtok_r(equals + 1, ",", &save); value; value = strtok_r(NULL, ",", &save)) {
		if (a->count == VALUES_MOST)
			return err_set(err, ERR_INPUT, "--vary %s: at most %d values", text, VALUES_MOST);
		a->values[a->count++] = value;
	}
	v->axis_count++;
	return true;
}

static bool run_variant(const struct call *call, const struct variants *v, const struct job *base, size_t crossing, bool is_base,
			struct job_variant *out, struct err *err)
{
	struct train_wishes wishes = { 0 };
	struct job job = *base;
	struct err own = { 0 };
	struct str label = { 0 };

	for (size_t i = v->axis_count; i-- > 0 && !is_base;) {
		const struct job_axis *a = &v->axes[i];
		const char *value = a->values[crossing % a->count];

		crossing /= a->count;
		if (!schema_set(&job_element, &job, a->path, value, arena_printf(call->arena, "--vary %s", a->name), call->arena, err))
			return false;
		/* A device or a system of its own makes the other one void. */
		if (strcmp(a->path, "hardware.device") == 0)
			job.hardware.system = NULL;
		if (strcmp(a->path, "hardware.system") == 0)
			job.hardware.device = NULL;
	}
	for (size_t i = 0; i < v->axis_count && !is_base; i++) {
		struct str value = { 0 };

		schema_get(&job_element, &job, v->axes[i].path, &value);
		str_addf(&label, "%s%s=%s", i ? " " : "", v->axes[i].name, str_text(&value));
		str_release(&value);
	}
	out->label = is_base ? "base" : arena_strdup(call->arena, str_text(&label));
	str_release(&label);
	if (train_run(&job, &wishes, &out->r, call->arena, &own))
		return true;
	if (own.kind != ERR_INPUT)
		return err_set(err, own.kind, "%s", own.text);
	out->why = arena_strdup(call->arena, own.text);
	return true;
}

static void delta(struct table *t, double value, double base, int better)
{
	double d = value / base - 1;

	if (!isfinite(d))
		table_cell(t, STYLE_FAINT, "");
	else
		table_cellf(t, fabs(d) < 5e-4 ? STYLE_FAINT : d * better > 0 ? STYLE_GOOD : STYLE_BAD, "%+.1f %%", 100 * d);
}

static bool print(const struct variants *v, struct err *err)
{
	static const struct table_column columns[] = { { "variant", false }, { "step", true }, { "", true }, { "tokens/s", true }, { "", true }, { "MFU", true },
						       { "memory", true }, { "days", true }, { "cost", true }, { "", true } };
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	const struct train_result *b = &v->at[0].r;
	struct str out = { 0 };
	char a[FORMAT_ROOM];
	bool ok;

	if (!t)
		return err_memory(err);
	/* Ten columns of figures: cut to a narrow terminal, but never to less than they need in a pipe. */
	if (!isatty(STDOUT_FILENO) && term.width < 140)
		term.width = 140;
	for (size_t i = 0; i < v->count; i++) {
		const struct train_result *r = &v->at[i].r;

		table_cell(t, i ? STYLE_PLAIN : STYLE_STRONG, v->at[i].label);
		if (v->at[i].why) {
			table_cell(t, STYLE_WARN, "not possible");
			for (int k = 0; k < 8; k++)
				table_cell(t, STYLE_FAINT, "");
			continue;
		}
		table_cell(t, STYLE_STRONG, human_seconds(a, r->step_s));
		delta(t, i && !v->at[0].why ? r->step_s : NAN, b->step_s, -1);
		table_cell(t, STYLE_PLAIN, human_count(a, r->tokens_per_s));
		delta(t, i && !v->at[0].why ? r->tokens_per_s : NAN, b->tokens_per_s, 1);
		table_cell(t, STYLE_PLAIN, format_share(a, r->mfu));
		table_cell(t, STYLE_PLAIN, human_bytes(a, r->memory.peak_bytes));
		if (isnan(r->hours))
			table_cell(t, STYLE_PLAIN, "");
		else
			table_cellf(t, STYLE_PLAIN, "%.1f", r->hours / 24);
		table_cell(t, STYLE_PLAIN, isnan(r->usd_per_1m_tokens) ? "" : format_usd(a, r->usd_per_1m_tokens));
		delta(t, i && !v->at[0].why ? r->usd_per_1m_tokens : NAN, b->usd_per_1m_tokens, -1);
	}
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	for (size_t i = 0; i < v->count; i++)
		if (v->at[i].why)
			str_addf(&out, "%s: %s\n", v->at[i].label, v->at[i].why);
	str_add(&out, "cost: of a million tokens, failures included\n");
	ok = ok && paths_write("-", str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

static bool write_json(const struct variants *v, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.whatif/1");
	json_text(&j, "kind", "train");
	json_array(&j, "variants");
	for (size_t i = 0; i < v->count; i++) {
		const struct train_result *r = &v->at[i].r;

		json_object(&j, NULL);
		json_text(&j, "label", v->at[i].label);
		json_text(&j, "why", v->at[i].why);
		if (!v->at[i].why) {
			json_number(&j, "step_s", r->step_s);
			json_number(&j, "tokens_per_s", r->tokens_per_s);
			json_number(&j, "mfu", r->mfu);
			json_number(&j, "peak_bytes", r->memory.peak_bytes);
			json_number(&j, "hours", r->hours);
			json_number(&j, "device_hours", r->device_hours);
			json_number(&j, "usd_per_1m_tokens", r->usd_per_1m_tokens);
			json_number(&j, "usd", r->usd);
			json_number(&j, "expected_rel_error", r->expected_rel_error);
		}
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = out.failed ? err_memory(err) : outfile_write(path, str_text(&out), out.length, err);
	str_release(&out);
	return ok;
}

bool train_vary(const struct call *call, const struct job *base, struct err *err)
{
	struct variants v = { .count = 1 };
	const char *json = call_text(call, "json");

	for (size_t i = 0; i < call->setting_count; i++)
		if (strcmp(call->settings[i].option->name, "vary") == 0 && !add_axis(call, &v, call->settings[i].value, err))
			return false;
	for (size_t i = 0; i < v.axis_count; i++) {
		v.count *= v.axes[i].count;
		if (v.count > VARIANTS_OF_A_JOB)
			return err_set(err, ERR_INPUT, "--vary: more than %d crossings", VARIANTS_OF_A_JOB);
	}
	v.count++;
	v.at = arena_alloc(call->arena, v.count * sizeof(*v.at));
	if (!v.at)
		return err_memory(err);
	for (size_t i = 0; i < v.count; i++)
		if (!run_variant(call, &v, base, i ? i - 1 : 0, i == 0, &v.at[i], err))
			return false;
	if (json && !write_json(&v, json, err))
		return false;
	return (json && strcmp(json, "-") == 0) || print(&v, err);
}
