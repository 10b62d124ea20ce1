#include "cli/train_search.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/train_outputs.h"
#include "reports/outfile.h"

static bool choose(const char *option, const char *text, const char *const *names, int *out, struct err *err)
{
	size_t n = 0;
	const char *near;

	*out = 0;
	for (; names[n]; n++)
		if (!text || strcmp(names[n], text) == 0) {
			*out = (int)n;
			return true;
		}
	near = text_nearest(text, names, n);
	return err_set(err, ERR_INPUT, "--%s %s: expected %s%s%s%s%s%s%s", option, text, names[0], n > 2 ? ", " : " or ", names[1], n > 2 ? " or " : "",
		       n > 2 ? names[2] : "", near ? "; did you mean " : "", near ? near : "");
}

static void add_layout(const char *path, const struct field *field, const char *value, void *ctx)
{
	if ((text_starts(path, "layout.") && (!field->fallback || strcmp(field->fallback, value) != 0) && strcmp(value, "default") != 0 && strcmp(value, "0") != 0) ||
	    strcmp(path, "batch.micro") == 0)
		str_addf(ctx, " %s=%s", text_starts(path, "layout.") ? path + strlen("layout.") : path, value);
}

/* The layout in the words of a job file, without what is by default. */
static bool say_layout(const struct job *job, struct err *err)
{
	struct str text = { 0 };
	bool ok = schema_each(&job_element, job, add_layout, &text) && !text.failed;

	if (ok)
		fprintf(stderr, "layout%s\n", str_text(&text));
	str_release(&text);
	return ok || err_memory(err);
}

/* Replaces the job's layout by the best one, and says what was searched. */
bool take_best(const struct call *call, struct job *job, struct layout_search *search, struct err *err)
{
	struct train_parts parts;
	int objective = 0, space = 0;
	bool ok;

	*search = (struct layout_search){ 0 };
	ok = choose("objective", call_text(call, "objective"), layout_objective_names, &objective, err) &&
	     choose("space", call_text(call, "space"), layout_space_names, &space, err) && train_parts_load(job, &parts, call->arena, err);
	if (!ok)
		return false;
	search->objective = (enum layout_objective)objective, search->space = (enum layout_space)space;
	ok = layout_best(job, &parts, search, err);
	train_parts_release(&parts);
	if (!ok)
		return false;
	*job = search->best;
	fprintf(stderr, "best of %lld layouts in %.2f s: %lld out of memory, %lld beyond the bound, %lld simulated", (long long)search->candidates,
		search->wall_s, (long long)search->over_memory, (long long)search->beyond, (long long)search->simulated);
	if (search->impossible > 0)
		fprintf(stderr, ", %lld impossible", (long long)search->impossible);
	fprintf(stderr, "\n");
	return say_layout(&search->best, err);
}

static void add_text(const char *path, const struct field *field, const char *value, void *ctx)
{
	(void)field;
	if (text_starts(path, "layout.") || strcmp(path, "batch.micro") == 0)
		json_text(ctx, path, value);
}

static bool write_json(const struct layout_search *s, const struct train_result *r, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.search/1");
	json_text(&j, "kind", "train");
	json_int(&j, "candidates", s->candidates);
	json_int(&j, "evaluated", s->candidates - s->impossible);
	json_int(&j, "impossible", s->impossible);
	json_int(&j, "out_of_memory", s->over_memory);
	json_int(&j, "beyond_bound", s->beyond);
	json_int(&j, "simulated", s->simulated);
	json_number(&j, "wall_s", s->wall_s);
	json_array(&j, "best");
	json_object(&j, NULL);
	json_object(&j, "values");
	ok = schema_each(&job_element, &s->best, add_text, &j);
	json_end(&j);
	json_object(&j, "metrics");
	json_number(&j, "step_s", r->step_s);
	json_number(&j, "tokens_per_s", r->tokens_per_s);
	json_number(&j, "mfu", r->mfu);
	json_number(&j, "peak_bytes", r->memory.peak_bytes);
	json_number(&j, "usd_per_1m_tokens", r->usd_per_1m_tokens);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = ok && !out.failed ? outfile_write(path, str_text(&out), out.length, err) : err_memory(err);
	str_release(&out);
	return ok;
}

bool train_search(const struct call *call, struct job *job, struct err *err)
{
	const char *json = call_text(call, "json");
	struct layout_search search;
	struct train_result r;

	if (!take_best(call, job, &search, err) || !train_run(job, &(struct train_wishes){ 0 }, &r, call->arena, err))
		return false;
	if (json && !write_json(&search, &r, json, err))
		return false;
	return (json && strcmp(json, "-") == 0) || call_flag(call, "quiet") || train_show(&r, err);
}
