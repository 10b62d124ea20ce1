#include "validation/engine/engine_host.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sim/serve/scheduler.h"
#include "validation/engine/engine.h"

enum { REPEATS = 15, POINTS_MOST = 32 };

static const struct engine_shape tiny = { .layers = 1, .hidden = 32, .heads = 2, .kv_heads = 1, .head_dim = 16, .intermediate = 32, .vocab = 64, .context = 4096,
					  .rope_theta = 10000, .eps = 1e-5 };

struct point {
	double seqs, tokens, seconds;
};

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct ticker {
	enum clock_kind clock;
	double base_s;
};

static double tick(void *ctx)
{
	const struct ticker *t = ctx;

	return forward_clock_s(t->clock) - t->base_s;
}

/* Runs one batch of `seqs` prompts of `prompt` tokens, then decodes; the medians of both kinds of iteration. */
static bool one_load(struct engine *e, enum clock_kind clock, int64_t seqs, int64_t prompt, struct point *out, struct err *err)
{
	double prefill[REPEATS], decode[REPEATS];
	struct ticker t = { clock, forward_clock_s(clock) };

	for (int r = 0; r < REPEATS; r++) {
		struct engine_step step = { .ran = true };
		double sum = 0;
		int decodes = 0;

		for (int64_t i = 0; i < seqs; i++) {
			struct request q = { .id = i, .prompt_tokens = prompt, .output_tokens = 5 };
			bool refused;

			if (!engine_add(e, &q, NULL, &refused, err))
				return false;
		}
		for (int n = 0; engine_outstanding(e) > 0 && step.ran; n++) {
			if (!engine_step(e, tick(&t), tick, &t, &step, err))
				return false;
			if (n == 0)
				prefill[r] = step.iteration.end_s - step.iteration.start_s - step.iteration.op_s;
			else
				sum += step.iteration.end_s - step.iteration.start_s - step.iteration.op_s, decodes++;
		}
		decode[r] = decodes ? sum / decodes : 0;
	}
	qsort(prefill, REPEATS, sizeof(double), ascending);
	qsort(decode, REPEATS, sizeof(double), ascending);
	out[0] = (struct point){ (double)seqs, (double)(seqs * prompt), prefill[REPEATS / 2] };
	out[1] = (struct point){ (double)seqs, (double)seqs, decode[REPEATS / 2] };
	return true;
}

/* Normal equations of three unknowns by elimination; errors are relative, so that small batches count as much as large ones. */
static void fit(const struct point *p, int n, double out[3])
{
	double a[3][4] = { 0 };

	for (int i = 0; i < n; i++) {
		double row[4] = { 1, p[i].seqs, p[i].tokens, p[i].seconds }, w = 1 / (p[i].seconds * p[i].seconds + 1e-18);

		for (int r = 0; r < 3; r++)
			for (int c = 0; c < 4; c++)
				a[r][c] += w * row[r] * row[c];
	}
	for (int r = 0; r < 3; r++)
		for (int k = 0; k < 3; k++) {
			double f = k == r || a[r][r] == 0 ? 0 : a[k][r] / a[r][r];

			for (int c = 0; c < 4; c++)
				a[k][c] -= f * a[r][c];
		}
	for (int r = 0; r < 3; r++)
		out[r] = a[r][r] != 0 ? fmax(a[r][3] / a[r][r], 0) : 0;
}

bool engine_host_measure(int threads, enum clock_kind clock, struct stack *out, struct arena *arena, struct err *err)
{
	static const int64_t loads[][2] = { { 1, 8 }, { 1, 256 }, { 4, 16 }, { 8, 64 }, { 16, 16 }, { 32, 32 }, { 64, 16 } };
	struct engine_options o = { .scheduler = scheduler_find("vllm"), .kv_format = KERNEL_FP32, .threads = threads, .clock = clock, .context = 4096, .seed = 1,
				    .limits = { .max_seqs = 64, .max_tokens = 2048, .block_tokens = 16, .kv_blocks = 1024, .chunked = true, .lanes = 1, .wheel_bits = 8,
						.window_count = 1, .conservativeness = 1 } };
	struct weight_source *source = weight_source_random(&tiny, 1, err);
	struct engine_model *m = source ? engine_model_new(source, KERNEL_FP32, 1, err) : NULL;
	struct engine *e = m ? engine_new(m, &o, err) : NULL;
	struct point points[POINTS_MOST];
	double c[3];
	bool ok = e != NULL;
	int n = 0;

	for (size_t i = 0; ok && i < COUNT_OF(loads); i++, n += 2)
		ok = one_load(e, clock, loads[i][0], loads[i][1], &points[n], err);
	engine_free(e);
	engine_model_free(m);
	weight_source_free(source);
	if (!ok)
		return false;
	fit(points, n, c);
	*out = (struct stack){ .name = "engine", .title = "this program's own engine", .aliases = "", .tables = "", .step_s = c[0], .seq_s = c[1], .token_s = c[2],
			       .separate_add = true, .gathers = true };
	out->source = arena_printf(arena, "host time beyond the operators: fitted to %d batches of a model of one layer, %d threads", n, threads);
	return out->source != NULL || err_memory(err);
}
