/* Matrix products and expert layers as the harness sees them. */
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/core/cl_sources.h"
#include "kernels/core/cpu.h"
#include "kernels/core/gemm.h"
#include "kernels/core/moe.h"
#include "kernels/core/tokenwise.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/opencl.h"
#include "kernels/harness/weight_copies.h"

/* Bytes of a weight, of an activation on its way in and of a result, as the operators count them. */
static double weight_bytes(enum kernel_format f)
{
	return f == KERNEL_FP32 ? 4 : f == KERNEL_BF16 ? 2 : f == KERNEL_INT8 ? 1 : 0.5 + 2.5 / 128;
}
static double in_bytes(enum kernel_format f)
{
	return f == KERNEL_FP32 ? 4 : f == KERNEL_INT8 ? 1 : 2;
}
static double out_bytes(enum kernel_format f)
{
	return f == KERNEL_FP32 ? 4 : 2;
}

enum { GEMM_A, GEMM_W, GEMM_C };
static int gemm_operands(const struct shape *s, struct operand *o)
{
	/* OpenBLAS reads W itself; ours read the packed copy. */
	o[GEMM_A] = (struct operand){ .name = "a", .count = s->m * s->k, .scale = 1, .fresh = true };
	o[GEMM_W] = (struct operand){ .name = "w", .count = s->n * s->k, .scale = 1, .streamed = s->format == KERNEL_FP32 };
	o[GEMM_C] = (struct operand){ .name = "c", .count = s->m * s->n, .fill = FILL_RESULT };
	return 3;
}
static double gemm_flops(const struct shape *s)
{
	return 2.0 * (double)s->m * (double)s->n * (double)s->k;
}
static double gemm_bytes(const struct shape *s)
{
	double m = (double)s->m, n = (double)s->n, k = (double)s->k;

	return n * k * weight_bytes(s->format) + m * k * in_bytes(s->format) + m * n * out_bytes(s->format);
}

typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
		      int ldb, float beta, float *c, int ldc);
struct gemm_state {
	struct weights *weights;
	struct weight_copies *copies;         /* made when first wanted */
	const struct weights *turn;           /* of these; NULL: the matrix itself */
	void *scratch, *blas;
	sgemm_fn *sgemm;
};

/* OpenBLAS starts its threads when it is loaded: only kernels that compare with it pay for that. A processor newer than the library
 * gets its slowest kernels unless told otherwise, which would flatter ours. */
static void *blas_open(void)
{
	if (cpu_has_avx512())
		(void)setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
	return dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL);
}

static bool blas_usable(void)
{
	void *blas = blas_open();

	if (blas)
		dlclose(blas);
	return blas != NULL;
}

static void gemm_release(void *state)
{
	struct gemm_state *g = state;

	weight_copies_free(g->copies);
	weights_free(g->weights);
	mem_free(g->scratch);
	mem_free(g);
}

/* C has no conversion from an object's address to a function's; POSIX promises that it works. */
static void function_at(void *library, const char *name, void *out)
{
	void *at = library ? dlsym(library, name) : NULL;

	memcpy(out, &at, sizeof(at));
}

static void *gemm_prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct gemm_state *g = mem_calloc(1, sizeof(*g));
	void (*set_threads)(int) = NULL;

	if (!g || !(g->scratch = mem_alloc_aligned(gemm_scratch_bytes(s->m, s->k)))) {
		mem_free(g);
		err_memory(err);
		return NULL;
	}
	g->weights = weights_pack(s->format, data[GEMM_W], s->k, s->n, s->k, s->threads, err);
	if (!g->weights) {
		gemm_release(g);
		return NULL;
	}
	g->blas = s->format == KERNEL_FP32 ? blas_open() : NULL;      /* stays loaded: its threads cannot be unloaded safely */
	function_at(g->blas, "cblas_sgemm", &g->sgemm);
	function_at(g->blas, "openblas_set_num_threads", &set_threads);
	if (set_threads)
		set_threads(s->threads);
	return g;
}

/* Piece i of a packed matrix: values, then what scales them. */
static bool weights_piece(const struct weights *w, int i, const void **at, size_t *bytes)
{
	size_t columns = (size_t)w->panels * PANEL, groups = columns * (size_t)w->blocks;
	const struct { const void *at; size_t bytes; } pieces[] = {
		{ w->data, (size_t)(w->panels * w->units) * (w->format == KERNEL_INT4 ? PANEL : PANEL * 4) },
		{ w->scale, columns * sizeof(*w->scale) }, { w->bias, groups * sizeof(*w->bias) },
		{ w->group_scale, groups * sizeof(*w->group_scale) }, { w->group_zero, groups },
	};

	*at = pieces[i].at;
	*bytes = pieces[i].at ? pieces[i].bytes : 0;
	return true;
}
enum { WEIGHTS_PIECES = 5 };

static bool gemm_streams(void *state, int i, const void **at, size_t *bytes)
{
	return i < WEIGHTS_PIECES && weights_piece(((struct gemm_state *)state)->weights, i, at, bytes);
}

static bool gemm_turn(const struct kernel_run *r)
{
	struct gemm_state *g = r->state;

	if (!strcmp(r->kernel->variant, "openblas") || !strcmp(r->kernel->variant, "opencl"))
		return false;                  /* these read W as it is */
	if (!g->copies)
		g->copies = weight_copies_new(&g->weights, 1, r->shape->threads);
	g->turn = g->copies ? *weight_copies_next(g->copies) : NULL;
	return g->turn != NULL;
}

static void gemm_turn_back(void *state)
{
	((struct gemm_state *)state)->turn = NULL;
}

static void gemm_run(const struct kernel_run *r)
{
	const struct gemm_ops *ops = r->kernel->with;
	const struct gemm_state *g = r->state;
	const struct shape *s = r->shape;
	const struct weights *w = g->turn ? g->turn : g->weights;
	const int64_t first[2] = { 0, s->m };

	ops->run(&(struct gemm_call){ .weights = &w, .first = first, .groups = 1, .a = r->data[GEMM_A], .lda = s->k, .c = r->data[GEMM_C],
				      .ldc = s->n, .scratch = g->scratch, .threads = s->threads });
}

static void blas_run(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

	((struct gemm_state *)r->state)
		->sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, (int)s->m, (int)s->n, (int)s->k, 1, r->data[GEMM_A], (int)s->k, r->data[GEMM_W],
			(int)s->k, 0, r->data[GEMM_C], (int)s->n);
}

/* A failure leaves the fill pattern in C, which every comparison tells. */
static void opencl_gemm(const struct kernel_run *r)
{
	const struct shape *s = r->shape;
	const struct opencl_argument a = { .memory = r->data[GEMM_A], .bytes = (size_t)(s->m * s->k) * 4 };
	const struct opencl_argument w = { .memory = r->data[GEMM_W], .bytes = (size_t)(s->n * s->k) * 4 };
	const struct opencl_argument c = { .kind = OPENCL_RESULT, .memory = r->data[GEMM_C], .bytes = (size_t)(s->m * s->n) * 4 };
	const struct opencl_argument m = { .kind = OPENCL_INT, .number = (int32_t)s->m }, n = { .kind = OPENCL_INT, .number = (int32_t)s->n };
	const struct opencl_argument k = { .kind = OPENCL_INT, .number = (int32_t)s->k };
	const struct opencl_argument many[] = { a, w, c, m, n, k }, one[] = { a, w, c, k };
	struct err ignored = { 0 };

	if (s->m == 1)
		(void)!opencl_run(r->job, kernels_gemm_cl, "gemv", one, 4, (size_t)s->n, 1, &ignored);
	else
		(void)!opencl_run(r->job, kernels_gemm_cl, "gemm", many, 6, (size_t)s->n, (size_t)(s->m + 3) / 4, &ignored);
}

static bool is_fp32(const struct shape *s)
{
	return s->format == KERNEL_FP32;
}

static const struct kernel gemm_kernels[] = {
	{ "ref", NULL, NULL, gemm_run, &gemm_ref },
	{ "openblas", blas_usable, is_fp32, blas_run, NULL },
	{ "opencl", opencl_usable, is_fp32, opencl_gemm, NULL },
	KERNEL_SIMD(NULL, gemm_run, &gemm_avx2, &gemm_avx512)
	{ 0 }
};
#define G(f, m_, n_, k_) { .format = KERNEL_##f, .m = m_, .n = n_, .k = k_ }
#define ALL_FORMATS(m, n, k) G(FP32, m, n, k), G(BF16, m, n, k), G(INT8, m, n, k), G(INT4, m, n, k)
static const struct shape gemm_tests[] = { ALL_FORMATS(1, 33, 130), ALL_FORMATS(4, 96, 256), ALL_FORMATS(29, 70, 517), { 0 } };
static const struct shape gemm_benches[] = { ALL_FORMATS(1, 8192, 8192), ALL_FORMATS(16, 4096, 4096), ALL_FORMATS(512, 2048, 2048),
					     { 0 } };

const struct kernel_family kernel_gemm = {
	.area = "core", .name = "gemm", .op = "gemm", .help = "C[m,n] = A[m,k] W[n,k]^T with packed weights; m = 1 is a GEMV",
	.operands = gemm_operands, .flops = gemm_flops, .bytes = gemm_bytes, .prepare = gemm_prepare, .release = gemm_release,
	.shrinks = true, .streams = gemm_streams, .turn = gemm_turn, .turn_back = gemm_turn_back,
	/* fp32, bf16: sums in another order. int8: A in 127 steps of a row's largest value; int4: in 32,767 of a group's. Weights' own
	 * rounding is in both. */
	.tolerance = { 2e-6, 2e-6, 1.5e-2, 5e-5 },
	.tests = gemm_tests, .benches = gemm_benches, .variants = gemm_kernels,
};

enum { MOE_X, MOE_LOGITS, MOE_UP, MOE_DOWN, MOE_OUT };
static int moe_operands(const struct shape *s, struct operand *o)
{
	o[MOE_X] = (struct operand){ .name = "x", .count = s->m * s->k, .scale = 1, .fresh = true };
	o[MOE_LOGITS] = (struct operand){ .name = "logits", .count = s->m * s->experts, .scale = 2 };
	o[MOE_UP] = (struct operand){ .name = "gate_up", .count = 2 * s->n * s->k, .scale = 0.2 };
	o[MOE_DOWN] = (struct operand){ .name = "down", .count = s->n * s->k, .scale = 0.2 };
	o[MOE_OUT] = (struct operand){ .name = "out", .count = s->m * s->k, .fill = FILL_RESULT };
	return 5;
}
static double moe_flops(const struct shape *s)
{
	return 2.0 * (double)(s->m * s->top_k) * (double)s->n * (double)s->k * 3;
}
/* Experts that at least one token chose: E (1 - (1 - k/E)^m) on average. */
static double moe_touched(const struct shape *s)
{
	double e = (double)s->experts;

	return e * (1 - pow(1 - (double)s->top_k / e, (double)s->m));
}

/* Their weights, and the tokens in and out. */
static double moe_bytes(const struct shape *s)
{
	double tokens = fmin((double)s->m, (double)(s->m * s->top_k));

	return moe_touched(s) * 3 * (double)s->n * (double)s->k * weight_bytes(s->format) +
	       tokens * (double)s->k * (in_bytes(s->format) + out_bytes(s->format));
}

struct moe_state {
	struct weights **up, **down;          /* [experts], one behind the other */
	struct weight_copies *copies;         /* of both, made when first wanted */
	struct weights *const *turn;          /* of these; NULL: the experts themselves */
	int64_t experts;
	int32_t *chosen;
	float *share;
	void *scratch;
};

static void moe_release(void *state)
{
	struct moe_state *m = state;

	weight_copies_free(m->copies);
	for (int64_t e = 0; m->up && e < 2 * m->experts; e++)
		weights_free(m->up[e]);
	mem_free(m->up);
	mem_free(m->chosen);
	mem_free(m->share);
	mem_free(m->scratch);
	mem_free(m);
}

/* How many experts the tokens chose. */
static int64_t count_touched(const struct moe_state *m, const struct shape *s)
{
	int64_t touched = 0;

	for (int64_t e = 0; e < s->experts; e++) {
		bool any = false;

		for (int64_t i = 0; i < s->m * s->top_k; i++)
			any = any || m->chosen[i] == e;
		touched += any;
	}
	return touched;
}

/* Few tokens touch more or fewer experts by luck, and time follows: they are drawn again until as many are touched as on average, or two
 * shapes would be compared by their luck. Where the average is no whole number (two tokens, two of eight experts each: 3.5) a lot of the case's own
 * decides between the two around, so that the mean over cases is the average: rounded, two tokens took 14 % too long and four 9 % too short. */
static void route_as_usual(struct moe_state *m, const struct shape *s, float *logits)
{
	double average = moe_touched(s), lot = (double)logits[1] / 4 + 0.5;
	int64_t wanted = (int64_t)average + (lot < average - floor(average));

	for (uint64_t again = 0; again < 200; again++) {
		struct rng r;

		moe_route(logits, s->m, s->experts, s->top_k, true, m->chosen, m->share, s->threads);
		if (count_touched(m, s) == wanted)
			return;
		rng_init(&r, again, "routing");
		for (int64_t i = 0; i < s->m * s->experts; i++)
			logits[i] = (float)(4 * rng_uniform(&r) - 2);
	}
}

/* All experts are packed from one matrix: their values do not matter to time, and equal ones test as well, since each token's
 * experts differ in their shares only by routing, which the router's own test covers. */
static void *moe_prepare(const struct shape *s, void *const *data, struct err *err)
{
	struct moe_state *m = mem_calloc(1, sizeof(*m));
	bool ok = m != NULL;

	if (!ok) {
		err_memory(err);
		return NULL;
	}
	m->experts = s->experts;
	m->up = mem_calloc(2 * (size_t)s->experts, sizeof(*m->up));
	m->down = m->up ? m->up + s->experts : NULL;
	m->chosen = mem_alloc_aligned((size_t)(s->m * s->top_k) * sizeof(*m->chosen));
	m->share = mem_alloc_aligned((size_t)(s->m * s->top_k) * sizeof(*m->share));
	m->scratch = mem_alloc_aligned(moe_scratch_bytes(s->m, s->experts, s->top_k, s->n, s->k));
	ok = (m->up && m->down && m->chosen && m->share && m->scratch) || err_memory(err);
	for (int64_t e = 0; ok && e < s->experts; e++) {
		m->up[e] = weights_pack(s->format, data[MOE_UP], s->k, 2 * s->n, s->k, s->threads, err);
		m->down[e] = weights_pack(s->format, data[MOE_DOWN], s->n, s->k, s->n, s->threads, err);
		ok = m->up[e] && m->down[e];
	}
	if (!ok) {
		moe_release(m);
		return NULL;
	}
	route_as_usual(m, s, data[MOE_LOGITS]);
	return m;
}

static bool moe_streams(void *state, int i, const void **at, size_t *bytes)
{
	const struct moe_state *m = state;
	int which = i / WEIGHTS_PIECES;

	return which < 2 * m->experts && weights_piece((which % 2 ? m->down : m->up)[which / 2], i % WEIGHTS_PIECES, at, bytes);
}

static bool moe_turn(const struct kernel_run *r)
{
	struct moe_state *m = r->state;

	if (!m->copies)
		m->copies = weight_copies_new(m->up, 2 * m->experts, r->shape->threads);
	m->turn = m->copies ? weight_copies_next(m->copies) : NULL;
	return m->turn != NULL;
}

static void moe_turn_back(void *state)
{
	((struct moe_state *)state)->turn = NULL;
}

static void moe_kernel_run(const struct kernel_run *r)
{
	const struct moe_state *m = r->state;
	const struct shape *s = r->shape;
	struct weights *const *up = m->turn ? m->turn : m->up;

	moe_run(&(struct moe_call){ .gate_up = (const struct weights *const *)up, .down = (const struct weights *const *)up + m->experts,
				    .experts = s->experts, .top_k = s->top_k, .n = s->n, .k = s->k, .x = r->data[MOE_X], .m = s->m,
				    .chosen = m->chosen, .weights = m->share, .out = r->data[MOE_OUT], .scratch = m->scratch,
				    .threads = s->threads },
		r->kernel->with);
}

/* By how many experts the tokens touch more or fewer than on average. */
static double moe_luck(const struct kernel_run *r)
{
	return fabs((double)count_touched(r->state, r->shape) - moe_touched(r->shape));
}

static const struct kernel moe_kernels[] = {
	{ "ref", NULL, NULL, moe_kernel_run, &gemm_ref },
	KERNEL_SIMD(NULL, moe_kernel_run, &gemm_avx2, &gemm_avx512)
	{ 0 }
};
#define M(f, m_, e_, t_, n_, k_) { .format = KERNEL_##f, .m = m_, .experts = e_, .top_k = t_, .n = n_, .k = k_ }
static const struct shape moe_tests[] = { M(FP32, 3, 4, 2, 40, 50), M(BF16, 17, 8, 2, 64, 96), M(INT8, 9, 4, 1, 64, 128),
					  M(INT4, 9, 4, 1, 64, 128), { 0 } };
static const struct shape moe_benches[] = { M(FP32, 1, 8, 2, 1024, 1024), M(BF16, 16, 8, 2, 1024, 1024), M(INT8, 128, 8, 2, 1024, 1024),
					    { 0 } };

const struct kernel_family kernel_moe = {
	.area = "core", .name = "moe", .op = "moe", .help = "routed experts: sorting, grouped gate, up and down products, adding up",
	.operands = moe_operands, .flops = moe_flops, .bytes = moe_bytes, .prepare = moe_prepare, .release = moe_release,
	.streams = moe_streams, .turn = moe_turn, .turn_back = moe_turn_back, .check = moe_luck, .check_most = 1,
	.tolerance = { 5e-6, 5e-6, 4e-2, 1.5e-4 },     /* three products in a row */
	.tests = moe_tests, .benches = moe_benches, .variants = moe_kernels,
};

enum { ROUTE_LOGITS, ROUTE_CHOSEN, ROUTE_SHARE };
static int router_operands(const struct shape *s, struct operand *o)
{
	o[ROUTE_LOGITS] = (struct operand){ .name = "logits", .count = s->m * s->n, .scale = 2, .fresh = true };
	o[ROUTE_CHOSEN] = (struct operand){ .name = "chosen", .element = ELEMENT_INT32, .count = s->m * s->top_k, .fill = FILL_RESULT };
	o[ROUTE_SHARE] = (struct operand){ .name = "share", .count = s->m * s->top_k, .fill = FILL_RESULT };
	return 3;
}
static double router_flops(const struct shape *s)
{
	return 6.0 * (double)s->m * (double)s->n;
}
static double router_bytes(const struct shape *s)
{
	return (double)s->m * ((double)s->n * 4 + (double)s->top_k * 8);
}
static void router_run(const struct kernel_run *r)
{
	moe_route(r->data[ROUTE_LOGITS], r->shape->m, r->shape->n, r->shape->top_k, true, r->data[ROUTE_CHOSEN], r->data[ROUTE_SHARE],
		  r->shape->threads);
}

/* Chosen in descending order, shares that sum to one. */
static double router_check(const struct kernel_run *r)
{
	const float *logits = r->data[ROUTE_LOGITS], *share = r->data[ROUTE_SHARE];
	const int32_t *chosen = r->data[ROUTE_CHOSEN];
	double worst = 0;

	for (int64_t i = 0; i < r->shape->m; i++) {
		double sum = 0;

		for (int64_t k = 0; k < r->shape->top_k; k++) {
			int better = 0;

			for (int64_t e = 0; e < r->shape->n; e++)
				better += logits[i * r->shape->n + e] > logits[i * r->shape->n + chosen[i * r->shape->top_k + k]];
			worst = fmax(worst, fabs((double)better - (double)k));
			sum += (double)share[i * r->shape->top_k + k];
		}
		worst = fmax(worst, fabs(sum - 1));
	}
	return worst;
}
static const struct kernel router_kernels[] = { { "ref", NULL, NULL, router_run, NULL }, { 0 } };
static const struct shape router_tests[] = { { .m = 1, .n = 8, .top_k = 2 }, { .m = 50, .n = 64, .top_k = 6 },
					     { .m = 3, .n = 5, .top_k = 5 }, { 0 } };
static const struct shape router_benches[] = { { .m = 256, .n = 64, .top_k = 4 }, { 0 } };
const struct kernel_family kernel_router = {
	.area = "core", .name = "router", .op = "router", .help = "the top_k of n experts for m tokens, with their shares",
	.operands = router_operands, .flops = router_flops, .bytes = router_bytes, .check = router_check, .check_most = 1e-5,
	.tolerance = { 1e-6 }, .tests = router_tests, .benches = router_benches, .variants = router_kernels,
};
