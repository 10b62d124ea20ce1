/* kernels/kv/kivi_scores.c -- q K' over keys of 2 bits, quantised per channel in groups of 32 tokens (KIVI, arXiv 2402.02750).
 * shape: kv_len tokens (whole groups), head_dim channels. Codes of one channel and group lie in one 64-bit word. */
#include <math.h>

#include "base/mem.h"
#include "kernels/harness/kernel.h"

enum { GROUP = 32 };
enum { Q, KEYS, SCORES };

struct packed {
	uint64_t *codes;               /* [group][channel] */
	float *scale, *least;          /* [group][channel] */
	const float *keys;
};

static int64_t groups_of(const struct shape *s)
{
	return s->kv_len / GROUP;
}

static int operands(const struct shape *s, struct operand *o)
{
	o[Q] = (struct operand){ .name = "q", .count = s->head_dim, .scale = 1 };
	o[KEYS] = (struct operand){ .name = "k", .count = s->kv_len * s->head_dim, .scale = 2 };
	o[SCORES] = (struct operand){ .name = "scores", .count = s->kv_len, .fill = FILL_RESULT };
	return 3;
}

static double flops(const struct shape *s)
{
	return 2.0 * (double)(s->kv_len * s->head_dim);
}
static double bytes(const struct shape *s)
{
	double groups = (double)(groups_of(s) * s->head_dim);

	return groups * (8 + 8) + 4.0 * (double)(s->kv_len + s->head_dim);
}

static void release(void *state)
{
	struct packed *p = state;

	mem_free(p->codes);
	mem_free(p->scale);
	mem_free(p->least);
	mem_free(p);
}

static void quantise_group(struct packed *p, const float *keys, int64_t d, int64_t g, int64_t c)
{
	const float *x = keys + g * GROUP * d + c;
	float low = x[0], high = x[0], scale;
	uint64_t word = 0;

	for (int t = 1; t < GROUP; t++) {
		low = fminf(low, x[t * d]);
		high = fmaxf(high, x[t * d]);
	}
	scale = (high - low) / 3;
	for (int t = 0; t < GROUP; t++) {
		long code = scale > 0 ? lrintf((x[t * d] - low) / scale) : 0;

		word |= (uint64_t)(code < 0 ? 0 : code > 3 ? 3 : code) << (2 * t);
	}
	p->codes[g * d + c] = word;
	p->scale[g * d + c] = scale;
	p->least[g * d + c] = low;
}

static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct packed *p = mem_calloc(1, sizeof(*p));
	size_t n = (size_t)(groups_of(s) * s->head_dim);

	if (p) {
		p->codes = mem_calloc(n, sizeof(*p->codes));
		p->scale = mem_calloc(n, sizeof(*p->scale));
		p->least = mem_calloc(n, sizeof(*p->least));
	}
	if (!p || !p->codes || !p->scale || !p->least) {
		if (p)
			release(p);
		err_memory(err);
		return NULL;
	}
	p->keys = data[KEYS];
	for (int64_t g = 0; g < groups_of(s); g++)
		for (int64_t c = 0; c < s->head_dim; c++)
			quantise_group(p, p->keys, s->head_dim, g, c);
	return p;
}

static float restored(const struct packed *p, int64_t at, int t)
{
	return p->least[at] + p->scale[at] * (float)(p->codes[at] >> (2 * t) & 3);
}

static void reference(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	const float *q = r->data[Q];
	float *out = r->data[SCORES];
	int64_t d = r->shape->head_dim;

	for (int64_t t = 0; t < r->shape->kv_len; t++) {
		double sum = 0;

		for (int64_t c = 0; c < d; c++)
			sum += (double)q[c] * (double)restored(p, t / GROUP * d + c, (int)(t % GROUP));
		out[t] = (float)sum;
	}
}

/* Scale and minimum are factored out of the group: 32 tokens side by side, one multiplication a channel and token. */
static void fused(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	const float *q = r->data[Q];
	float *out = r->data[SCORES];
	int64_t d = r->shape->head_dim;

#pragma omp parallel for num_threads(r->shape->threads > 0 ? r->shape->threads : 1)
	for (int64_t g = 0; g < r->shape->kv_len / GROUP; g++) {
		float sum[GROUP] = { 0 }, base = 0;

		for (int64_t c = 0; c < d; c++) {
			uint32_t low = (uint32_t)p->codes[g * d + c], high = (uint32_t)(p->codes[g * d + c] >> 32);
			float w = q[c] * p->scale[g * d + c];

			base += q[c] * p->least[g * d + c];
			for (int t = 0; t < GROUP / 2; t++) {
				sum[t] += w * (float)(int32_t)(low >> (2 * t) & 3);
				sum[t + GROUP / 2] += w * (float)(int32_t)(high >> (2 * t) & 3);
			}
		}
		for (int t = 0; t < GROUP; t++)
			out[g * GROUP + t] = base + sum[t];
	}
}

/* Quantisation errs by at most half a step. */
static double within_half_a_step(const struct kernel_run *r)
{
	const struct packed *p = r->state;
	int64_t d = r->shape->head_dim;
	double worst = 0;

	for (int64_t t = 0; t < r->shape->kv_len; t++)
		for (int64_t c = 0; c < d; c++) {
			int64_t at = t / GROUP * d + c;
			double error = fabs((double)p->keys[t * d + c] - (double)restored(p, at, (int)(t % GROUP)));

			worst = fmax(worst, error - 0.5 * (double)p->scale[at]);
		}
	return worst;
}

static const struct shape tests[] = { { .kv_len = 32, .head_dim = 4 }, { .kv_len = 320, .head_dim = 128 }, { 0 } };
static const struct shape benches[] = { { .kv_len = 4096, .head_dim = 128 }, { .kv_len = 32768, .head_dim = 128 }, { 0 } };
static const struct kernel variants[] = { { "ref", NULL, NULL, reference, NULL }, { "fused", NULL, NULL, fused, NULL }, { 0 } };
const struct kernel_family kernel_kivi_scores = {
	.area = "kv", .name = "kivi_scores", .help = "q K' over keys of 2 bits, unpacked inside the product", .operands = operands, .flops = flops,
	.bytes = bytes, .prepare = prepare, .release = release, .check = within_half_a_step, .check_most = 1e-6, .tolerance = { 1e-5 },
	.tests = tests, .benches = benches, .variants = variants,
};
