/* What is kept of a comparison: a JSON object in the database, a line of validation/gains.csv. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/paths.h"
#include "base/str.h"
#include "validation/gains.h"

/* The kernel that the module is about; core kernels on other shapes do the work of some. */
static const char *kernel_of(const struct gain_row *row)
{
	for (size_t i = 0; i < row->count[GAIN_WITH]; i++) {
		const struct kernel_family *f = row->parts[GAIN_WITH][i].family;

		if (f && strcmp(f->area, "core") != 0)
			return f->name;
	}
	return row->gain->kernel ? row->gain->kernel : "core kernels";
}

bool gain_record_text(const struct gain_row *row, const struct gains_study *s, struct str *out, struct err *err)
{
	return gain_record_write(&(struct gain_record){ .module = row->gain->module, .kernel = kernel_of(row), .device = s->host, .at = s->at,
							.kernel_error = row->kernel_error, .predicted = row->predicted, .measured = row->measured }, out, err);
}

bool gain_record_write(const struct gain_record *r, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, false);
	json_begin_object(&j, NULL);
	json_text(&j, "module", r->module);
	json_text(&j, "kernel", r->kernel);
	json_text(&j, "device", r->device);
	json_text(&j, "at", r->at);
	json_number(&j, "kernel_error", r->kernel_error);
	json_number(&j, "predicted", r->predicted);
	json_number(&j, "measured", r->measured);
	json_end(&j);
	return !out->failed || err_memory(err);
}

static double number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

bool gain_record_parse(const char *text, struct gain_record *out, struct arena *arena)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *const keys[] = { "module", "kernel", "device", "at" };
	const char **to[] = { &out->module, &out->kernel, &out->device, &out->at };
	bool ok = json_is_object(o);

	for (size_t i = 0; ok && i < COUNT_OF(keys); i++) {
		const char *v = json_string_value(json_object_get(o, keys[i]));

		*to[i] = v ? arena_strdup(arena, v) : NULL;
		ok = *to[i] != NULL;
	}
	if (ok) {
		out->kernel_error = number(o, "kernel_error");
		out->predicted = number(o, "predicted");
		out->measured = number(o, "measured");
		ok = isfinite(out->predicted) && isfinite(out->measured);
	}
	json_decref(o);
	return ok;
}

void gains_csv(const struct gains_study *s, struct str *out)
{
	str_add(out, "module,kernel,device,at,kernel_error,predicted,measured\n");
	for (size_t i = 0; i < s->count; i++) {
		const struct gain_row *r = &s->rows[i];

		if (!isfinite(r->rel_error))
			continue;
		str_addf(out, "%s,%s,%s,%s,%.2g,%.4g,%.4g\n", r->gain->module, kernel_of(r), s->host, s->at, r->kernel_error, r->predicted,
			 r->measured);
	}
}

bool gain_records_load(const struct gain_record **out, size_t *count, struct arena *arena, struct err *err)
{
	enum { RECORDS_MOST = 256 };
	const char *path = paths_data("validation/gains.csv", arena, err);
	struct csv *c = path ? csv_open(path, err) : NULL;
	struct gain_record *at = arena_alloc(arena, RECORDS_MOST * sizeof(*at));
	bool ok = c && (at || err_memory(err));

	*count = 0;
	while (ok && *count < RECORDS_MOST && csv_next(c, err)) {
		struct gain_record *r = &at[(*count)++];

		r->module = arena_strdup(arena, csv_text(c, csv_find(c, "module")));
		r->kernel = arena_strdup(arena, csv_text(c, csv_find(c, "kernel")));
		r->device = arena_strdup(arena, csv_text(c, csv_find(c, "device")));
		r->at = arena_strdup(arena, csv_text(c, csv_find(c, "at")));
		ok = ((r->module && r->kernel && r->device && r->at) || err_memory(err)) && csv_number(c, csv_find(c, "kernel_error"), &r->kernel_error, err) &&
		     csv_number(c, csv_find(c, "predicted"), &r->predicted, err) && csv_number(c, csv_find(c, "measured"), &r->measured, err);
	}
	csv_close(c);
	*out = at;
	return ok && err->kind == ERR_NONE;
}
