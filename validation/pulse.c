#include "validation/pulse.h"

#include <math.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/paths.h"
#include "base/str.h"

enum { PLACES = 2, RUNS = 3, KERNELS = 2 };
static const struct { const char *name; struct shape shape; } references[KERNELS] = {
	{ "triad", { .bytes = 16 << 20 } }, { "gemm", { .m = 256, .n = 1024, .k = 1024 } },
};

/* Operands of their own each time: where they lie makes a quarter of a product's time, and would do so all through a process. */
static bool add_place(const struct kernel_family *f, int threads, struct timing *t, const struct shape *of, struct samples *out, struct err *err)
{
	struct shape shape = *of;
	struct kernel_case *c;
	const struct kernel *k;

	shape.threads = threads;
	c = kernel_case_new(f, &shape, 1, err);
	if (!c)
		return false;
	k = kernel_default(f, &shape);
	out->places++;
	kernel_case_run(c, k);
	(void)timing_sample(t, c, k, FROM_MEMORY, 1);
	for (int i = 0; i < RUNS; i++)
		samples_add(out, (struct sample_time){ timing_sample(t, c, k, FROM_MEMORY, 1).seconds, 1 });
	kernel_case_free(c);
	return true;
}

bool pulse_take(int threads, struct timing *t, struct pulse *out, struct err *err)
{
	double *const to[KERNELS] = { &out->stream_s, &out->product_s };

	for (int i = 0; i < KERNELS; i++) {
		struct samples s = { 0 };

		for (int n = 0; n < PLACES; n++)
			if (!add_place(kernel_family_find(references[i].name), threads, t, &references[i].shape, &s, err))
				return false;
		*to[i] = samples_estimate(&s).median;
	}
	return true;
}

void pulse_mean(const struct pulse *a, const struct pulse *b, struct pulse *out)
{
	*out = (struct pulse){ (a->stream_s + b->stream_s) / 2, (a->product_s + b->product_s) / 2 };
}

double pulse_drift(const struct pulse *now, const struct pulse *then)
{
	return fmax(fabs(now->stream_s / then->stream_s - 1), fabs(now->product_s / then->product_s - 1));
}

static bool path_of(const char *home, char *out, size_t room)
{
	return (size_t)snprintf(out, room, "%s/pulse.csv", home) < room;
}

bool pulse_write(const char *home, const struct pulse *p, struct err *err)
{
	char path[1024];
	struct str text = { 0 };
	bool ok;

	if (!path_of(home, path, sizeof(path)))
		return err_set(err, ERR_INPUT, "%.100s: too long a path", home);
	str_addf(&text, "stream_s,product_s\n%.9g,%.9g\n", p->stream_s, p->product_s);
	ok = paths_write_str(path, &text, err);
	str_release(&text);
	return ok;
}

bool pulse_read(const char *home, struct pulse *out)
{
	char path[1024];
	FILE *f = path_of(home, path, sizeof(path)) ? fopen(path, "r") : NULL;
	bool ok = f && fscanf(f, "stream_s,product_s %lf,%lf", &out->stream_s, &out->product_s) == 2 && out->stream_s > 0 && out->product_s > 0;

	if (f)
		fclose(f);
	return ok;
}

void pulse_text(const struct pulse *now, const struct pulse *then, struct str *out)
{
	str_addf(out, "memory stream %+.0f %%, product %+.0f %% of the calibration's time", 100 * (now->stream_s / then->stream_s - 1),
		 100 * (now->product_s / then->product_s - 1));
}
