#include "validation/gains.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "hardware/cost.h"
#include "kernels/harness/machine.h"
#include "kernels/harness/timing.h"
#include "validation/calibrate.h"
#include "validation/gains_parts.h"

enum { JOBS_MOST = 512, ROUNDS_MOST = 64 };

/* Work that is measured once, whoever asks for it. */
struct job {
	const struct kernel_family *family;
	const struct kernel *kernel;
	struct shape shape;
	struct samples samples;
	double round_s[ROUNDS_MOST];   /* the least of each round */
};
struct work {
	const struct gains_options *o;
	struct gains_study *s;
	struct arena *arena;
	struct cost_model *cost;
	const struct device *device;
	int rounds;
	struct job jobs[JOBS_MOST];
	size_t job_count;
};

static bool is_wanted(const struct gains_options *o, const struct gain_case *c)
{
	return (!o->area || strcmp(o->area, "all") == 0 || strcmp(o->area, c->area) == 0) &&
	       (!o->module || strncmp(c->module, o->module, strlen(o->module)) == 0);
}

static bool find_job(struct work *w, struct gain_part *p, struct err *err)
{
	p->shape.threads = 1;
	for (p->job = 0; p->job < w->job_count; p->job++)
		if (w->jobs[p->job].family == p->family && memcmp(&w->jobs[p->job].shape, &p->shape, sizeof(p->shape)) == 0)
			return true;
	if (w->job_count == JOBS_MOST)
		return err_set(err, ERR_INTERNAL, "more than %d kernels to time", JOBS_MOST);
	w->jobs[w->job_count++] = (struct job){ .family = p->family, .shape = p->shape, .kernel = kernel_default(p->family, &p->shape) };
	return true;
}

/* Prices every operator, before anything is measured. */
static bool predict(struct work *w, struct gain_row *row, struct err *err)
{
	for (int side = 0; side < GAIN_SIDES; side++) {
		for (size_t i = 0; i < row->count[side]; i++) {
			struct gain_part *p = &row->parts[side][i];
			struct op_cost cost;

			if (p->priced) {
				cost_op(w->cost, &p->op, &cost);
				p->predicted_s = cost.seconds;
				p->provider = provider_names[cost.provider];
				row->predicted_s[side] += p->count * cost.seconds;
			}
			if (p->family && !find_job(w, p, err))
				return false;
		}
	}
	row->predicted = row->predicted_s[GAIN_PLAIN] / row->predicted_s[GAIN_WITH] * row->yield;
	return true;
}

static bool plan(struct work *w, struct err *err)
{
	size_t n = 0;

	while (gain_cases[n].module)
		n++;
	w->s->rows = arena_alloc(w->arena, (n + 1) * sizeof(*w->s->rows));
	if (!w->s->rows)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct gain_row *row = &w->s->rows[w->s->count];

		if (!is_wanted(w->o, &gain_cases[i]))
			continue;
		*row = (struct gain_row){ .gain = &gain_cases[i], .measured = NAN, .predicted = NAN, .rel_error = NAN, .low = NAN, .high = NAN };
		w->s->count++;
		if (!gain_parts(row, w->device->path, w->arena, err) || (!row->verdict && !predict(w, row, err)))
			return false;
	}
	return w->s->count > 0 || err_set(err, ERR_INPUT, "no module to compare: expected --area arch, compiler, kv, data, optim, spec, serving, lora or "
							   "all, or --module with the beginning of a module's name");
}

static bool sample(struct work *w, struct timing *t, struct err *err)
{
	size_t order[JOBS_MOST];

	for (int round = 0; round < w->rounds; round++) {
		struct rng r;

		rng_init(&r, (uint64_t)round, "gains");
		for (size_t i = 0; i < w->job_count; i++) {
			size_t j = rng_below(&r, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (size_t i = 0; i < w->job_count; i++) {
			struct job *job = &w->jobs[order[i]];
			/* One at a time: their weights, many times over, are some 80 MB each. */
			struct kernel_case *at = kernel_case_new(job->family, &job->shape, 7, err);
			int before = job->samples.count;

			if (!at)
				return false;
			if (w->o->progress)
				w->o->progress(w->o->ctx, (double)((size_t)round * w->job_count + i) / (double)((size_t)w->rounds * w->job_count), job->family->name);
			take_samples(t, at, job->kernel, FROM_MEMORY, true, 2, &job->samples);
			job->round_s[round] = INFINITY;
			for (int k = before < SAMPLES_MOST ? before : 0; k < job->samples.count; k++)
				job->round_s[round] = fmin(job->round_s[round], job->samples.seconds[k]);
			kernel_case_free(at);
		}
	}
	return true;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double sum_of(const struct work *w, const struct gain_row *row, enum gain_side side, int round)
{
	double sum = 0;

	for (size_t i = 0; i < row->count[side]; i++)
		if (row->parts[side][i].family)
			sum += row->parts[side][i].count * w->jobs[row->parts[side][i].job].round_s[round];
	return sum;
}

/* The module's own kernels against their references, on the shapes of their tests: at most 1 of their tolerance. */
static bool verify(struct gain_row *row, struct err *err)
{
	for (size_t i = 0; i < row->count[GAIN_WITH]; i++) {
		const struct kernel_family *f = row->parts[GAIN_WITH][i].family;

		if (f && strcmp(f->area, "core") == 0)         /* validated on their own */
			continue;
		for (const struct shape *s = f ? f->tests : NULL; s && !shape_is_last(s); s++) {
			struct kernel_case *c = kernel_case_new(f, s, 1, err);
			double error = INFINITY;
			bool ok = c && kernel_case_error(c, kernel_default(f, s), &error, err);

			if (ok && kernel_case_check(c, kernel_default(f, s)) > f->check_most)
				error = INFINITY;
			kernel_case_free(c);
			if (!ok)
				return false;
			if (error > f->tolerance[s->format])
				row->verdict = "a kernel is outside its tolerance of the reference";
			row->kernel_error = fmax(row->kernel_error, error);
		}
	}
	return true;
}

static bool settle(struct work *w, struct gain_row *row, struct err *err)
{
	double ratios[ROUNDS_MOST];

	for (int side = 0; side < GAIN_SIDES; side++) {
		for (size_t i = 0; i < row->count[side]; i++) {
			struct gain_part *p = &row->parts[side][i];

			if (!p->family)
				continue;
			p->measured_s = samples_estimate(&w->jobs[p->job].samples).median;
			row->measured_s[side] += p->count * p->measured_s;
		}
	}
	for (int round = 0; round < w->rounds; round++)
		ratios[round] = sum_of(w, row, GAIN_PLAIN, round) / sum_of(w, row, GAIN_WITH, round) * row->yield;
	qsort(ratios, (size_t)w->rounds, sizeof(*ratios), ascending);
	row->low = ratios[w->rounds / 4];
	row->high = ratios[w->rounds - 1 - w->rounds / 4];
	row->measured = row->measured_s[GAIN_PLAIN] / row->measured_s[GAIN_WITH] * row->yield;
	row->rel_error = row->predicted / row->measured - 1;
	return verify(row, err);
}

static bool summarise(struct work *w, struct err *err)
{
	double *errors = mem_calloc(w->s->count, sizeof(*errors)), *pace = mem_calloc(w->job_count * SAMPLES_MOST + 1, sizeof(*pace));
	size_t n = 0, paces = 0;

	if (errors && pace) {
		for (size_t i = 0; i < w->s->count; i++)
			if (isfinite(w->s->rows[i].rel_error))
				errors[n++] = fabs(w->s->rows[i].rel_error);
		for (size_t j = 0; j < w->job_count; j++)
			for (int k = 0; k < w->jobs[j].samples.count; k++)
				pace[paces++] = w->jobs[j].samples.pace[k];
		qsort(errors, n, sizeof(*errors), ascending);
		qsort(pace, paces, sizeof(*pace), ascending);
		w->s->median = n == 0 ? NAN : n % 2 ? errors[n / 2] : (errors[n / 2 - 1] + errors[n / 2]) / 2;
		w->s->pace_median = paces ? pace[paces / 2] : NAN;
	}
	mem_free(errors);
	mem_free(pace);
	return (errors && pace) || err_memory(err);
}

static bool describe_host(struct work *w, const struct timing *t, struct err *err)
{
	struct machine machine;
	time_t now = time(NULL);
	struct tm utc;

	if (!machine_read(&machine, err))
		return false;
	w->s->host = arena_strdup(w->arena, machine.cpu);
	w->s->clock = arena_strdup(w->arena, timing_clock_name(t));
	if (gmtime_r(&now, &utc))
		strftime(w->s->at, sizeof(w->s->at), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return (w->s->host && w->s->clock) || err_memory(err);
}

static bool measure(struct work *w, struct err *err)
{
	struct timing *t = timing_new(err);
	bool ok = t && describe_host(w, t, err) && sample(w, t, err);

	for (size_t i = 0; ok && i < w->s->count; i++)
		if (!w->s->rows[i].verdict)
			ok = settle(w, &w->s->rows[i], err);
	ok = ok && summarise(w, err);
	timing_free(t);
	return ok;
}

bool gains_run(const struct gains_options *o, struct gains_study *out, struct arena *arena, struct err *err)
{
	struct work *w = mem_calloc(1, sizeof(*w));
	bool ok = w != NULL || err_memory(err);

	*out = (struct gains_study){ 0 };
	if (ok) {
		w->o = o, w->s = out, w->arena = arena;
		w->rounds = o->rounds < 1 ? 1 : o->rounds > ROUNDS_MOST ? ROUNDS_MOST : o->rounds;
		w->device = device_load_usable(o->device ? o->device : "here", arena, err);
		ok = w->device != NULL;
	}
	if (ok && !w->device->home)
		ok = err_set(err, ERR_INPUT, "device '%s' was not calibrated on a host: expected one that 'vibee-sim calibrate --threads 1' made", w->device->name);
	if (ok) {
		out->device = w->device->name;
		w->cost = cost_model_new(&(struct cost_options){ .device = w->device }, err);
		ok = w->cost && plan(w, err) && measure(w, err);
	}
	cost_model_free(w ? w->cost : NULL);
	mem_free(w);
	return ok;
}
