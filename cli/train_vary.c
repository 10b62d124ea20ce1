#include "cli/train_vary.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/study_outputs.h"
#include "cli/train_options.h"
#include "cli/train_vary_outputs.h"
#include "reports/outfile.h"
#include "sim/plan/axis.h"
#include "sim/train/train.h"

enum { VARIANTS_OF_A_JOB = 2000 };

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
static bool run_variant(const struct call *call, const struct space *space, struct job_variant *out, const struct job *base, size_t n, struct err *err)
{
	struct train_wishes wishes = { 0 };
	size_t choice[AXES_MOST];
	struct job job = *base;
	struct err own = { 0 };
	struct str label = { 0 };

	if (n > 0)
		space_at(space, (int64_t)n - 1, choice);
	for (size_t i = 0; n > 0 && i < space->count; i++) {
		const struct axis *a = &space->axes[i];

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

static bool keep(const struct call *call, const struct job_variants *v, const struct str *document, struct err *err)
{
	struct study_row *rows = arena_alloc(call->arena, v->count * sizeof(*rows));
	const char *database;
	char id[33] = "";

	if (!rows)
		return err_memory(err);
	for (size_t i = 0; i < v->count; i++) {
		const struct job_variant *one = &v->at[i];
		struct str own = { 0 };
		struct json j;

		json_init(&j, &own, false);
		json_object(&j, NULL);
		if (!one->why)
			job_figures_json(&j, &one->r);
		json_end(&j);
		rows[i] = (struct study_row){ one->label, one->why ? "invalid" : "done", one->why ? NULL : one->r.scenario_hash,
					      arena_strdup(call->arena, str_text(&own)) };
		str_release(&own);
	}
	if (!study_keep(call, "whatif", v->title, str_text(document), rows, v->count, id, &database, err))
		return false;
	if (database && !call_flag(call, "quiet") && !call_text(call, "json"))
		printf("\nstudy %.12s  kept in %s\n", id, database);
	return true;
}

/* Commands that have no such option ask for nothing. */
static const char *asked(const struct call *call, const char *option)
{
	return option_find(call->command, option) ? call_text(call, option) : NULL;
}

static bool on_standard_output(const char *path)
{
	return path && strcmp(path, "-") == 0;
}

static bool outputs(const struct call *call, const struct job_variants *v, struct err *err)
{
	const char *json = call_text(call, "json"), *csv = asked(call, "csv"), *svg = asked(call, "svg"), *html = asked(call, "html");
	struct str document = { 0 }, out = { 0 };
	bool ok = job_variants_json(v, &document, err);

	ok = ok && (!json || outfile_write(json, str_text(&document), document.length, err));
	if (ok && csv) {
		ok = job_variants_csv(v, &out, err);
		ok = study_write(csv, &out, ok, err);
	}
	if (ok && svg) {
		ok = job_variants_svg(v, true, &out, err);
		ok = study_write(svg, &out, ok, err);
	}
	if (ok && html) {
		ok = job_variants_html(v, &out, err);
		ok = study_write(html, &out, ok, err);
	}
	if (ok && !call_flag(call, "quiet") && !on_standard_output(json) && !on_standard_output(csv)) {
		ok = job_variants_text(v, &out, err);
		ok = study_write("-", &out, ok, err);
	}
	ok = ok && keep(call, v, &document, err);
	str_release(&document);
	return ok;
}

bool train_vary(const struct call *call, const struct job *base, struct err *err)
{
	struct space *space = arena_alloc(call->arena, sizeof(*space));
	struct job_variants v = { .title = arena_printf(call->arena, "training %s", base->title ? base->title : base->model.name) };

	if (!space || !v.title)
		return err_memory(err);
	space->root = &job_element;
	for (size_t i = 0; i < call->setting_count; i++)
		if (strcmp(call->settings[i].option->name, "vary") == 0 && !add_axis(call, space, call->settings[i].value, err))
			return false;
	if (space->count == 0)
		return err_set(err, ERR_INPUT, "nothing to vary; expected --vary NAME=A,B,..., for example --vary tp=1,2,4");
	if (space_size(space) > VARIANTS_OF_A_JOB)
		return err_set(err, ERR_INPUT, "--vary: more than %d crossings", VARIANTS_OF_A_JOB);
	v.count = (size_t)space_size(space) + 1;
	v.at = arena_alloc(call->arena, v.count * sizeof(*v.at));
	if (!v.at)
		return err_memory(err);
	for (size_t i = 0; i < v.count; i++)
		if (!run_variant(call, space, &v.at[i], base, i, err))
			return false;
	return outputs(call, &v, err);
}
