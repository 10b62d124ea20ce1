#include "validation/kernels_validate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "hardware/cost.h"
#include "validation/calibrate.h"
#include "validation/calibrate_points.h"
#include "validation/kernel_ops.h"
#include "validation/run_means.h"

struct work {
	const struct kernels_options *o;
	struct kernels_study *s;
	struct arena *arena;
	struct cost_model *cost;
	size_t capacity;
};

static bool is_wanted(const struct kernels_options *o, const struct kernel_family *f)
{
	return f->op && (!o->area || !strcmp(f->area, o->area)) && (!o->op || !strncmp(f->name, o->op, strlen(o->op)));
}

/* The shapes, and what the device says about them before anything is measured. */
static bool draw(struct work *w, struct err *err)
{
	struct str text = { 0 };
	bool ok = true;

	for (int i = 0; ok && kernel_families[i]; i++) {
		const struct kernel_family *f = kernel_families[i];
		struct rng r;

		if (!is_wanted(w->o, f))
			continue;
		rng_init(&r, (uint64_t)w->o->seed, f->name);
		for (int64_t n = 0; ok && n < w->o->per_kernel; n++) {
			struct kernels_row row = { .family = f };
			struct op_cost cost;
			struct op op;

			if (!unseen_shape(f, &r, w->o->threads, &row.shape) || !kernel_op(f, &row.shape, &op))
				break;
			row.kernel = kernel_default(f, &row.shape);
			cost_op(w->cost, &op, &cost);
			row.predicted_s = cost.seconds;
			row.provider = provider_names[cost.provider];
			str_clear(&text);
			kernel_shape_text(f, &row.shape, &text);
			row.id = arena_strdup(w->arena, str_text(&text));
			row.group = arena_printf(w->arena, "%s/%s/%s", f->name, row.kernel->variant,
						 kernel_format_names[strncmp(f->name, "attention", 9) ? row.shape.format : row.shape.kv_format]);
			ok = (row.id && row.group && mem_grow(&w->s->rows, &w->capacity, w->s->row_count + 1, sizeof(row))) || err_memory(err);
			if (ok)
				w->s->rows[w->s->row_count++] = row;
		}
	}
	str_release(&text);
	if (ok && w->s->row_count == 0)
		ok = err_set(err, ERR_INPUT, "no kernel of this area or name can be validated: expected --area core, or --op gemm, attention_decode ...");
	return ok;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool sample_all(struct work *w, struct timing *t, struct samples *samples, size_t *order, struct err *err)
{
	size_t n = w->s->row_count;

	for (int round = 0; round < w->o->rounds; round++) {
		struct rng r;

		rng_init(&r, (uint64_t)round, "validation");
		for (size_t i = 0; i < n; i++) {
			size_t j = rng_below(&r, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < n; i++) {
			const struct kernels_row *row = &w->s->rows[order[i]];
			struct kernel_case *c = kernel_case_new(row->family, &row->shape, 99 + (uint64_t)round, err);

			if (w->o->progress)
				w->o->progress(w->o->ctx, (double)(round * (int)n + (int)i) / (double)(w->o->rounds * (int)n), row->family->name);
			if (!c)
				return false;
			if (w->o->where == FROM_LAST_CACHE)
				timing_settle(t, c);
			take_samples(t, c, row->kernel, w->o->where, true, 3, &samples[order[i]]);
			kernel_case_free(c);
		}
	}
	return true;
}

static bool measure(struct work *w, struct err *err)
{
	struct kernels_study *s = w->s;
	struct samples *samples = mem_calloc(s->row_count, sizeof(*samples));
	size_t *order = mem_calloc(s->row_count, sizeof(*order)), paces = 0;
	double *pace = mem_calloc(s->row_count * SAMPLES_MOST, sizeof(*pace));
	struct run_mean *means = mem_calloc(s->row_count, sizeof(*means));
	struct timing *t = timing_new(err);
	struct pulse before, after;
	bool ok = t && ((samples && order && pace && means) || err_memory(err));

	ok = ok && pulse_take(w->o->threads, t, &before, err) && sample_all(w, t, samples, order, err) && pulse_take(w->o->threads, t, &after, err);
	if (ok)
		pulse_mean(&before, &after, &s->now);
	for (size_t i = 0; ok && i < s->row_count; i++)
		means[i] = (struct run_mean){ .family = s->rows[i].family, .where = w->o->where, .estimate = samples_estimate(&samples[i]) };
	ok = ok && run_means_settle(means, s->row_count, err);
	for (size_t i = 0; ok && i < s->row_count; i++) {
		struct estimate e = means[i].estimate;
		struct kernels_row *row = &s->rows[i];

		row->measured_s = means[i].seconds;
		row->low_s = e.low;
		row->high_s = e.high;
		row->used = e.used;
		row->outliers = e.outliers;
		row->rel_error = row->predicted_s / row->measured_s - 1;
		for (int k = 0; k < samples[i].count; k++)
			pace[paces++] = samples[i].pace[k];
	}
	if (ok) {
		qsort(pace, paces, sizeof(*pace), ascending);
		s->pace_median = pace[paces / 2];
		s->clock = arena_strdup(w->arena, timing_clock_name(t));
		s->counters = arena_strdup(w->arena, timing_counters_name(t));
		ok = (s->clock && s->counters) || err_memory(err);
	}
	timing_free(t);
	mem_free(samples);
	mem_free(order);
	mem_free(pace);
	mem_free(means);
	return ok;
}

/* Errors of the rows of a group (NULL: all). */
static struct kernels_group summary(const struct kernels_study *s, const char *group, double *errors)
{
	struct kernels_group out = { .name = group ? group : "all" };

	for (size_t i = 0; i < s->row_count; i++)
		if (!group || !strcmp(s->rows[i].group, group))
			errors[out.count++] = fabs(s->rows[i].rel_error);
	qsort(errors, out.count, sizeof(*errors), ascending);
	out.median = out.count % 2 ? errors[out.count / 2] : (errors[out.count / 2 - 1] + errors[out.count / 2]) / 2;
	out.p90 = errors[(size_t)(0.9 * (double)(out.count - 1) + 0.5)];
	return out;
}

static bool summarise(struct work *w, struct err *err)
{
	struct kernels_study *s = w->s;
	double *errors = mem_calloc(s->row_count, sizeof(*errors));

	s->groups = arena_alloc(w->arena, (s->row_count + 1) * sizeof(*s->groups));
	if (!errors || !s->groups) {
		mem_free(errors);
		return err_memory(err);
	}
	for (size_t i = 0; i < s->row_count; i++) {
		bool known = false;

		for (size_t g = 0; g < s->group_count; g++)
			known = known || !strcmp(s->groups[g].name, s->rows[i].group);
		if (!known)
			s->groups[s->group_count++] = summary(s, s->rows[i].group, errors);
	}
	s->groups[s->group_count++] = summary(s, NULL, errors);
	mem_free(errors);
	return true;
}

bool kernels_validate(const struct kernels_options *o, struct kernels_study *out, struct arena *arena, struct err *err)
{
	struct kernels_options own = *o;
	struct work w = { .o = &own, .s = out, .arena = arena };
	const struct device *d = device_load_usable(o->device ? o->device : "here", arena, err);
	struct kernels_row *kept;
	bool ok;

	*out = (struct kernels_study){ 0 };
	if (!d)
		return false;
	if (!d->home)
		return err_set(err, ERR_INPUT, "device '%s' was not calibrated on a host: expected one that 'vibee-sim calibrate' made", d->name);
	out->device = d->name;
	if (!pulse_read(d->home, &out->then))
		out->then = (struct pulse){ 0 };
	own.threads = o->threads > 0 ? o->threads : (int)d->units.count;
	own.where = text_ends(d->name, "-cached") ? FROM_LAST_CACHE : FROM_MEMORY;
	w.cost = cost_model_new(&(struct cost_options){ .device = d }, err);
	ok = w.cost && draw(&w, err) && measure(&w, err) && summarise(&w, err);
	cost_model_free(w.cost);
	kept = ok ? arena_alloc(arena, out->row_count * sizeof(*kept)) : NULL;
	if (ok && !kept)
		ok = err_memory(err);
	if (kept)
		memcpy(kept, out->rows, out->row_count * sizeof(*kept));
	mem_free(out->rows);
	out->rows = kept;
	return ok;
}

bool kernels_bar_met(const struct kernels_study *s)
{
	const struct kernels_group *all = &s->groups[s->group_count - 1];

	return all->median <= KERNELS_MEDIAN_BAR && all->p90 <= KERNELS_P90_BAR;
}
