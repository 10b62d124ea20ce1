/* Sides from JSON files that commands wrote, and the file of kept figures. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "reports/metric.h"
#include "reports/run_json.h"
#include "reports/side.h"

enum { FILE_MOST = 256 << 20, DEEPEST = 16 };

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Numbers of nested objects by their path: {"ttft_s": {"p99": 1}} is "ttft_s.p99". Arrays and texts are passed over. */
static bool numbers(struct side *side, struct side_case *c, const json_t *object, const char *prefix, int depth, struct err *err)
{
	const char *key;
	json_t *value;
	char path[256];

	json_object_foreach((json_t *)object, key, value) {
		if (snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key) >= (int)sizeof(path))
			continue;
		if (json_is_number(value) && !side_figure_add(side, c, path, json_number_value(value), err))
			return false;
		if (json_is_object(value) && depth < DEEPEST && !numbers(side, c, value, path, depth + 1, err))
			return false;
	}
	return true;
}

struct inputs {
	struct side *side;
	struct key_value *at;
	size_t count, room;
};

/* Text, number, yes or no: as a scenario holds it. */
static const char *plain_text(const json_t *value, char number[32])
{
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_integer(value))
		snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return json_is_string(value) ? json_string_value(value) : json_is_integer(value) ? number : number_text(number, json_number_value(value));
}

static bool input(struct inputs *in, const char *path, const json_t *value, struct err *err)
{
	struct key_value *more = in->at;
	char number[32];

	if (in->count == in->room) {
		in->room = in->room ? 2 * in->room : 64;
		more = arena_alloc(in->side->arena, in->room * sizeof(*more));
		if (more && in->count)
			memcpy(more, in->at, in->count * sizeof(*more));
	}
	if (more) {
		in->at = more;
		in->at[in->count].key = arena_strdup(in->side->arena, path);
		in->at[in->count].value = arena_strdup(in->side->arena, plain_text(value, number));
	}
	return (more && in->at[in->count].key && in->at[in->count++].value) || err_memory(err);
}

/* The scenario of a run as paths again: objects nest by words, arrays by numbers. */
static bool inputs(struct inputs *in, const json_t *value, const char *path, int depth, struct err *err)
{
	const char *key;
	json_t *inner;
	char longer[256];
	size_t i;

	if (depth > DEEPEST)
		return true;
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, inner)
			if (snprintf(longer, sizeof(longer), "%s%s%s", path, *path ? "." : "", key) < (int)sizeof(longer) &&
			    !inputs(in, inner, longer, depth + 1, err))
				return false;
		return true;
	}
	if (json_is_array(value)) {
		json_array_foreach((json_t *)value, i, inner)
			if (snprintf(longer, sizeof(longer), "%s.%zu", path, i) < (int)sizeof(longer) && !inputs(in, inner, longer, depth + 1, err))
				return false;
		return true;
	}
	return json_is_null(value) || input(in, path, value, err);
}

static bool take_inputs(struct side *side, struct side_case *c, const json_t *object, struct err *err)
{
	struct inputs in = { .side = side };
	bool ok = inputs(&in, object, "", 0, err);

	c->inputs = in.at;
	c->input_count = in.count;
	return ok;
}

/* A member that is true, false or absent as a figure. */
static bool met(struct side *side, struct side_case *c, const json_t *object, const char *key, const char *figure, struct err *err)
{
	const json_t *value = json_object_get(object, key);

	return !json_is_boolean(value) || side_figure_add(side, c, figure, json_is_true(value), err);
}

static bool run(struct side *side, const json_t *doc, struct err *err)
{
	const char *title = text_at(doc, "title"), *model;
	struct side_case *c;

	/* The document has no title of its own: what identifies the run is its scenario's. */
	if (!title)
		title = text_at(json_object_get(doc, "scenario"), "title");
	model = text_at(json_object_get(json_object_get(doc, "scenario"), "model"), "name");
	c = side_add(side, title ? title : model ? model : "run", title, err);
	if (!c || !take_inputs(side, c, json_object_get(doc, "scenario"), err))
		return false;
	for (const struct metric *m = metrics; m->path; m++) {
		const json_t *at = doc;
		char word[64];

		for (const char *p = m->path; at && *p; p += strcspn(p, ".") + (p[strcspn(p, ".")] == '.')) {
			snprintf(word, sizeof(word), "%.*s", (int)strcspn(p, "."), p);
			at = json_object_get(at, word);
		}
		if (json_is_number(at) && !text_starts(m->path, "sim.") && !side_figure_add(side, c, metric_name(m), json_number_value(at), err))
			return false;
	}
	return met(side, c, doc, "slos_met", SIDE_SLOS_MET, err);
}

/* What vibee.train/1 calls otherwise than the metrics do. */
static const struct { const char *key, *metric; } train_names[] = {
	{ "tokens_per_s_per_device", "training.tokens_per_s_device" },      { "memory.weights", "memory.weights_bytes" },
	{ "memory.gradients", "training.gradient_bytes" },                 { "memory.optimizer", "training.optimizer_bytes" },
	{ "memory.activations", "memory.activation_bytes" },               { "memory.buffers", "memory.reserved_bytes" },
	{ "reliability.effective_training_ratio", "training.effective" },
};

static const char *train_metric(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(train_names); i++)
		if (strcmp(train_names[i].key, key) == 0)
			return train_names[i].metric;
	for (const struct metric *m = metrics; m->path; m++)   /* "step_s" is the metric training.step_s */
		if (text_starts(m->path, "training.") && strcmp(m->path + strlen("training."), key) == 0)
			return m->path;
	return NULL;
}

static bool train(struct side *side, const json_t *doc, struct err *err)
{
	struct side_case *c = side_add(side, text_at(doc, "title") ? text_at(doc, "title") : "training", NULL, err);
	json_t *figures = c ? json_copy((json_t *)doc) : NULL;
	struct side all;
	struct side_case *raw;
	bool ok;

	if (!figures)
		return c ? err_memory(err) : false;
	json_object_del(figures, "scenario");
	json_object_del(figures, "layout");
	json_object_del(figures, "sim");
	side_init(&all, "", side->arena);
	raw = side_add(&all, "", NULL, err);
	ok = raw && take_inputs(side, c, json_object_get(doc, "scenario"), err) && numbers(&all, raw, figures, "", 0, err);
	json_decref(figures);
	for (size_t i = 0; ok && i < raw->figure_count; i++) {
		const char *name = train_metric(raw->figures[i].name);

		ok = side_figure_add(side, c, name ? name : raw->figures[i].name, raw->figures[i].value, err);
	}
	return ok;
}

static bool samples(struct side *side, struct side_case *c, const char *name, const char *unit, int better, const json_t *values, struct err *err)
{
	size_t count = json_array_size(values), n = 0;
	double *all = mem_alloc((count + 1) * sizeof(*all));
	bool ok;

	if (!all)
		return err_memory(err);
	for (size_t i = 0; i < count; i++)
		if (json_is_number(json_array_get(values, i)))
			all[n++] = json_number_value(json_array_get(values, i));
	ok = side_samples_add(side, c, name, unit, better, all, n, err);
	mem_free(all);
	return ok;
}

static bool bench(struct side *side, const json_t *doc, struct err *err)
{
	const json_t *list = json_object_get(doc, "benches"), *b;
	size_t i;

	json_array_foreach(list, i, b) {
		const char *name = text_at(b, "name"), *unit = text_at(b, "unit");
		char title[200];
		struct side_case *c;

		if (!name)
			continue;
		snprintf(title, sizeof(title), "bench %s", name);      /* as the database calls it */
		c = side_add(side, title, text_at(b, "what"), err);
		if (!c || !samples(side, c, unit ? unit : "value", unit, side_unit_better(unit), json_object_get(b, "samples"), err))
			return false;
	}
	return true;
}

/* Variants of a what-if, the best of a search: a label and an object of metrics each. */
static bool variants(struct side *side, const json_t *list, struct err *err)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		struct side_case *c = text_at(v, "label") ? side_add(side, text_at(v, "label"), NULL, err) : NULL;

		if (text_at(v, "label") && (!c || !numbers(side, c, json_object_get(v, "metrics"), "", 0, err) ||
					    !met(side, c, v, "slos_met", SIDE_SLOS_MET, err)))
			return false;
	}
	return true;
}

static bool whatif(struct side *side, const json_t *doc, struct err *err)
{
	return variants(side, json_object_get(doc, "variants"), err);
}

static bool search(struct side *side, const json_t *doc, struct err *err)
{
	return variants(side, json_object_get(doc, "best"), err);
}

static bool validation(struct side *side, const json_t *doc, struct err *err)
{
	const json_t *list = json_object_get(doc, "summary"), *row;
	size_t i;

	json_array_foreach(list, i, row) {
		const char *group = text_at(row, "group"), *provider = text_at(row, "provider");
		char name[200];
		struct side_case *c;

		if (!group)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", group, provider ? " " : "", provider ? provider : "");
		c = side_add(side, name, NULL, err);
		if (!c || !numbers(side, c, row, "", 0, err))
			return false;
		for (size_t k = 0; k < c->figure_count; k++)
			c->figures[k].better = strstr(c->figures[k].name, "error") ? -1 : 0;
		if (!met(side, c, row, "met", SIDE_BARS_MET, err))
			return false;
	}
	return true;
}

/* A capacity plan is one case: its totals and the ends of its interval. Less money, devices and shortfall are better. */
static bool plan(struct side *side, const json_t *doc, struct err *err)
{
	static const char *const less[] = { "usd", "device", "shortfall", "kwh" };
	struct side_case *c = side_add(side, text_at(doc, "title") ? text_at(doc, "title") : "plan", NULL, err);

	if (!c || !numbers(side, c, doc, "", 0, err))
		return false;
	for (size_t i = 0; i < c->figure_count; i++)
		for (size_t k = 0; k < COUNT_OF(less); k++)
			if (strstr(c->figures[i].name, less[k]))
				c->figures[i].better = -1;
	return true;
}

static bool kept_case(struct side *side, const json_t *object, struct err *err)
{
	const json_t *measured = json_object_get(object, "measured"), *m;
	struct side_case *c = side_add(side, text_at(object, "name") ? text_at(object, "name") : "", text_at(object, "title"), err);
	const char *file = text_at(object, "file");
	size_t i;

	if (!c || !take_inputs(side, c, json_object_get(object, "inputs"), err) ||
	    !numbers(side, c, json_object_get(object, "figures"), "", 0, err))
		return false;
	if (file && !(c->file = arena_strdup(side->arena, file)))
		return err_memory(err);
	json_array_foreach(measured, i, m) {
		const char *unit = text_at(m, "unit");

		if (!samples(side, c, text_at(m, "name") ? text_at(m, "name") : "value", unit, (int)json_number_value(json_object_get(m, "better")),
			     json_object_get(m, "samples"), err))
			return false;
	}
	return true;
}

static bool kept(struct side *side, const json_t *doc, struct err *err)
{
	const json_t *list = json_object_get(doc, "cases"), *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (!kept_case(side, one, err))
			return false;
	return true;
}

static const struct { const char *schema; bool (*read)(struct side *side, const json_t *doc, struct err *err); } readers[] = {
	{ "vibee.figures/1", kept },  { "vibee.run/1", run },       { "vibee.train/1", train },          { "vibee.bench/1", bench },
	{ "vibee.whatif/1", whatif }, { "vibee.search/1", search }, { "vibee.validate/1", validation },
	{ "vibee.plan/1", plan },
};

static bool document(struct side *side, const char *path, const json_t *doc, struct err *err)
{
	const char *schema = text_at(doc, "schema"), *names[COUNT_OF(readers)], *near;

	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		names[i] = readers[i].schema;
		if (text_equal(schema, names[i]))
			return readers[i].read(side, doc, err);
	}
	near = schema ? text_nearest(schema, names, COUNT_OF(readers)) : NULL;
	if (!schema)
		return err_set(err, ERR_INPUT, "%s: no \"schema\"; expected JSON that run, train, whatif, search, validate, bench or compare --save wrote", path);
	return err_set(err, ERR_INPUT, "%s: schema \"%.40s\" cannot be compared; expected %s", path, schema, near ? near : "vibee.run/1, vibee.figures/1 or another of a command's --json");
}

bool side_of_json_text(struct side *side, const char *origin, const char *text, size_t length, struct err *err)
{
	json_error_t where;
	json_t *doc = json_loadb(text, length, 0, &where), *one;
	bool ok = doc || err_set(err, ERR_INPUT, "%s:%d: not JSON: %s", origin, where.line, where.text);
	size_t i;

	if (json_is_array(doc)) {
		json_array_foreach(doc, i, one)
			ok = ok && document(side, origin, one, err);
	} else if (doc) {
		ok = document(side, origin, doc, err);
	}
	if (ok && side->count == 0)
		ok = err_set(err, ERR_INPUT, "%s: holds nothing to compare", origin);
	json_decref(doc);
	return ok && side_name_apart(side, err);
}

bool side_of_json(struct side *side, const char *path, struct err *err)
{
	size_t length = 0;
	char *text = paths_read(path, FILE_MOST, &length, err);
	bool ok = text && side_of_json_text(side, path, text, length, err);

	mem_free(text);
	return ok;
}

static void json_kept_figures(struct json *j, const struct side_case *c)
{
	json_begin_object(j, "figures");
	for (size_t i = 0; i < c->figure_count; i++)
		if (!c->figures[i].samples)
			json_number(j, c->figures[i].name, c->figures[i].value);
	json_end(j);
	json_begin_array(j, "measured");
	for (size_t i = 0; i < c->figure_count; i++) {
		const struct side_figure *f = &c->figures[i];

		if (!f->samples)
			continue;
		json_begin_object(j, NULL);
		json_clean(j, "name", f->name);
		json_clean(j, "unit", f->unit);
		json_int(j, "better", f->better);
		json_begin_array(j, "samples");
		for (size_t k = 0; k < f->sample_count; k++)
			json_number(j, NULL, f->samples[k]);
		json_end(j);
		json_end(j);
	}
	json_end(j);
}

bool side_json(const struct side *side, struct str *out, struct err *err)
{
	struct json j, inner;
	struct str line = { 0 };

	json_init(&j, out, true);
	json_begin_object(&j, NULL);
	json_text(&j, "schema", "vibee.figures/1");
	json_begin_array(&j, "cases");
	for (size_t i = 0; i < side->count; i++) {
		const struct side_case *c = side->cases[i];

		json_begin_object(&j, NULL);
		json_clean(&j, "name", c->name);
		json_clean(&j, "title", c->title);
		json_clean(&j, "file", c->file);
		/* On one line: what a reader of the file's history looks at are the figures. */
		str_clear(&line);
		json_init(&inner, &line, false);
		json_begin_object(&inner, NULL);
		for (size_t k = 0; k < c->input_count; k++)
			json_clean(&inner, c->inputs[k].key, c->inputs[k].value ? c->inputs[k].value : "");
		json_end(&inner);
		json_raw(&j, "inputs", str_text(&line));
		json_kept_figures(&j, c);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	out->failed = out->failed || line.failed;
	str_release(&line);
	return !out->failed || err_memory(err);
}
