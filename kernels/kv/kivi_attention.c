/* kernels/kv/kivi_attention.c -- decode attention over a cache in 2 bits. shape: batch sequences of kv_len tokens, heads,
 * kv_heads, head_dim (a multiple of 64); extra[0]: most recent tokens in full precision (the rest: whole blocks of 64). */
#include "kernels/kv/kivi_attention.h"

#include <math.h>

#include "base/mem.h"
#include "kernels/core/cpu.h"
#include "kernels/harness/kernel.h"

enum { Q, KEYS, VALUES, OUT };

static float restored(const struct kivi_cache *c, int64_t token, int64_t channel, bool value)
{
	const struct kivi_tile *t = kivi_block(c, token / KIVI_SIDE) + (value ? c->head_dim / KIVI_SIDE : 0) + channel / KIVI_SIDE;
	int row = (int)(token % KIVI_SIDE), column = (int)(channel % KIVI_SIDE);

	return value ? kivi_tile_at(t, row, column) : kivi_tile_at(t, column, row);
}

float kivi_element(const struct kivi_cache *c, int64_t token, int64_t channel, bool value)
{
	int64_t packed = c->blocks * KIVI_SIDE;

	if (token < packed)
		return restored(c, token, channel, value);
	return (value ? c->values : c->keys)[(token - packed) * c->head_dim + channel];
}

/* Two passes over scores: the largest, then weights. */
static double score(const struct kivi_cache *c, const float *q, float scale, int64_t token)
{
	double sum = 0;

	for (int64_t i = 0; i < c->head_dim; i++)
		sum += (double)q[i] * (double)kivi_element(c, token, i, false);
	return sum * (double)scale;
}

static void plain_head(const struct kivi_cache *c, const float *q, float scale, float *out)
{
	double most = -INFINITY, sum = 0, acc[KIVI_DIM_MOST] = { 0 };
	int64_t tokens = c->blocks * KIVI_SIDE + c->recent;

	for (int64_t t = 0; t < tokens; t++)
		most = fmax(most, score(c, q, scale, t));
	for (int64_t t = 0; t < tokens; t++) {
		double w = exp(score(c, q, scale, t) - most);

		sum += w;
		for (int64_t i = 0; i < c->head_dim; i++)
			acc[i] += w * (double)kivi_element(c, t, i, true);
	}
	for (int64_t i = 0; i < c->head_dim; i++)
		out[i] = (float)(acc[i] / sum);
}
const struct kivi_ops kivi_ref = { .head = plain_head };

const struct kivi_ops *kivi_best(void)
{
#if defined(__x86_64__)
	if (cpu_has_avx512())
		return &kivi_avx512;
	if (cpu_has_avx2())
		return &kivi_avx2;
#endif
	return &kivi_ref;
}

static int operands(const struct shape *s, struct operand *o)
{
	int64_t cached = s->batch * s->kv_heads * s->kv_len * s->head_dim;

	o[Q] = (struct operand){ .name = "q", .count = s->batch * s->heads * s->head_dim, .scale = 2, .fresh = true };
	o[KEYS] = (struct operand){ .name = "k", .count = cached, .scale = 1 };
	o[VALUES] = (struct operand){ .name = "v", .count = cached, .scale = 1 };
	o[OUT] = (struct operand){ .name = "out", .count = s->batch * s->heads * s->head_dim, .fill = FILL_RESULT };
	return 4;
}
static double flops(const struct shape *s)
{
	return 4.0 * (double)(s->batch * s->heads * s->head_dim * s->kv_len);
}
static double bytes(const struct shape *s)
{
	double row = 2.0 * (double)(s->kv_heads * s->head_dim), packed = (double)(s->kv_len - s->extra[0]);

	return (double)s->batch * (row * (packed * 3 / 8 + (double)s->extra[0] * 4) + 8.0 * (double)(s->heads * s->head_dim));
}

struct state {
	struct kivi_cache *caches;     /* [batch][kv_heads] */
	struct kivi_tile *tiles;
	float *recent;
	size_t tile_bytes, recent_bytes;
};
static void release(void *state)
{
	struct state *a = state;

	mem_free(a->caches);
	mem_free(a->tiles);
	mem_free(a->recent);
	mem_free(a);
}

static void pack_cache(const struct shape *s, struct kivi_cache *c, struct kivi_tile *tiles, float *recent, const float *k, const float *v)
{
	int64_t d = s->head_dim, panels = d / KIVI_SIDE, packed = s->kv_len - s->extra[0];

	*c = (struct kivi_cache){ .tiles = tiles, .keys = recent, .values = recent + s->extra[0] * d, .blocks = packed / KIVI_SIDE, .recent = s->extra[0],
				  .head_dim = d };
	for (int64_t b = 0; b < c->blocks; b++)
		for (int64_t p = 0; p < panels; p++) {
			int64_t at = b * KIVI_SIDE * d + p * KIVI_SIDE;

			kivi_tile_pack(&tiles[b * 2 * panels + p], k + at, 1, d);
			kivi_tile_pack(&tiles[b * 2 * panels + panels + p], v + at, d, 1);
		}
	for (int64_t i = 0; i < s->extra[0] * d; i++) {
		recent[i] = k[packed * d + i];
		recent[s->extra[0] * d + i] = v[packed * d + i];
	}
}

static void *prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct state *a = mem_calloc(1, sizeof(*a));
	int64_t heads = s->batch * s->kv_heads, each = (s->kv_len - s->extra[0]) / KIVI_SIDE * 2 * (s->head_dim / KIVI_SIDE);
	int64_t recent = 2 * s->extra[0] * s->head_dim, cached = s->kv_len * s->head_dim;

	if (a) {
		a->tile_bytes = (size_t)(heads * each) * sizeof(*a->tiles);
		a->recent_bytes = (size_t)(heads * recent) * sizeof(float);
		a->caches = mem_calloc((size_t)heads, sizeof(*a->caches));
		a->tiles = mem_alloc_aligned(a->tile_bytes + 1);
		a->recent = mem_alloc_aligned(a->recent_bytes + 1);
	}
	if (!a || !a->caches || !a->tiles || !a->recent) {
		if (a)
			release(a);
		err_memory(err);
		return NULL;
	}
	for (int64_t h = 0; h < heads; h++)
		pack_cache(s, &a->caches[h], a->tiles + h * each, a->recent + h * recent, (const float *)data[KEYS] + h * cached,
			   (const float *)data[VALUES] + h * cached);
	return a;
}

static bool streams(void *state, int i, const void **at, size_t *bytes_of)
{
	const struct state *a = state;

	*at = i == 0 ? (const void *)a->tiles : (const void *)a->recent;
	*bytes_of = i == 0 ? a->tile_bytes : a->recent_bytes;
	return i < 2;
}

static void run(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	const struct kivi_ops *ops = r->kernel->with;
	const struct state *a = r->state;
	int64_t d = s->head_dim, share = s->heads / s->kv_heads;

#pragma omp parallel for num_threads(s->threads) if (s->threads > 1)
	for (int64_t i = 0; i < s->batch * s->heads; i++)
		ops->head(&a->caches[i / s->heads * s->kv_heads + i % s->heads / share], (const float *)r->data[Q] + i * d, 1 / sqrtf((float)d),
			  (float *)r->data[OUT] + i * d);
}

/* Quantisation errs by half a step, and by what rounding scale and minimum to bf16 adds: beyond that it is wrong. */
static double within_half_a_step(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	const struct state *a = r->state;
	double worst = 0;

	for (int64_t h = 0; h < s->batch * s->kv_heads; h++)
		for (int64_t t = 0; t < a->caches[h].blocks * KIVI_SIDE; t++)
			for (int64_t i = 0; i < s->head_dim; i++)
				for (int value = 0; value < 2; value++) {
					const float *x = (const float *)r->data[value ? VALUES : KEYS] + h * s->kv_len * s->head_dim;
					double step = 2.0 / 3;         /* elements lie in -1 .. 1 */
					double off = fabs((double)x[t * s->head_dim + i] - (double)kivi_element(&a->caches[h], t, i, value));

					worst = fmax(worst, off - 0.5 * step - 4 / 256.0);
				}
	return worst;
}

static bool whole_tiles(const struct shape *s)
{
	return s->head_dim % KIVI_SIDE == 0 && s->head_dim <= KIVI_DIM_MOST;
}

#define A(b, l, h, kh, d, r) { .batch = b, .kv_len = l, .heads = h, .kv_heads = kh, .head_dim = d, .extra = { r } }
static const struct shape tests[] = { A(1, 64, 1, 1, 64, 0), A(2, 64 * 5 + 37, 4, 2, 64, 37), A(1, 64 * 3 + 128, 2, 2, 128, 128), { 0 } };
static const struct shape benches[] = { A(4, 4096, 8, 8, 64, 128), A(4, 4096, 8, 8, 128, 128), { 0 } };
static const struct kernel variants[] = {
	{ "ref", NULL, whole_tiles, run, &kivi_ref },
	KERNEL_SIMD(whole_tiles, run, &kivi_avx2, &kivi_avx512)
	{ 0 }
};
const struct kernel_family kernel_kivi_attention = {
	.area = "kv", .name = "kivi_attention", .help = "decode attention over keys and values of 2 bits, unpacked inside the products", .operands = operands,
	.flops = flops, .bytes = bytes, .prepare = prepare, .release = release, .streams = streams, .check = within_half_a_step, .check_most = 1e-6,
	.tolerance = { 5e-5 },         /* factors 1 + code / 32: five bits are lost to the 1 */
	.baseline = "attention_decode", .tests = tests, .benches = benches, .variants = variants,
};
