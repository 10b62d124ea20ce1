#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "validation/training.h"

static void percent(struct table *t, int style, double v, bool sign)
{
	if (isnan(v))
		table_cell(t, STYLE_FAINT, "-");
	else
		table_cellf(t, style, sign ? "%+.1f %%" : "%.1f %%", 100 * v);
}

static bool groups(const struct training_study *s, const char *by, const struct term *term, struct str *out, struct err *err)
{
	const struct table_column columns[] = { { by, false }, { "rows", true }, { "compared", true }, { "median", true }, { "P90", true }, { "> 40 %", true }, { "bias", true } };
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < s->group_count; i++) {
		const struct training_group *g = &s->groups[i];

		if (strcmp(g->by, by) != 0)
			continue;
		table_cell(t, STYLE_PLAIN, g->name);
		table_cellf(t, STYLE_PLAIN, "%zu", g->rows);
		table_cellf(t, STYLE_PLAIN, "%zu", g->simulated);
		percent(t, STYLE_STRONG, g->median, false);
		percent(t, STYLE_PLAIN, g->p90, false);
		table_cellf(t, g->over ? STYLE_WARN : STYLE_FAINT, "%zu", g->over);
		percent(t, STYLE_PLAIN, g->bias, true);
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	str_add(out, "\n");
	return ok;
}

static int worst_first(const void *a, const void *b)
{
	const struct training_outcome *x = *(const struct training_outcome *const *)a, *y = *(const struct training_outcome *const *)b;
	double e = fabs(x->error), f = fabs(y->error);

	return e > f ? -1 : e < f;
}

static bool worst_rows(const struct training_study *s, size_t most, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = { { "id", false }, { "model", false }, { "accelerator", false }, { "n", true }, { "layout", false }, { "batch", false },
						       { "metric", false }, { "published", true }, { "simulated", true }, { "error", true }, { "reason", false } };
	const struct training_outcome **all = mem_calloc(s->rows.count + 1, sizeof(*all));
	struct table *t = table_new(columns, COUNT_OF(columns));
	size_t n = 0;
	bool ok = all && t;

	for (size_t i = 0; ok && i < s->rows.count; i++)
		if (s->outcomes[i].compared && fabs(s->outcomes[i].error) > 0.4)
			all[n++] = &s->outcomes[i];
	if (ok && n > 0 && most > 0) {
		qsort(all, n, sizeof(*all), worst_first);
		str_addf(out, "%zu rows over 40 %%; the furthest off:\n", n);
		for (size_t i = 0; i < n && i < most; i++) {
			const struct published_row *r = all[i]->row;

			table_cell(t, STYLE_FAINT, r->id), table_cell(t, STYLE_PLAIN, r->model), table_cell(t, STYLE_PLAIN, r->accelerator);
			table_cellf(t, STYLE_PLAIN, "%.0f", r->devices);
			table_cell(t, STYLE_PLAIN, r->parallelism), table_cell(t, STYLE_PLAIN, r->batch), table_cell(t, STYLE_PLAIN, r->metric);
			table_cellf(t, STYLE_PLAIN, "%.4g", r->value);
			table_cellf(t, STYLE_PLAIN, "%.4g", all[i]->predicted);
			percent(t, STYLE_WARN, all[i]->error, true);
			table_cell(t, STYLE_PLAIN, r->reason[0] ? r->reason : all[i]->set.search ? "layout not stated: ours is the best that fits" : "unexplained");
		}
		ok = table_print(t, term, 0, out, err);
		str_add(out, "\n");
	}
	table_free(t);
	mem_free(all);
	return ok ? true : err_memory(err);
}

static void not_simulated(const struct training_study *s, struct str *out)
{
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct training_case *c = &s->outcomes[i].set;
		size_t n = 0;
		bool first = c->why != NULL;

		for (size_t k = 0; k < s->rows.count && c->why; k++)
			if (s->outcomes[k].set.why && strcmp(s->outcomes[k].set.why, c->why) == 0) {
				n++;
				first = first && k >= i;
			}
		if (!first)
			continue;
		str_addf(out, "%6zu  %s", n, c->why);
		if (c->detail)
			str_addf(out, ": %s%s", c->detail, n > 1 ? " ..." : "");
		str_add(out, "\n");
	}
}

bool training_text(const struct training_study *s, size_t worst, const struct term *term, struct str *out, struct err *err)
{
	static const char *const order[] = { "source", "accelerator", "model", "metric", "all" };
	size_t simulated = 0;

	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (!groups(s, order[i], term, out, err))
			return false;
	str_addf(out, "errors are |simulated / published - 1| on rows %s, by source, accelerator and model; bias is the median with its sign\n\n",
		 s->fitted_rows ? "that coefficients may be fitted to" : "held out");
	if (!worst_rows(s, worst, term, out, err))
		return false;
	for (size_t i = 0; i < s->rows.count; i++)
		simulated += !isnan(s->outcomes[i].error);
	str_addf(out, "%zu of %zu rows simulated, %zu not:\n", simulated, s->rows.count, s->rows.count - simulated);
	not_simulated(s, out);
	str_addf(out, "\n%zu simulations in %.1f s\n", s->simulations, s->wall_s);
	return out->failed ? err_memory(err) : true;
}

bool training_json(const struct training_study *s, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "published");
	json_array(&j, "rows");
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct training_outcome *o = &s->outcomes[i];

		json_object(&j, NULL);
		json_text(&j, "id", o->row->id);
		json_text(&j, "group", o->source);
		json_text(&j, "model", o->row->model);
		json_text(&j, "accelerator", o->row->accelerator);
		json_text(&j, "metric", o->row->metric);
		json_text(&j, "unit", o->row->unit);
		json_number(&j, "predicted", o->predicted);
		json_number(&j, "measured", o->row->value);
		json_number(&j, "rel_error", o->error);
		json_bool(&j, "held_out", o->held_out);
		json_text(&j, "why", o->set.why);
		json_text(&j, "detail", o->set.detail);
		json_text(&j, "scenario", o->set.settings);
		json_end(&j);
	}
	json_end(&j);
	json_array(&j, "summary");
	for (size_t i = 0; i < s->group_count; i++) {
		const struct training_group *g = &s->groups[i];

		json_object(&j, NULL);
		json_text(&j, "by", g->by);
		json_text(&j, "group", g->name);
		json_int(&j, "count", (int64_t)g->simulated);
		json_number(&j, "median_abs_rel_error", g->median);
		json_number(&j, "p90_abs_rel_error", g->p90);
		json_number(&j, "bias", g->bias);
		json_end(&j);
	}
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
	return out->failed ? err_memory(err) : true;
}

const struct validation_error *training_errors(const struct training_study *s, size_t *count, struct err *err)
{
	struct validation_error *rows = arena_alloc(s->arena, (s->group_count + 1) * sizeof(*rows));

	*count = 0;
	if (!rows) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < s->group_count; i++) {
		const struct training_group *g = &s->groups[i];

		rows[(*count)++] = (struct validation_error){ arena_printf(s->arena, "training/%s/%s", g->by, g->name), !s->fitted_rows, g->simulated, g->median, g->p90 };
	}
	return rows;
}
