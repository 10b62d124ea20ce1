#include "kernels/core/attention.h"

#include <string.h>

#include "tests/unit/kernel_compare.h"

struct layout {
	int64_t sequences, q_len, kv_len, heads, kv_heads, head_dim, window, block_size;
};

struct operands {
	struct paged_kv kv;
	struct attention_call call;
	int32_t *order;
	const int32_t *tables[16];
	int64_t kv_len[16], first[17];
	float *q, *out, *want;
};

static void fill_cache(struct rng *r, void *cache, enum kernel_format format, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		float x = (float)rng_uniform(r) - 0.5f;

		if (format == KERNEL_FP32)
			((float *)cache)[i] = x;
		else
			((uint16_t *)cache)[i] = bf16_from_float(x);
	}
}

/* Sequences of different lengths whose blocks lie in random order. */
static void make(struct operands *o, const struct layout *l, enum kernel_format format, int threads)
{
	int64_t each = (l->kv_len + l->block_size - 1) / l->block_size, rows = l->sequences * l->q_len, blocks = each * l->sequences;
	struct rng r;

	rng_init(&r, (uint64_t)(l->kv_len * 3 + l->heads), "attention");
	o->kv = (struct paged_kv){ .format = format, .blocks = blocks, .block_size = l->block_size, .kv_heads = l->kv_heads,
				   .head_dim = l->head_dim };
	o->kv.k = mem_alloc_aligned(paged_kv_bytes(&o->kv));
	o->kv.v = mem_alloc_aligned(paged_kv_bytes(&o->kv));
	fill_cache(&r, o->kv.k, format, blocks * l->block_size * l->kv_heads * l->head_dim);
	fill_cache(&r, o->kv.v, format, blocks * l->block_size * l->kv_heads * l->head_dim);
	o->order = mem_alloc((size_t)blocks * sizeof(*o->order));
	for (int32_t i = 0; i < blocks; i++) {
		int64_t j = (int64_t)rng_below(&r, (uint64_t)i + 1);

		o->order[i] = o->order[j];
		o->order[j] = i;
	}
	o->first[0] = 0;
	for (int64_t s = 0; s < l->sequences; s++) {
		o->tables[s] = o->order + s * each;
		o->kv_len[s] = l->kv_len - s * 11 > l->q_len ? l->kv_len - s * 11 : l->q_len;
		o->first[s + 1] = o->first[s] + l->q_len;
	}
	o->q = random_floats(&r, rows * l->heads * l->head_dim, 6);
	o->out = random_floats(&r, rows * l->heads * l->head_dim, 0);
	o->want = random_floats(&r, rows * l->heads * l->head_dim, 0);
	o->call = (struct attention_call){ .kv = &o->kv, .heads = l->heads, .scale = 1 / sqrtf((float)l->head_dim), .window = l->window,
					   .sequences = l->sequences, .kv_len = o->kv_len, .first = l->q_len > 1 ? o->first : NULL,
					   .tables = o->tables, .q = o->q, .q_stride = l->heads * l->head_dim, .out = o->want,
					   .threads = threads };
	o->call.scratch =
		mem_alloc_aligned(attention_scratch_bytes(l->sequences, l->heads, l->kv_heads, l->head_dim, threads));
}

static void unmake(struct operands *o)
{
	mem_free(o->kv.k);
	mem_free(o->kv.v);
	mem_free(o->order);
	mem_free(o->q);
	mem_free(o->out);
	mem_free(o->want);
	mem_free(o->call.scratch);
}

/* All arithmetic is fp32 on the values that the cache holds, in both formats: only the order of sums and exp differ. */
static void agree(const struct layout *l, enum kernel_format format, int threads)
{
	struct operands o;
	int count = 0;

	make(&o, l, format, threads);
	while (attention_variants[count])
		count++;
	attention_variants[count - 1]->prefill(&o.call);
	o.call.out = o.out;
	for (int v = 0; v + 1 < count; v++) {
		char what[128];
		int64_t values = l->sequences * l->q_len * l->heads * l->head_dim;

		if (attention_variants[v]->usable && !attention_variants[v]->usable())
			continue;
		snprintf(what, sizeof(what), "attention %s q %ld kv %ld heads %ld/%ld x %ld window %ld block %ld threads %d",
			 kernel_format_names[format], (long)l->q_len, (long)l->kv_len, (long)l->heads, (long)l->kv_heads,
			 (long)l->head_dim, (long)l->window, (long)l->block_size, threads);
		memset(o.out, 0x7f, (size_t)values * sizeof(*o.out));
		if (l->q_len == 1) {
			attention_variants[v]->decode(&o.call);
			check_close(what, attention_variants[v]->variant, o.out, o.want, values, 4e-6);
		}
		memset(o.out, 0x7f, (size_t)values * sizeof(*o.out));
		attention_variants[v]->prefill(&o.call);
		check_close(what, attention_variants[v]->variant, o.out, o.want, values, 4e-6);
	}
	unmake(&o);
}

static void variants_agree(void)
{
	static const struct layout layouts[] = {
		{ 1, 1, 1, 4, 1, 96, 0, 16 },    { 3, 1, 300, 8, 2, 64, 0, 16 },   { 5, 1, 77, 4, 4, 128, 33, 7 },
		{ 2, 1, 1500, 6, 2, 32, 0, 5 },  { 9, 1, 130, 4, 2, 64, 0, 32 },   { 2, 1, 140, 3, 1, 20, 0, 16 },
		{ 2, 1, 150, 7, 1, 80, 0, 16 },  { 3, 1, 260, 9, 3, 40, 100, 5 },  { 1, 1, 33, 8, 1, 24, 0, 16 },
		{ 3, 37, 200, 8, 2, 64, 0, 16 }, { 3, 130, 150, 6, 2, 32, 40, 5 }, { 1, 65, 65, 4, 4, 128, 0, 16 },
		{ 2, 7, 100, 5, 1, 48, 0, 16 },  { 1, 3, 400, 2, 2, 256, 70, 16 }, { 1, 30, 64, 100, 1, 32, 0, 64 },
		{ 2, 1, 270, 8, 2, 16, 0, 16 },  { 2, 1, 200, 5, 1, 256, 0, 16 },
	};

	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		for (int threads = 1; threads <= 5; threads += 2) {
			agree(&layouts[i], KERNEL_FP32, threads);
			agree(&layouts[i], KERNEL_BF16, threads);
		}
	}
}

/* Equal scores average the values; a query that sees one key returns its value. */
static void known_results(void)
{
	const struct layout l = { 1, 1, 200, 2, 1, 32, 0, 16 };
	struct operands o;

	make(&o, &l, KERNEL_FP32, 2);
	memset(o.q, 0, (size_t)(l.heads * l.head_dim) * sizeof(*o.q));
	for (int v = 0; attention_variants[v]; v++) {
		double mean = 0;

		if (attention_variants[v]->usable && !attention_variants[v]->usable())
			continue;
		o.call.window = 0;
		attention_variants[v]->decode(&o.call);
		for (int64_t t = 0; t < l.kv_len; t++)
			mean += (double)((float *)o.kv.v)[paged_row(&o.kv, o.order[t / 16], 0, t % 16) + 5] / (double)l.kv_len;
		CU_ASSERT_DOUBLE_EQUAL(o.want[l.head_dim + 5], mean, 1e-6);
		o.call.window = 1;
		attention_variants[v]->decode(&o.call);
		CU_ASSERT_DOUBLE_EQUAL(o.want[5], ((float *)o.kv.v)[paged_row(&o.kv, o.order[199 / 16], 0, 199 % 16) + 5], 1e-7);
	}
	unmake(&o);
}

CU_TestInfo suite_kernels_attention[] = { { "variants equal the reference", variants_agree },
					  { "known results", known_results },
					  CU_TEST_INFO_NULL };
