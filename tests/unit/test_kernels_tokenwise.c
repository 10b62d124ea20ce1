#include "kernels/core/tokenwise.h"

#include <string.h>

#include "kernels/core/sampling.h"
#include "tests/unit/kernel_compare.h"

/* Runs every variant of one operator on the same operands: `op` writes `count` results to out. */
struct trial {
	int64_t m, n;
	int threads;
	const float *x, *y, *weight;
	const int32_t *ids;
	const int64_t *slots;
	const struct rope *rope;
	struct paged_kv *kv;
	enum kernel_format format;
};
typedef void (*operation)(const struct tokenwise_ops *ops, const struct trial *t, float *out);

static void do_rmsnorm(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->rmsnorm(t->x, t->weight, 1e-5f, out, t->m, t->n, t->threads);
}
static void do_layernorm(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->layernorm(t->x, t->weight, t->y, 1e-5f, out, t->m, t->n, t->threads);
}
static void do_swiglu(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->swiglu(t->x, t->y, t->n, out, t->m, t->n, t->threads);
}
static void do_gelu(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->gelu(t->x, out, t->m, t->n, t->threads);
}
static void do_softmax(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->softmax(t->x, out, t->m, t->n, t->threads);
}
static void do_add(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->add(t->x, t->y, out, t->m, t->n, t->threads);
}
static void do_triad(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->triad(t->x, t->y, 3, out, t->m * t->n, t->threads);
}
static void do_copy(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	o->copy(t->x, out, t->m * t->n, t->threads);
}
static void do_in_place(const struct tokenwise_ops *o, const struct trial *t, float *out)
{
	memcpy(out, t->x, (size_t)(t->m * t->n) * sizeof(*out));
	o->rmsnorm(out, t->weight, 1e-5f, out, t->m, t->n, t->threads);
	o->gelu(out, out, t->m, t->n, t->threads);
	o->softmax(out, out, t->m, t->n, t->threads);
	o->add(out, t->y, out, t->m, t->n, t->threads);
}

static void variants_agree(void)
{
	static const struct { const char *name; operation run; double tolerance; } ops[] = {
		{ "rmsnorm", do_rmsnorm, 2e-6 }, { "layernorm", do_layernorm, 4e-6 }, { "swiglu", do_swiglu, 1e-6 },
		{ "gelu", do_gelu, 2e-6 },       { "softmax", do_softmax, 2e-6 },     { "add", do_add, 0 },
		{ "triad", do_triad, 1e-6 },     { "copy", do_copy, 0 },              { "in place", do_in_place, 2e-6 },
	};
	static const int64_t shapes[][2] = { { 1, 1 }, { 1, 4096 }, { 3, 17 }, { 5, 64 }, { 2, 5000 }, { 33, 100 } };

	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		int64_t count = shapes[s][0] * shapes[s][1];
		struct rng r;

		rng_init(&r, s, "tokenwise");
		float *x = random_floats(&r, count, 20), *y = random_floats(&r, count, 2), *w = random_floats(&r, shapes[s][1], 2);
		float *want = random_floats(&r, count, 0), *out = random_floats(&r, count, 0);

		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			struct trial t = { .m = shapes[s][0], .n = shapes[s][1], .threads = 1, .x = x, .y = y, .weight = w };
			int count_of = 0;

			while (tokenwise_variants[count_of])
				count_of++;
			ops[i].run(tokenwise_variants[count_of - 1], &t, want);
			for (int v = 0; v < count_of; v++) {
				if (tokenwise_variants[v]->usable && !tokenwise_variants[v]->usable())
					continue;
				for (t.threads = 1; t.threads <= 3; t.threads += 2) {
					memset(out, 0x7f, (size_t)count * sizeof(*out));
					ops[i].run(tokenwise_variants[v], &t, out);
					check_close(ops[i].name, tokenwise_variants[v]->variant, out, want, count, ops[i].tolerance);
				}
			}
		}
		mem_free(x);
		mem_free(y);
		mem_free(w);
		mem_free(want);
		mem_free(out);
	}
}

/* A rotation keeps lengths, is none at position 0, and the score of two rotated rows depends on their distance alone. */
static void rotations(void)
{
	enum { D = 80, HEADS = 3, ROWS = 4 };
	float table[64 * D], x[ROWS * HEADS * D], out[ROWS * HEADS * D], want[ROWS * HEADS * D];
	struct rng r;

	rng_init(&r, 3, "rope");
	rope_table(table, 64, D, 10000);
	for (int pairs = 0; pairs < 2; pairs++) {
		struct rope rope = { .heads = HEADS, .head_dim = D, .stride = HEADS * D, .table = table, .interleaved = pairs };
		const int32_t at[ROWS] = { 0, 5, 20, 25 };

		for (int i = 0; i < HEADS * D; i++)
			x[i] = x[HEADS * D + i] = x[2 * HEADS * D + i] = x[3 * HEADS * D + i] = (float)rng_uniform(&r) - 0.5f;
		memcpy(want, x, sizeof(x));
		tokenwise_ref.rope(&rope, want, at, ROWS, 1);
		for (int v = 0; tokenwise_variants[v]; v++) {
			double near = 0, far = 0, length = 0, before = 0;

			if (tokenwise_variants[v]->usable && !tokenwise_variants[v]->usable())
				continue;
			memcpy(out, x, sizeof(x));
			tokenwise_variants[v]->rope(&rope, out, at, ROWS, 2);
			check_close("rope", tokenwise_variants[v]->variant, out, want, ROWS * HEADS * D, 1e-6);
			CU_ASSERT(memcmp(out, x, HEADS * D * sizeof(*x)) == 0);
			for (int i = 0; i < D; i++) {
				near += (double)out[i] * (double)out[HEADS * D + i];
				far += (double)out[2 * HEADS * D + i] * (double)out[3 * HEADS * D + i];
				length += (double)out[HEADS * D + i] * (double)out[HEADS * D + i];
				before += (double)x[i] * (double)x[i];
			}
			CU_ASSERT_DOUBLE_EQUAL(near, far, 1e-5);
			CU_ASSERT_DOUBLE_EQUAL(length, before, 1e-5);
		}
	}
}

static void caches_and_tables(void)
{
	enum { M = 7, N = 2 * 24, BLOCKS = 5, SIZE = 4 };
	static const int64_t slots[M] = { 3, 4, 19, 0, 11, 7, 8 };
	static const int32_t ids[M] = { 0, 6, 2, 2, 5, 1, 3 };
	struct rng r;

	rng_init(&r, 4, "append");
	float *k = random_floats(&r, M * N, 2), *v = random_floats(&r, M * N, 2), *out = random_floats(&r, M * N, 0);
	uint16_t half[M * N];

	for (int i = 0; i < M * N; i++)
		half[i] = bf16_from_float(k[i]);
	for (int i = 0; tokenwise_variants[i]; i++) {
		const struct tokenwise_ops *ops = tokenwise_variants[i];

		if (ops->usable && !ops->usable())
			continue;
		for (int f = KERNEL_FP32; f <= KERNEL_BF16; f++) {
			char keys[BLOCKS * SIZE * N * 4], values[BLOCKS * SIZE * N * 4];
			struct paged_kv kv = { keys, values, (enum kernel_format)f, BLOCKS, SIZE, 2, 24 };

			ops->kv_append(&kv, k, v, N, slots, M, 2);
			for (int t = 0; t < M; t++) {
				for (int j = 0; j < N; j++) {
					int64_t at = paged_row(&kv, slots[t] / SIZE, j / 24, slots[t] % SIZE) + j % 24;
					float got_k = f == KERNEL_FP32 ? ((float *)kv.k)[at] : float_from_bf16(((uint16_t *)kv.k)[at]);
					float got_v = f == KERNEL_FP32 ? ((float *)kv.v)[at] : float_from_bf16(((uint16_t *)kv.v)[at]);

					CU_ASSERT_DOUBLE_EQUAL(got_k, k[t * N + j], f == KERNEL_FP32 ? 0 : 0x1p-8);
					CU_ASSERT_DOUBLE_EQUAL(got_v, v[t * N + j], f == KERNEL_FP32 ? 0 : 0x1p-8);
				}
			}
			ops->embedding(f == KERNEL_FP32 ? (const void *)k : half, (enum kernel_format)f, ids, out, M, N, 2);
			for (int t = 0; t < M; t++)
				for (int j = 0; j < N; j++)
					CU_ASSERT_DOUBLE_EQUAL(out[t * N + j], k[ids[t] * N + j], f == KERNEL_FP32 ? 0 : 0x1p-8);
		}
	}
	mem_free(k);
	mem_free(v);
	mem_free(out);
}

/* Frequencies of drawn tokens equal the probabilities that remain after top-k and top-p. */
static void sampled_tokens(void)
{
	enum { N = 6, DRAWS = 6000 };
	static const float logits[N] = { 0, 2, 1, -1, 2.5f, 1.5f };      /* order: 4 1 5 2 0 3 */
	static const struct { struct sampling s; int kept; } cases[] = {
		{ { .temperature = 1, .top_p = 1 }, 6 },
		{ { .temperature = 0.5f, .top_k = 3, .top_p = 1 }, 3 },
		{ { .temperature = 1, .top_p = 0.5f }, 2 },
		{ { .temperature = 0 }, 1 },
		{ { .temperature = 1, .top_k = 1, .top_p = 1 }, 1 },
	};
	static const int order[N] = { 4, 1, 5, 2, 0, 3 };
	char scratch[256];

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		int seen[N] = { 0 };
		double all = 0;

		for (int i = 0; i < DRAWS; i++) {
			float u = ((float)i + 0.5f) / DRAWS;
			int32_t id = -1;

			sample(logits, 1, N, &cases[c].s, &u, &id, scratch, 1);
			CU_ASSERT_FATAL(id >= 0 && id < N);
			seen[id]++;
		}
		for (int i = 0; i < cases[c].kept; i++)
			all += exp((double)logits[order[i]] / (cases[c].s.temperature > 0 ? (double)cases[c].s.temperature : 1));
		for (int i = 0; i < N; i++) {
			double p = i < cases[c].kept
					   ? exp((double)logits[order[i]] / (cases[c].s.temperature > 0 ? (double)cases[c].s.temperature : 1)) / all
					   : 0;

			CU_ASSERT_DOUBLE_EQUAL((double)seen[order[i]] / DRAWS, p, 1.5 / DRAWS);
		}
	}
}

CU_TestInfo suite_kernels_tokenwise[] = { { "variants equal the reference", variants_agree },
					  { "rotary positions", rotations },
					  { "cache and embedding", caches_and_tables },
					  { "sampling", sampled_tokens },
					  CU_TEST_INFO_NULL };
