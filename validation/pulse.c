#include "validation/pulse.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"

enum { RUNS = 5, KERNELS = 2 };
static const struct { const char *name; struct shape shape; } references[KERNELS] = {
	{ "triad", { .bytes = 32 << 20 } }, { "gemm", { .m = 256, .n = 1024, .k = 1024 } },
};

struct pulse_kernels {
	struct kernel_case *at[KERNELS];
	const struct kernel *kernel[KERNELS];
};

struct pulse_kernels *pulse_kernels_new(int threads, struct err *err)
{
	struct pulse_kernels *p = mem_calloc(1, sizeof(*p));

	if (!p) {
		err_memory(err);
		return NULL;
	}
	for (int i = 0; i < KERNELS; i++) {
		const struct kernel_family *f = kernel_family_find(references[i].name);
		struct shape s = references[i].shape;

		s.threads = threads;
		p->kernel[i] = kernel_default(f, &s);
		p->at[i] = kernel_case_new(f, &s, 1, err);
		if (!p->at[i]) {
			pulse_kernels_free(p);
			return NULL;
		}
	}
	return p;
}

void pulse_kernels_free(struct pulse_kernels *p)
{
	if (!p)
		return;
	for (int i = 0; i < KERNELS; i++)
		kernel_case_free(p->at[i]);
	mem_free(p);
}

void pulse_take(struct pulse_kernels *p, struct timing *t, struct pulse *out)
{
	double *const to[KERNELS] = { &out->stream_s, &out->product_s };

	for (int i = 0; i < KERNELS; i++) {
		struct samples s = { 0 };

		kernel_case_run(p->at[i], p->kernel[i]);
		for (int k = 0; k < RUNS; k++)
			samples_add(&s, (struct sample_time){ timing_sample(t, p->at[i], p->kernel[i], FROM_MEMORY, 1).seconds, 1 });
		*to[i] = samples_estimate(&s).median;
	}
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
