/* validation/engine/cache_kivi.c -- KIVI (arXiv 2402.02750) in the engine: blocks of 64 tokens in 2 bits, the most recent tokens as they
 * are. When the window is full its oldest block is packed. A prompt's own tokens are attended in full precision; what chunks before it
 * left packed is restored first. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/core/attention.h"
#include "kernels/core/tokenwise.h"
#include "kernels/kv/kivi_attention.h"
#include "validation/engine/engine_cache.h"
#include "validation/engine/engine_methods.h"

struct kivi {
	struct engine_shape shape;
	int64_t blocks, seats, residual, tiles_each;           /* tiles of a block of one head: keys, then values */
	int threads;
	struct kivi_tile *tiles;       /* [layers][kv_heads][blocks][tiles_each] */
	float *recent;                 /* [layers][seats][kv_heads][2][residual][head_dim] */
	struct paged_kv whole;         /* one sequence in full precision, while its prompt is attended */
	int32_t *whole_table;
	const struct kivi_ops *ops;
	const struct attention_ops *attention;
};

static void kivi_release(void *cache)
{
	struct kivi *c = cache;

	if (!c)
		return;
	mem_free(c->tiles);
	mem_free(c->recent);
	paged_kv_release(&c->whole);
	mem_free(c->whole_table);
	mem_free(c);
}

static size_t tile_bytes(const struct kivi *c)
{
	return (size_t)(c->shape.layers * c->shape.kv_heads * c->blocks * c->tiles_each) * sizeof(struct kivi_tile);
}

static size_t recent_bytes(const struct kivi *c)
{
	return (size_t)(c->shape.layers * c->seats * c->shape.kv_heads * 2 * c->residual * c->shape.head_dim) * sizeof(float);
}

static bool allocate(struct kivi *c, const struct forward_limits *l)
{
	int64_t blocks = (l->context + KIVI_SIDE - 1) / KIVI_SIDE;

	c->whole = (struct paged_kv){ .format = KERNEL_FP32, .blocks = blocks, .block_size = KIVI_SIDE, .kv_heads = c->shape.kv_heads, .head_dim = c->shape.head_dim };
	c->tiles = mem_alloc_aligned(tile_bytes(c));
	c->recent = mem_alloc_aligned(recent_bytes(c));
	c->whole_table = mem_alloc((size_t)blocks * sizeof(*c->whole_table));
	if (!c->tiles || !c->recent || !c->whole_table || !paged_kv_make(&c->whole))
		return false;
	memset(c->tiles, 0, tile_bytes(c));
	memset(c->recent, 0, recent_bytes(c));
	for (int64_t b = 0; b < blocks; b++)
		c->whole_table[b] = (int32_t)b;
	return true;
}

static void *kivi_make(const struct engine_shape *shape, const struct forward_limits *l, struct err *err)
{
	struct kivi *c;

	if (shape->head_dim % KIVI_SIDE != 0 || shape->head_dim > KIVI_DIM_MOST || shape->window > 0 || l->kv_format != KERNEL_FP32) {
		err_set(err, ERR_INPUT, "--with kivi: heads of %lld, window %lld, cache in %s: the engine's kernel has heads of 64, 128, 192 or 256 without a "
			"window beside recent tokens in fp32 (--kv-dtype fp32)", (long long)shape->head_dim, (long long)shape->window,
			kernel_format_names[l->kv_format]);
		return NULL;
	}
	c = mem_calloc(1, sizeof(*c));
	if (c) {
		c->shape = *shape;
		c->blocks = l->blocks;
		c->seats = l->sequences;
		c->residual = l->methods->cache_settings.residual;
		c->tiles_each = 2 * (shape->head_dim / KIVI_SIDE);
		c->threads = l->threads;
		c->ops = kivi_best();
		c->attention = attention_best();
	}
	if (c && allocate(c, l))
		return c;
	kivi_release(c);
	err_memory(err);
	return NULL;
}

static double kivi_bytes(const void *cache)
{
	return (double)tile_bytes(cache) + (double)recent_bytes(cache);
}

/* ---- one head of one sequence ---- */

/* Packed blocks of a sequence of so many tokens: the window holds less than `residual` after its oldest block has gone. */
static int64_t packed_blocks(const struct kivi *c, int64_t tokens)
{
	return tokens < c->residual ? 0 : (tokens - (c->residual - KIVI_SIDE)) / KIVI_SIDE;
}

static struct kivi_tile *tiles_of(const struct kivi *c, int64_t layer, int64_t head)
{
	return c->tiles + (layer * c->shape.kv_heads + head) * c->blocks * c->tiles_each;
}

/* Recent keys (or values) of a head. */
static float *recent_of(const struct kivi *c, int64_t layer, int64_t seat, int64_t head, bool value)
{
	return c->recent + (((layer * c->seats + seat) * c->shape.kv_heads + head) * 2 + value) * c->residual * c->shape.head_dim;
}

static struct kivi_cache view_of(const struct kivi *c, int64_t layer, int64_t seat, int64_t head, const int32_t *table, int64_t tokens)
{
	int64_t blocks = packed_blocks(c, tokens);

	return (struct kivi_cache){ .tiles = tiles_of(c, layer, head), .table = table, .stride = c->tiles_each, .keys = recent_of(c, layer, seat, head, false),
				    .values = recent_of(c, layer, seat, head, true), .blocks = blocks, .recent = tokens - blocks * KIVI_SIDE,
				    .head_dim = c->shape.head_dim };
}

/* 64 tokens of a head, rows head_dim apart, into their block. */
static void pack_block(const struct kivi *c, int64_t layer, int64_t head, int32_t block, const float *keys, const float *values)
{
	struct kivi_tile *t = tiles_of(c, layer, head) + block * c->tiles_each;
	int64_t panels = c->tiles_each / 2, d = c->shape.head_dim;

	for (int64_t p = 0; p < panels; p++) {
		kivi_tile_pack(t + p, keys + p * KIVI_SIDE, 1, d);
		kivi_tile_pack(t + panels + p, values + p * KIVI_SIDE, d, 1);
	}
}

/* ---- decode ---- */

/* The new token joins the window; a full window gives its oldest block away. */
static void append(const struct kivi *c, const struct cache_pass *pass, int64_t s, int64_t head)
{
	int64_t d = c->shape.head_dim, q = c->shape.heads * d, width = q + 2 * c->shape.kv_heads * d, tokens = pass->batch->lengths[s];
	int64_t seat = pass->batch->seats[s], before = packed_blocks(c, tokens - 1), at = tokens - 1 - before * KIVI_SIDE, now = packed_blocks(c, tokens);
	float *keys = recent_of(c, pass->layer, seat, head, false), *values = recent_of(c, pass->layer, seat, head, true);
	const float *row = pass->qkv + s * width + q + head * d;
	size_t left = (size_t)((at + 1 - KIVI_SIDE) * d) * sizeof(float);

	memcpy(keys + at * d, row, (size_t)d * sizeof(float));
	memcpy(values + at * d, row + c->shape.kv_heads * d, (size_t)d * sizeof(float));
	if (now == before)
		return;
	pack_block(c, pass->layer, head, pass->batch->tables[s][before], keys, values);
	memmove(keys, keys + KIVI_SIDE * d, left);
	memmove(values, values + KIVI_SIDE * d, left);
}

static void decode(const struct kivi *c, const struct cache_pass *pass)
{
	const struct forward_batch *b = pass->batch;
	int64_t heads = c->shape.heads, kv_heads = c->shape.kv_heads, d = c->shape.head_dim, width = (heads + 2 * kv_heads) * d;

	for (int64_t i = 0; i < b->decodes * kv_heads; i++)
		append(c, pass, i / kv_heads, i % kv_heads);
	pass->spent(pass->timer, FORWARD_kv_append);
	for (int64_t i = 0; i < b->decodes * heads; i++) {
		int64_t s = i / heads, h = i % heads;
		struct kivi_cache view = view_of(c, pass->layer, b->seats[s], h / (heads / kv_heads), b->tables[s], b->lengths[s]);

		c->ops->head(&view, pass->qkv + s * width + h * d, 1 / sqrtf((float)d), pass->out + i * d);
	}
	pass->spent(pass->timer, FORWARD_attention_decode);
}

/* ---- prompts ---- */

static float *whole_row(const struct kivi *c, bool value, int64_t head, int64_t token)
{
	return (float *)(value ? c->whole.v : c->whole.k) + paged_row(&c->whole, token / KIVI_SIDE, head, token % KIVI_SIDE);
}

/* What earlier chunks left of the sequence. */
static void restore(const struct kivi *c, int64_t layer, int64_t seat, const int32_t *table, int64_t prior)
{
	for (int64_t h = 0; h < c->shape.kv_heads; h++) {
		struct kivi_cache view = view_of(c, layer, seat, h, table, prior);

		for (int64_t t = 0; t < prior; t++)
			for (int64_t i = 0; i < c->shape.head_dim; i++) {
				whole_row(c, false, h, t)[i] = kivi_element(&view, t, i, false);
				whole_row(c, true, h, t)[i] = kivi_element(&view, t, i, true);
			}
	}
}

/* The sequence as it is now: blocks that left the window are packed, the rest becomes the window. */
static void keep(const struct kivi *c, int64_t layer, int64_t seat, const int32_t *table, int64_t prior, int64_t tokens)
{
	int64_t d = c->shape.head_dim, blocks = packed_blocks(c, tokens);

	for (int64_t h = 0; h < c->shape.kv_heads; h++) {
		for (int64_t b = packed_blocks(c, prior); b < blocks; b++)
			pack_block(c, layer, h, table[b], whole_row(c, false, h, b * KIVI_SIDE), whole_row(c, true, h, b * KIVI_SIDE));
		for (int64_t t = blocks * KIVI_SIDE; t < tokens; t++) {
			int64_t at = (t - blocks * KIVI_SIDE) * d;

			memcpy(recent_of(c, layer, seat, h, false) + at, whole_row(c, false, h, t), (size_t)d * sizeof(float));
			memcpy(recent_of(c, layer, seat, h, true) + at, whole_row(c, true, h, t), (size_t)d * sizeof(float));
		}
	}
}

static void prompt(const struct kivi *c, const struct cache_pass *pass, int64_t chunk)
{
	const struct forward_batch *b = pass->batch;
	int64_t d = c->shape.head_dim, q = c->shape.heads * d, width = q + 2 * c->shape.kv_heads * d, at = b->decodes + chunk, length = b->lengths[at];
	int64_t from = b->decodes + b->first[chunk], rows = b->first[chunk + 1] - b->first[chunk], prior = length - rows;
	const int64_t first[2] = { 0, rows };
	const int32_t *table = c->whole_table;
	struct attention_call call = { .kv = &c->whole, .heads = c->shape.heads, .scale = 1 / sqrtf((float)d), .sequences = 1, .kv_len = &length, .first = first,
				       .tables = &table, .q = pass->qkv + from * width, .q_stride = width, .out = pass->out + from * q, .scratch = pass->scratch,
				       .threads = c->threads };

	restore(c, pass->layer, b->seats[at], b->tables[at], prior);
	for (int64_t t = prior; t < length; t++)
		for (int64_t h = 0; h < c->shape.kv_heads; h++) {
			const float *row = pass->qkv + (from + t - prior) * width + q + h * d;

			memcpy(whole_row(c, false, h, t), row, (size_t)d * sizeof(float));
			memcpy(whole_row(c, true, h, t), row + c->shape.kv_heads * d, (size_t)d * sizeof(float));
		}
	pass->spent(pass->timer, FORWARD_kv_append);
	c->attention->prefill(&call);
	pass->spent(pass->timer, FORWARD_attention_prefill);
	keep(c, pass->layer, b->seats[at], b->tables[at], prior, length);
	pass->spent(pass->timer, FORWARD_kv_append);
}

static void kivi_attend(void *cache, const struct cache_pass *pass)
{
	if (pass->batch->decodes > 0)
		decode(cache, pass);
	for (int64_t k = 0; k < pass->batch->chunks; k++)
		prompt(cache, pass, k);
}

const struct cache_ops cache_kivi = {
	.name = "kivi", .block_tokens = KIVI_SIDE, .make = kivi_make, .release = kivi_release, .attend = kivi_attend, .bytes = kivi_bytes,
};
