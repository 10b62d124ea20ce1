#include "cli/train_vary.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "cli/study_outputs.h"
#include "cli/train_options.h"
#include "reports/format.h"
#include "reports/outfile.h"
#include "reports/table.h"
#include "sim/plan/axis.h"
#include "sim/train/train.h"

enum { VARIANTS_OF_A_JOB = 2000 };

struct job_variant {
	const char *label, *why;       /* why: it cannot run; NULL */
	struct train_result r;
};

struct variants {
	struct space space;
	size_t count;
	struct job_variant *at;        /* 0: the base */
};

/* An option's name stands for the attribute that it sets: global-batch=64 is batch.global=64. */
static bool add_axis(const struct call *call, struct space *space, const char *text, struct err *err)
{
	const char *equals = strchr(text, '='), *origin = arena_printf(call->arena, "--vary %s", text);
	const struct option *o = equals ? option_find(&command_train, arena_printf(call->arena, "%.*s", (int)(equals - text), text)) : NULL;

	if (!origin)
		return err_memory(err);
	return space_add(space, o && o->path ? arena_printf(call->arena, "%s%s", o->path, equals) : text, origin, call->arena, err);
}

static const char *last_word(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && strcmp(dot, ".name") != 0 ? dot + 1 : path;
}

static bool set_axis(const struct call *call, struct job *job, const struct axis *a, const char *value, struct err *err)
{
	const char *origin = arena_printf(call->arena, "--vary %s", a->name);

	if (a->kind == AXIS_TECHNIQUES)
		return job_techniques(job, value, call->arena, err);
	if (!schema_set(&job_element, job, a->path, value, origin, call->arena, err))
		return false;
	/* A device or a system of its own makes the other one void. */
	if (strcmp(a->path, "hardware.device") == 0)
		job->hardware.system = NULL;
	if (strcmp(a->path, "hardware.system") == 0)
		job->hardware.device = NULL;
	return true;
}

/* The base at 0, then the crossings. */
static bool run_variant(const struct call *call, struct variants *v, const struct job *base, size_t n, struct err *err)
{
	struct job_variant *out = &v->at[n];
	struct train_wishes wishes = { 0 };
	size_t choice[AXES_MOST];
	struct job job = *base;
	struct err own = { 0 };
	struct str label = { 0 };

	if (n > 0)
		space_at(&v->space, (int64_t)n - 1, choice);
	for (size_t i = 0; n > 0 && i < v->space.count; i++) {
		const struct axis *a = &v->space.axes[i];

		if (!set_axis(call, &job, a, a->values[choice[i]], err)) {
			str_release(&label);
			return false;
		}
		str_addf(&label, "%s%s=%s", i ? " " : "", last_word(a->path), a->values[choice[i]]);
	}
	out->label = n == 0 ? "base" : arena_strdup(call->arena, str_text(&label));
	str_release(&label);
	if (!out->label)
		return err_memory(err);
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

static void figures_json(struct json *j, const struct train_result *r)
{
	json_number(j, "step_s", r->step_s);
	json_number(j, "tokens_per_s", r->tokens_per_s);
	json_number(j, "mfu", r->mfu);
	json_number(j, "peak_bytes", r->memory.peak_bytes);
	json_number(j, "hours", r->hours);
	json_number(j, "device_hours", r->device_hours);
	json_number(j, "usd_per_1m_tokens", r->usd_per_1m_tokens);
	json_number(j, "usd", r->usd);
	json_number(j, "expected_rel_error", r->expected_rel_error);
}

static bool make_json(const struct variants *v, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.whatif/1");
	json_text(&j, "kind", "train");
	json_array(&j, "variants");
	for (size_t i = 0; i < v->count; i++) {
		json_object(&j, NULL);
		json_text(&j, "label", v->at[i].label);
		json_text(&j, "why", v->at[i].why);
		if (!v->at[i].why)
			figures_json(&j, &v->at[i].r);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}

static bool keep(const struct call *call, const struct variants *v, const struct job *base, const struct str *document, struct err *err)
{
	struct study_row *rows = arena_alloc(call->arena, v->count * sizeof(*rows));
	const char *database, *title = arena_printf(call->arena, "training %s", base->title ? base->title : base->model.name);
	char id[33] = "";

	if (!rows || !title)
		return err_memory(err);
	for (size_t i = 0; i < v->count; i++) {
		const struct job_variant *one = &v->at[i];
		struct str own = { 0 };
		struct json j;

		json_init(&j, &own, false);
		json_object(&j, NULL);
		if (!one->why)
			figures_json(&j, &one->r);
		json_end(&j);
		rows[i] = (struct study_row){ one->label, one->why ? "invalid" : "done", one->why ? NULL : one->r.scenario_hash,
					      arena_strdup(call->arena, str_text(&own)) };
		str_release(&own);
	}
	if (!study_keep(call, "whatif", title, str_text(document), rows, v->count, id, &database, err))
		return false;
	if (database && !call_flag(call, "quiet") && !call_text(call, "json"))
		printf("\nstudy %.12s  kept in %s\n", id, database);
	return true;
}

static bool outputs(const struct call *call, const struct variants *v, const struct job *base, struct err *err)
{
	const char *json = call_text(call, "json");
	struct str document = { 0 };
	bool ok = make_json(v, &document, err);

	ok = ok && (!json || outfile_write(json, str_text(&document), document.length, err));
	ok = ok && ((json && strcmp(json, "-") == 0) || call_flag(call, "quiet") || print(v, err));
	ok = ok && keep(call, v, base, &document, err);
	str_release(&document);
	return ok;
}

bool train_vary(const struct call *call, const struct job *base, struct err *err)
{
	struct variants *v = arena_alloc(call->arena, sizeof(*v));

	if (!v)
		return err_memory(err);
	v->space.root = &job_element;
	for (size_t i = 0; i < call->setting_count; i++)
		if (strcmp(call->settings[i].option->name, "vary") == 0 && !add_axis(call, &v->space, call->settings[i].value, err))
			return false;
	if (v->space.count == 0)
		return err_set(err, ERR_INPUT, "nothing to vary; expected --vary NAME=A,B,..., for example --vary tp=1,2,4");
	if (space_size(&v->space) > VARIANTS_OF_A_JOB)
		return err_set(err, ERR_INPUT, "--vary: more than %d crossings", VARIANTS_OF_A_JOB);
	v->count = (size_t)space_size(&v->space) + 1;
	v->at = arena_alloc(call->arena, v->count * sizeof(*v->at));
	if (!v->at)
		return err_memory(err);
	for (size_t i = 0; i < v->count; i++)
		if (!run_variant(call, v, base, i, err))
			return false;
	return outputs(call, v, base, err);
}
