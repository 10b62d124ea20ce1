#include "validation/kernels_bench.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/harness/machine.h"
#include "validation/calibrate.h"
#include "validation/kernel_ops.h"

enum { VARIANTS_MOST = 8 };
static const double REFERENCE_FLOPS_MOST = 2e8;        /* plain loops of more would take seconds */
static const double BLAS_SHARE = 0.90, ROOF_SHARE = 0.85;

struct work {
	const struct bench_options *o;
	struct bench_study *s;
	struct arena *arena;
	struct timing *timing;
	size_t capacity;
	int which;                     /* index into threads */
};

static bool is_wanted(const struct bench_options *o, const struct kernel_family *f)
{
	return (!o->area || !strcmp(f->area, o->area)) && (!o->op || !strncmp(f->name, o->op, strlen(o->op)));
}

/* Weights and caches come from memory, as in a model larger than the caches. */
static struct sample_time one_sample(struct work *w, struct kernel_case *c, const struct kernel *k, struct counts *counts)
{
	struct sample_time t;

	timing_count_begin(w->timing);
	t = timing_sample(w->timing, c, k, FROM_MEMORY, 1);
	timing_count_end(w->timing, counts);
	return t;
}

struct contest {                       /* variants of one shape, and triad, sampled in turn */
	struct kernel_case *c, *triad;
	const struct kernel *kernels[VARIANTS_MOST], *triad_kernel;
	struct samples samples[VARIANTS_MOST], triad_samples;
	struct counts counts[VARIANTS_MOST];
	int n;
};

static void choose_variants(const struct work *w, const struct kernel_family *f, const struct shape *s, struct contest *c)
{
	for (const struct kernel *k = f->variants; k->run && c->n < VARIANTS_MOST; k++) {
		if (k == f->variants && f->variants[1].run && (!w->o->references || f->flops(s) > REFERENCE_FLOPS_MOST))
			continue;
		if (kernel_usable(k, s))
			c->kernels[c->n++] = k;
	}
}

static bool compares_with_triad(const struct kernel_family *f, const struct shape *s)
{
	return (!strcmp(f->name, "gemm") && s->m == 1) || !strcmp(f->name, "attention_decode") || !strcmp(f->name, "copy") ||
	       !strcmp(f->name, "triad");
}

static bool run_contest(struct work *w, const struct kernel_family *f, const struct shape *s, struct contest *c, struct err *err)
{
	const struct kernel_family *triad = kernel_family_find("triad");
	const struct shape arrays = { .bytes = 64 << 20, .threads = s->threads };

	c->c = kernel_case_new(f, s, 1, err);
	if (!c->c)
		return false;
	if (compares_with_triad(f, s)) {
		c->triad = kernel_case_new(triad, &arrays, 1, err);
		if (!c->triad)
			return false;
		c->triad_kernel = kernel_default(triad, &arrays);
		kernel_case_run(c->triad, c->triad_kernel);
	}
	for (int v = 0; v < c->n; v++)
		kernel_case_run(c->c, c->kernels[v]);
	for (int round = 0; round < w->o->rounds; round++) {
		struct counts ignored;

		for (int v = 0; v < c->n; v++) {
			struct sample_time t = one_sample(w, c->c, c->kernels[v], &c->counts[v]);

			samples_add(&c->samples[v], t);
			for (int again = 0; t.seconds < 1e-3 && again < 3; again++)
				samples_add(&c->samples[v], one_sample(w, c->c, c->kernels[v], &c->counts[v]));
		}
		if (c->triad)
			samples_add(&c->triad_samples, one_sample(w, c->triad, c->triad_kernel, &ignored));
	}
	return true;
}

static bool keep_samples(struct work *w, const struct samples *from, struct bench_row *r)
{
	double *kept = arena_alloc(w->arena, (size_t)(from->count + 1) * sizeof(*kept));

	if (!kept)
		return false;
	memcpy(kept, from->seconds, (size_t)from->count * sizeof(*kept));
	r->samples_s = kept;
	r->sample_count = (size_t)from->count;
	return true;
}

static bool add_rows(struct work *w, const struct kernel_family *f, const struct shape *s, struct contest *c, struct err *err)
{
	double triad_s = samples_estimate(&c->triad_samples).fastest, blas_s = NAN;
	struct str text = { 0 };
	bool ok = true;

	for (int v = 0; v < c->n; v++)
		if (!strcmp(c->kernels[v]->variant, "openblas"))
			blas_s = samples_estimate(&c->samples[v]).fastest;
	kernel_shape_text(f, s, &text);
	for (int v = 0; ok && v < c->n; v++) {
		struct estimate e = samples_estimate(&c->samples[v]);
		struct bench_row r = { .family = f, .kernel = c->kernels[v], .threads = s->threads, .seconds = e.fastest, .median_s = e.median,
				       .bytes_s = f->bytes(s) / e.fastest, .flop_s = f->flops(s) / e.fastest, .of_peak = NAN,
				       .intensity = f->bytes(s) > 0 ? f->flops(s) / f->bytes(s) : NAN, .of_triad = NAN, .of_roof = NAN, .of_baseline = NAN,
				       .of_blas = blas_s / e.fastest, .counted_flops = c->counts[v].flops,
				       .counted_bytes = c->counts[v].memory_bytes };

		if (c->triad)
			r.of_triad = r.bytes_s / (3.0 * (64 << 20) / triad_s);
		/* The reference of a large shape would take minutes: its tests are small shapes of the same code (make test). */
		r.error = NAN;
		if (f->flops(s) <= REFERENCE_FLOPS_MOST)
			ok = kernel_case_error(c->c, r.kernel, &r.error, err);
		else
			r.error = 0;
		r.shape = arena_strdup(w->arena, str_text(&text));
		r.id = arena_printf(w->arena, "%s, %s, %d thread%s", str_text(&text), r.kernel->variant, s->threads, s->threads == 1 ? "" : "s");
		r.is_default = r.kernel == kernel_default(f, s);
		r.verdict = r.error <= f->tolerance[s->format] ? "ok" : "wrong";
		w->s->wrong = w->s->wrong || !(r.error <= f->tolerance[s->format]);
		ok = ok && ((r.id && r.shape && keep_samples(w, &c->samples[v], &r) && mem_grow(&w->s->rows, &w->capacity, w->s->count + 1, sizeof(r))) || err_memory(err));
		if (ok)
			w->s->rows[w->s->count++] = r;
		if (!strcmp(f->name, "fma") && s->format == KERNEL_FP32)
			w->s->fma_flop_s[w->which] = fmax(w->s->fma_flop_s[w->which], r.flop_s);
		if (c->triad)
			w->s->triad_bytes_s[w->which] = fmax(w->s->triad_bytes_s[w->which], 3.0 * (64 << 20) / triad_s);
	}
	str_release(&text);
	return ok;
}

static bool bench_shape(struct work *w, const struct kernel_family *f, const struct shape *s, struct err *err)
{
	struct contest c = { 0 };
	bool ok;

	choose_variants(w, f, s, &c);
	if (c.n == 0)
		return true;
	ok = run_contest(w, f, s, &c, err) && add_rows(w, f, s, &c, err);
	kernel_case_free(c.c);
	kernel_case_free(c.triad);
	return ok;
}

static bool of_bytes(const struct bench_row *r)
{
	return strstr(r->shape, "int8") != NULL;
}

/* The fastest multiply-adds in registers that the row's arithmetic can use: int8 has a loop of its own, the others multiply fp32. */
static double register_peak(const struct bench_study *s, const struct bench_row *r)
{
	double most = NAN;

	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->rows[i].family->name, "fma") && s->rows[i].threads == r->threads && of_bytes(&s->rows[i]) == of_bytes(r))
			most = fmax(isnan(most) ? 0 : most, s->rows[i].flop_s);
	return most;
}

/* Triad is the roof where memory decides; a kernel with more FLOPs a byte than the ridge cannot stream that fast. */
static void shares_of_roof(struct bench_study *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bench_row *r = &s->rows[i];
		double of_registers = r->flop_s / register_peak(s, r);

		if (!isnan(r->of_triad))
			r->of_roof = of_registers > r->of_triad ? of_registers : r->of_triad;
	}
}

static void verdicts(struct bench_study *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bench_row *r = &s->rows[i];

		if (!r->is_default || strcmp(r->verdict, "ok") != 0)
			continue;
		if (r->of_blas < BLAS_SHARE)
			r->verdict = "below 90 % of OpenBLAS";
		else if (r->of_roof < ROOF_SHARE && strcmp(r->family->name, "copy") != 0)
			r->verdict = "below 85 % of its roof";
	}
}

/* Peaks of formats without a register loop of their own: the best product of that format. */
static void shares_of_peak(struct bench_study *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bench_row *r = &s->rows[i];
		int which = s->thread_counts > 1 && r->threads == s->threads[1];

		if (r->flop_s > 0 && s->fma_flop_s[which] > 0 && !strstr(r->shape, "int") && !strstr(r->shape, "gemm bf16"))
			r->of_peak = r->flop_s / s->fma_flop_s[which];
	}
}

/* A technique against the family that does without, on the same shape: both were timed above. */
static void shares_of_baseline(struct bench_study *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct bench_row *r = &s->rows[i];
		const char *of = strchr(r->shape, ' ');

		for (size_t j = 0; r->family->baseline && of && j < s->count; j++) {
			const struct bench_row *b = &s->rows[j];
			const char *of_b = strchr(b->shape, ' ');

			if (!strcmp(b->family->name, r->family->baseline) && b->threads == r->threads && of_b && !strcmp(of, of_b))
				r->of_baseline = fmax(isnan(r->of_baseline) ? 0 : r->of_baseline, b->seconds / r->seconds);
		}
	}
}

static bool bench_all(struct work *w, struct err *err)
{
	int families = 0;
	bool any = false;

	for (; kernel_families[families]; families++)
		any = any || is_wanted(w->o, kernel_families[families]);
	if (!any)
		return err_set(err, ERR_INPUT, "no kernel of this area or name: expected --area core, or --op gemm, attention_decode ...");
	for (w->which = 0; w->which < w->s->thread_counts; w->which++) {
		for (int i = 0; i < families; i++) {
			const struct kernel_family *f = kernel_families[i];

			if (!is_wanted(w->o, f) && strcmp(f->name, "fma") != 0)
				continue;
			if (w->o->progress)
				w->o->progress(w->o->ctx, (w->which + (double)i / families) / w->s->thread_counts, f->name);
			for (const struct shape *s = f->benches; s && !shape_is_last(s); s++) {
				struct shape with = *s;

				with.threads = w->s->threads[w->which];
				if (!bench_shape(w, f, &with, err))
					return false;
			}
		}
	}
	return true;
}

bool kernels_bench(const struct bench_options *o, struct bench_study *out, struct arena *arena, struct err *err)
{
	struct work w = { .o = o, .s = out, .arena = arena };
	struct machine m;
	struct bench_row *kept = NULL;
	bool ok;

	*out = (struct bench_study){ .thread_counts = 1 };
	if (!machine_read(&m, err) || !(w.timing = timing_new(err)))
		return false;
	out->threads[0] = o->threads > 0 ? o->threads : 1;
	if (o->threads == 0 && m.cores > 1) {
		out->threads[1] = m.cores;
		out->thread_counts = 2;
	}
	ok = bench_all(&w, err);
	out->clock = arena_strdup(arena, timing_clock_name(w.timing));
	out->counters = arena_strdup(arena, timing_counters_name(w.timing));
	kept = ok ? arena_alloc(arena, out->count * sizeof(*kept)) : NULL;
	if (ok && (!kept || !out->clock || !out->counters))
		ok = err_memory(err);
	if (kept)
		memcpy(kept, out->rows, out->count * sizeof(*kept));
	mem_free(out->rows);
	out->rows = kept;
	if (ok) {
		shares_of_peak(out);
		shares_of_roof(out);
		verdicts(out);
		shares_of_baseline(out);
	}
	timing_free(w.timing);
	return ok;
}
