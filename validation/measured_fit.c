/* A user's correction: two or three numbers, moved until the simulation's means and rates are the measured ones. The simplex of
 * Nelder and Mead needs no derivatives; every trial simulates all runs. */
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <stdlib.h>

#include "base/paths.h"
#include "base/str.h"
#include "hardware/system.h"
#include "validation/measured_compare.h"

/* Step time and rates are told apart from the time before a request is seen by TPOT against TTFT; a fixed time a step from a
 * factor on its operators only by runs of different batches. */
static const int fitted_to[] = { METRIC_output_throughput, METRIC_ttft_mean, METRIC_ttft_p50, METRIC_tpot_mean, METRIC_tpot_p50, METRIC_e2e_mean, METRIC_e2e_p50 };
enum { TRIALS_MOST = 120 };

struct fit {
	const struct measured_file *file;
	const struct scenario *base;
	struct correction *correction;
	bool own_load, with_step;
	const char *trial;             /* file that the trial's correction lies in */
	struct err *err;
};

static double error_of(const struct measured_study *s, bool squares)
{
	double sum = 0;
	int n = 0;

	for (size_t i = 0; i < s->file->count; i++)
		for (size_t k = 0; k < COUNT_OF(fitted_to); k++) {
			double measured = s->file->runs[i].metric[fitted_to[k]], predicted = s->predictions[i].metric[fitted_to[k]];

			if (!(measured > 0 && predicted > 0))
				continue;
			sum += squares ? pow(log(predicted / measured), 2) : fabs(predicted / measured - 1);
			n++;
		}
	return n ? sum / n : NAN;
}

/* Host times cannot be negative: they enter by their absolute value, in milliseconds. */
static void set(struct fit *f, const gsl_vector *x)
{
	f->correction->time_scale = fmin(fmax(exp(gsl_vector_get(x, 0)), 0.01), 100);
	f->correction->request_s = 1e-3 * fabs(gsl_vector_get(x, 1));
	f->correction->step_s = f->with_step ? 1e-3 * fabs(gsl_vector_get(x, 2)) : 0;
}

static bool run_trial(struct fit *f, struct measured_study *out, struct arena *arena, struct err *err)
{
	struct scenario sc = *f->base;
	struct str text = { 0 };
	bool ok;

	schema_write_xml(&correction_element, f->correction, &text);
	ok = paths_write_str(f->trial, &text, err);
	str_release(&text);
	sc.hardware.correction = f->trial;
	return ok && measured_compare(f->file, &sc, f->own_load, out, arena, err);
}

static double objective(const gsl_vector *x, void *ctx)
{
	struct fit *f = ctx;
	struct arena *arena = arena_new();
	struct measured_study study;
	double value = 1e6;

	set(f, x);
	/* A pull towards no correction that only decides what the runs leave open. */
	if (arena && f->err->kind == ERR_NONE && run_trial(f, &study, arena, f->err))
		value = error_of(&study, true) + 1e-4 * (pow(gsl_vector_get(x, 0), 2) + 1e-2 * fabs(gsl_vector_get(x, 1)));
	arena_free(arena);
	return isfinite(value) ? value : 1e6;
}

static bool minimise(struct fit *f, struct err *err)
{
	size_t n = f->with_step ? 3 : 2;
	gsl_multimin_function function = { .f = objective, .n = n, .params = f };
	gsl_multimin_fminimizer *m = gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, n);
	gsl_vector *x = gsl_vector_calloc(n), *step = gsl_vector_calloc(n);

	if (!m || !x || !step) {
		err_memory(err);
		goto out;
	}
	gsl_vector_set(step, 0, 0.2);
	gsl_vector_set(step, 1, 5);
	if (n > 2)
		gsl_vector_set(step, 2, 1);
	gsl_multimin_fminimizer_set(m, &function, x, step);
	for (int i = 0; i < TRIALS_MOST && f->err->kind == ERR_NONE; i++)
		if (gsl_multimin_fminimizer_iterate(m) != 0 || gsl_multimin_fminimizer_size(m) < 1e-4)
			break;
	set(f, gsl_multimin_fminimizer_x(m));
out:
	if (m)
		gsl_multimin_fminimizer_free(m);
	if (x)
		gsl_vector_free(x);
	if (step)
		gsl_vector_free(step);
	return err->kind == ERR_NONE;
}

static const char *device_name(const struct scenario *sc, struct arena *arena, struct err *err)
{
	if (sc->hardware.system) {
		const struct system *s = system_load(sc->hardware.system, arena, err);

		return s ? s->device->name : NULL;
	}
	{
		const struct device *d = device_load_usable(sc->hardware.device ? sc->hardware.device : "h100", arena, err);

		return d ? d->name : NULL;
	}
}

/* A place for the trials' file; false when there is none. */
static bool trial_file(char *path, size_t size, struct err *err)
{
	const char *folder = getenv("TMPDIR");
	int fd;

	snprintf(path, size, "%.90s/vibee-sim-fit-XXXXXX", folder && *folder ? folder : "/tmp");
	fd = mkstemp(path);
	if (fd < 0)
		return err_set(err, ERR_IO, "%s: cannot be written", path);
	close(fd);
	return true;
}

bool measured_fit(const struct measured_file *file, const struct scenario *sc, bool own_load, const char *name,
		  struct measured_study *out, const char **path, struct arena *arena, struct err *err)
{
	struct correction *c = arena_alloc(arena, sizeof(*c));
	struct fit f = { .file = file, .base = sc, .correction = c, .own_load = own_load, .with_step = file->count > 1, .err = err };
	struct measured_study before;
	char trial[128];
	bool ok;

	if (sc->hardware.correction)
		return err_set(err, ERR_INPUT, "--fit %s: a correction is applied already (--correction %s); expected one of the two", name, sc->hardware.correction);
	if (!c)
		return err_memory(err);
	*c = (struct correction){ .name = name, .stack = sc->hardware.stack, .time_scale = 1, .runs = (double)file->count };
	if (!correction_check_name(name, err) || !(c->device = device_name(sc, arena, err)) || !measured_compare(file, sc, own_load, &before, arena, err) ||
	    !trial_file(trial, sizeof(trial), err))
		return false;
	c->source = arena_printf(arena, "%s (%zu run%s)", file->path, file->count, file->count > 1 ? "s" : "");
	c->error_before = error_of(&before, false);
	f.trial = trial;
	ok = isfinite(c->error_before) || err_set(err, ERR_INPUT, "%s: --fit: none of throughput, TTFT, TPOT and E2E latency is in it", file->path);
	ok = ok && minimise(&f, err) && run_trial(&f, out, arena, err);
	unlink(trial);
	if (!ok)
		return false;
	c->error_after = error_of(out, false);
	out->correction = c;
	out->fitted = true;
	for (size_t i = 0; i < file->count; i++)
		memcpy(out->predictions[i].before, before.predictions[i].metric, sizeof(before.predictions[i].metric));
	return correction_save(c, path, arena, err);
}
