/* Every device of the catalog, several models, formats and batches: a step ends with figures that respect the hard bounds, or
 * says in one line what is missing, and how many devices would do. The bounds are worked out here from parameters and the
 * data sheet, apart from the operators that priced the step. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <CUnit/CUnit.h>

#include "base/str.h"
#include "hardware/catalog.h"
#include "models/model.h"
#include "sim/step.h"
#include "tests/prop/runs.h"

struct priced {
	const struct model *model;
	struct model_counts counts;
	const struct step_shape *shape;
	const struct step_result *r;
	int64_t tp;                    /* what the parameters of a layer are cut over */
};

/* Parameters that every batch multiplies with: one expert's worth of experts at least, no embedding. */
static double multiplied(const struct priced *p)
{
	return p->counts.active - p->counts.embedding - p->counts.norms;
}

/* Seconds that no implementation can beat: weights over the rate of the memory they lie in, FLOPs over the peak of all
 * devices (a chain's stages at most work at once), cache over its memory's rate. */
static double floor_s(const struct priced *p, double bytes_per_weight)
{
	const struct step_result *r = p->r;
	const struct memory_plan *m = &r->memory;
	double devices = (double)r->devices, tokens = (double)(p->shape->decodes + p->shape->prefills * p->shape->prompt), best = 0, all, far, near;
	double peak = 0;

	for (int t = 0; t < DTYPE_COUNT; t++)
		if (r->device->peak.flop_s[t] > peak)
			peak = r->device->peak.flop_s[t];
	all = multiplied(p) * bytes_per_weight;
	far = m->weights_bytes > 0 ? m->far_bytes / m->weights_bytes : 0;
	near = m->weights_bytes > 0 && r->device->execution.cached_weights != CACHED_NO ? fmin(m->near_bytes / m->weights_bytes, 1 - far) : 0;
	best = all * (1 - far - near) / (devices * device_bandwidth(r->device));
	if (far > 0)
		best = fmax(best, all * far / (devices * r->device->memory2.bytes_s));
	best = fmax(best, 2 * multiplied(p) * tokens / (devices * peak));
	/* A token passes the chain's devices one after the other. */
	return fmax(best, all * (1 - far - near) / ((double)p->tp * device_bandwidth(r->device)));
}

static double smallest_weight(const char *dtype)
{
	if (text_equal(dtype, "none"))
		return 0.53;           /* checkpoints in MXFP4 are the narrowest */
	return text_equal(dtype, "fp8") ? 1 : text_equal(dtype, "int4_wo") ? 0.5 : 2;
}

static bool says_why(const struct err *err, const char *device)
{
	bool one_line = strchr(err->text, '\n') == NULL && strlen(err->text) < sizeof(err->text) - 1;

	if (err->kind != ERR_INPUT || !one_line)
		return false;
	if (strstr(err->text, "cannot be simulated"))
		return strstr(err->text, device) != NULL;
	return strstr(err->text, " needs ") != NULL && strstr(err->text, device) != NULL;
}

static void check(const char *device, const char *model, const char *dtype, const char *provider, const struct step_shape *shape)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	struct step_result r;
	struct priced p = { .shape = shape, .r = &r };
	bool ok;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sc);
	sc->model.name = model;
	sc->model.dtype = dtype_parse(dtype);
	sc->hardware.device = device;
	sc->hardware.provider = provider;
	if (!step_price(sc, shape, &r, a, &err)) {
		ok = says_why(&err, device);
		if (!ok)
			printf("%s %s %s: %s\n", device, model, dtype, err.text);
		CU_ASSERT_TRUE(ok);
		arena_free(a);
		return;
	}
	p.model = model_load(model, a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p.model);
	model_parameters(p.model, &p.counts);
	p.tp = r.tp;
	ok = isfinite(r.seconds) && r.seconds >= floor_s(&p, smallest_weight(dtype)) * (1 - 1e-6) && r.joules > 0 && isfinite(r.joules) &&
	     r.mfu <= 1 && r.mbu <= 1.6 && r.expected_rel_error > 0;
	if (!ok)
		printf("%s %s %s %s: %g s on %lld devices, bound %g s; MFU %g, MBU %g, %g J\n", device, model, dtype, provider, r.seconds,
		       (long long)r.devices, floor_s(&p, smallest_weight(dtype)), r.mfu, r.mbu, r.joules);
	CU_ASSERT_TRUE(ok);
	arena_free(a);
}

static const struct step_shape shapes[] = {
	{ .decodes = 1, .context = 1024 }, { .decodes = 64, .context = 2048 }, { .prefills = 1, .prompt = 512 },
	{ .decodes = 16, .context = 4096, .prefills = 2, .prompt = 300, .prior = 700 },
};

static void steps_respect_the_bounds(void)
{
	static const char *const models[] = { "llama-3.1-8b", "llama-3.1-70b", "mixtral-8x7b", "deepseek-v3", "gpt-oss-120b", "mamba2-2.7b" };
	static const char *const dtypes[] = { "none", "fp8", "int4_wo" };
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/devices", &count, a, &err);
	int stride = seed_count(10) >= 10 ? 1 : 7;     /* fewer under sanitizers */

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t d = 0, n = 0; d < count; d++)
		for (size_t m = 0; m < COUNT_OF(models); m++)
			for (size_t t = 0; t < COUNT_OF(dtypes); t++)
				for (size_t s = 0; s < COUNT_OF(shapes); s++, n++)
					if (n % (size_t)stride == 0)
						check(names[d], models[m], dtypes[t], "analytic", &shapes[s]);
	/* With tables and fits, where there are any. */
	for (size_t d = 0; d < count; d += (size_t)stride)
		for (size_t s = 0; s < 2; s++)
			check(names[d], "llama-3.1-8b", "none", "measured", &shapes[s]);
	arena_free(a);
}

/* A longer context, a larger batch, a longer prompt: never a shorter step. */
static void steps_grow_with_the_batch(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = catalog_names("hardware/devices", &count, a, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (size_t d = 0; d < count; d++) {
		double last = 0;

		for (int step = 0; step < 6; step++) {
			struct step_shape shape = { .decodes = INT64_C(1) << (2 * step), .context = 512 };
			struct err own = { 0 };
			struct arena *inner = arena_new();
			struct scenario *sc = scenario_new(inner, &own);
			struct step_result r;

			sc->hardware.device = names[d];
			sc->hardware.provider = "analytic";
			if (step_price(sc, &shape, &r, inner, &own)) {
				if (!(r.seconds >= last * (1 - 1e-9)))
					printf("%s: %lld decodes in %g s after %g s\n", names[d], (long long)shape.decodes, r.seconds, last);
				CU_ASSERT_TRUE(r.seconds >= last * (1 - 1e-9));
				last = r.seconds;
			}
			arena_free(inner);
		}
	}
	arena_free(a);
}

CU_TestInfo suite_devices[] = {
	{ "a step respects the hard bounds, on every device", steps_respect_the_bounds },
	{ "a larger batch never takes less", steps_grow_with_the_batch },
	CU_TEST_INFO_NULL
};
