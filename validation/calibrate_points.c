#include "validation/calibrate_points.h"

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"

/* Longest single run worth waiting for, and largest matrix. */
static const double FLOPS_MOST = 1.3e10;

static bool add_visit(struct visits *v, const struct visit *one, const struct kernel *k, struct err *err)
{
	if (!mem_grow(&v->at, &v->capacity, v->count + 1, sizeof(*v->at)))
		return err_memory(err);
	v->at[v->count] = *one;
	v->at[v->count++].kernel = k;
	return true;
}

static bool add_variants(struct visits *v, const struct visit *one, bool all, struct err *err)
{
	const struct kernel *best = kernel_default(one->family, one->shapes);

	if (one->count == 0)
		return true;
	for (const struct kernel *k = one->family->variants; k->run; k++)
		if (k == best || (all && k != one->family->variants && kernel_usable(k, one->shapes)))
			if (!add_visit(v, one, k, err))
				return false;
	return true;
}

struct plan {
	struct visits *out;
	bool quick, all;
	int threads;
	struct err *err;
};

/* What varies of a kernel, the largest first, and how finely; quick calibrations take the second list. */
struct list {
	const int64_t *at;
	size_t count;
};
#define LIST(x) (struct list){ x, COUNT_OF(x) }

static const int64_t rows_full[] = { 512, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1 };
static const int64_t rows_quick[] = { 512, 256, 128, 64, 32, 16, 8, 4, 2, 1 };
/* Of products every tile by itself (calibrate_tiles.h), and what happens where a second one and more begin. */
static const int64_t tiles_full[] = { 512, 256, 192, 128, 96, 64, 48, 36, 32, 25, 24, 20, 16, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
static const int64_t tiles_quick[] = { 512, 256, 128, 64, 48, 32, 24, 16, 13, 12, 10, 8, 6, 4, 2, 1 };

static void add_rows(struct visit *v, const struct plan *p, struct list rows, const struct shape *base)
{
	v->count = 0;
	for (size_t i = 0; i < rows.count; i++) {
		struct shape s = *base;

		s.m = rows.at[i];
		if (v->family->flops(&s) <= FLOPS_MOST / (p->quick ? 8 : 1))
			v->shapes[v->count++] = s;
	}
}

/* Sites lie closer where the matrices of small models are. */
static bool plan_gemm(const struct plan *p, const struct kernel_family *f)
{
	static const int64_t sides[] = { 128, 256, 512, 1024, 2048, 4096 };
	static const int64_t vocabulary[][2] = { { 16384, 256 }, { 16384, 512 }, { 32768, 256 }, { 32768, 512 }, { 32768, 1024 } };
	static const int64_t few[] = { 128, 512, 1024, 2048, 4096 };
	const int64_t *side = p->quick ? few : sides;
	size_t last = p->quick ? COUNT_OF(few) : COUNT_OF(sides), wide = p->quick ? 2 : COUNT_OF(vocabulary);

	for (int format = 0; format < KERNEL_FORMAT_COUNT; format++) {
		for (size_t i = 0; i < last * last + wide; i++) {
			struct visit v = { .family = f };
			struct shape s = { .format = (enum kernel_format)format, .threads = p->threads };

			s.n = i < last * last ? side[i / last] : vocabulary[i - last * last][0];
			s.k = i < last * last ? side[i % last] : vocabulary[i - last * last][1];
			if (p->quick && s.n * s.k > 4096 * 2048)
				continue;
			add_rows(&v, p, p->quick ? LIST(tiles_quick) : LIST(tiles_full), &s);
			if (!add_variants(p->out, &v, p->all, p->err))
				return false;
		}
	}
	return true;
}

/* Query heads, cached heads, head size: one, four and eight queries a cached head; layouts between follow the kernels' work (calibrate_layouts.h). */
static const int64_t layouts[][3] = { { 8, 8, 64 }, { 8, 2, 64 }, { 16, 2, 64 }, { 16, 16, 64 }, { 16, 4, 64 }, { 8, 8, 128 }, { 32, 8, 64 } };

/* Decode goes in chunks of 128 tokens, prefill in tasks of 96 rows and steps of 64 keys, and contexts of engines end anywhere in them: time
 * jumps where a second chunk begins, and beyond it most points lie where half of the last one is left. */
static const int64_t contexts[] = { 16, 56, 104, 136, 200, 328, 584, 1096, 1992 }, few_contexts[] = { 56, 136, 200, 584, 1096 };
static const int64_t batches[] = { 1, 2, 4, 8, 16 }, few_batches[] = { 1, 4, 16 };
static const int64_t chunks[] = { 16, 24, 32, 48, 64, 80, 104, 144, 200, 312, 512 }, few_chunks[] = { 16, 32, 64, 104, 200, 512 };
static const int64_t prior[] = { 0, 40, 136, 520, 1500 }, few_prior[] = { 0, 136, 1000 };

static bool plan_attention(const struct plan *p, const struct kernel_family *f)
{
	bool decode = !strcmp(f->name, "attention_decode"), quick = p->quick;
	struct list outer = decode ? quick ? LIST(few_batches) : LIST(batches) : quick ? LIST(few_chunks) : LIST(chunks);
	struct list inner = decode ? quick ? LIST(few_contexts) : LIST(contexts) : quick ? LIST(few_prior) : LIST(prior);
	size_t n_layouts = quick ? 4 : COUNT_OF(layouts);

	for (size_t i = 0; i < 2 * n_layouts * outer.count * inner.count; i++) {
		const int64_t *l = layouts[i / 2 % n_layouts];
		int64_t a = outer.at[i / 2 / n_layouts % outer.count], b = inner.at[i / 2 / n_layouts / outer.count];
		struct visit v = { .family = f, .count = 1 };
		struct shape *s = v.shapes;

		*s = (struct shape){ .kv_format = i % 2 ? KERNEL_BF16 : KERNEL_FP32, .heads = l[0], .kv_heads = l[1], .head_dim = l[2],
				     .batch = decode ? a : 1, .q_len = decode ? 1 : a, .threads = p->threads };
		s->kv_len = decode ? b : s->q_len + b;
		if (f->bytes(s) > 4e8 || f->flops(s) > FLOPS_MOST / (quick ? 8 : 1))
			continue;
		if (!add_variants(p->out, &v, p->all, p->err))
			return false;
	}
	return true;
}

/* Above 1,024 closer than powers of two: rows in, weights and rows out leave the first cache there, and their batches the second. */
static const int64_t widths[] = { 128, 256, 512, 1024, 1536, 2048, 3072, 4096, 6144, 8192 }, few_widths[] = { 128, 512, 2048, 8192 };

static bool plan_rows(const struct plan *p, const struct kernel_family *f)
{
	struct list width = p->quick ? LIST(few_widths) : LIST(widths);

	for (size_t i = 0; i < width.count; i++) {
		for (int bf16 = 0; bf16 < (strcmp(f->name, "kv_append") ? 1 : 2); bf16++) {
			struct visit v = { .family = f };

			add_rows(&v, p, p->quick ? LIST(rows_quick) : LIST(rows_full), &(struct shape){ .n = width.at[i], .threads = p->threads,
							 .kv_format = bf16 ? KERNEL_BF16 : KERNEL_FP32 });
			for (int s = 0; !f->shrinks && s < v.count; s++) {      /* each a visit of its own */
				struct visit one = { .family = f, .shapes = { v.shapes[s] }, .count = 1 };

				if (!add_variants(p->out, &one, p->all, p->err))
					return false;
			}
			if (f->shrinks && !add_variants(p->out, &v, p->all, p->err))
				return false;
		}
	}
	return true;
}

static bool plan_moe(const struct plan *p, const struct kernel_family *f)
{
	static const int64_t experts[][4] = { { 8, 2, 512, 512 }, { 8, 2, 1024, 512 }, { 16, 4, 256, 512 }, { 8, 2, 1024, 1024 } };
	/* The number of experts that few tokens touch bends between powers of two. */
	static const int64_t full[] = { 1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256 }, few[] = { 1, 4, 16, 64, 256 };
	struct list rows = p->quick ? LIST(few) : LIST(full);

	for (int format = 0; format < KERNEL_FORMAT_COUNT; format++) {
		for (size_t e = 0; e < (p->quick ? 2 : COUNT_OF(experts)); e++) {
			for (size_t i = 0; i < rows.count; i++) {
				struct visit v = { .family = f, .count = 1 };

				v.shapes[0] = (struct shape){ .format = (enum kernel_format)format, .m = rows.at[i], .experts = experts[e][0],
							      .top_k = experts[e][1], .n = experts[e][2], .k = experts[e][3],
							      .threads = p->threads };
				if (!add_variants(p->out, &v, p->all, p->err))
					return false;
			}
		}
	}
	return true;
}

static bool plan_other(const struct plan *p, const struct kernel_family *f)
{
	static const struct { const char *name; struct shape s; } others[] = {
		{ "softmax", { .m = 16, .n = 4096 } }, { "softmax", { .m = 256, .n = 1024 } }, { "softmax", { .m = 1, .n = 32768 } },
		{ "sampling", { .m = 1, .n = 4096 } }, { "sampling", { .m = 4, .n = 4096 } }, { "sampling", { .m = 16, .n = 4096 } },
		{ "sampling", { .m = 64, .n = 4096 } }, { "sampling", { .m = 1, .n = 32768 } }, { "sampling", { .m = 4, .n = 32768 } },
		{ "sampling", { .m = 16, .n = 32768 } }, { "sampling", { .m = 64, .n = 32768 } },
		{ "router", { .m = 1, .n = 8, .top_k = 2 } }, { "router", { .m = 64, .n = 8, .top_k = 2 } }, { "router", { .m = 256, .n = 64, .top_k = 4 } },
		{ "copy", { .bytes = 1 << 16 } }, { "copy", { .bytes = 1 << 20 } }, { "copy", { .bytes = 1 << 24 } },
		{ "triad", { .bytes = 1 << 26 } }, { "fma", { .format = KERNEL_INT8, .m = 1 << 23 } },
	};

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct visit v = { .family = f, .shapes = { others[i].s }, .count = 1 };

		v.shapes[0].threads = p->threads;
		if (!strcmp(f->name, others[i].name) && !add_variants(p->out, &v, p->all, p->err))
			return false;
	}
	return true;
}

static bool is_rows(const char *name)
{
	static const char *const names[] = { "norm", "rope", "activation", "add", "embedding", "kv_append" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* Every device needs a peak and a bandwidth, whatever is measured beside them. */
static bool plan_minimum(const struct plan *p, const struct kernel_family *f)
{
	struct visit v = { .family = f, .count = 1 };

	if (!strcmp(f->name, "gemm")) {
		v.shapes[0] = (struct shape){ .m = 256, .n = 1024, .k = 1024, .threads = p->threads };
		return add_variants(p->out, &v, false, p->err);
	}
	return strcmp(f->name, "triad") ? true : plan_other(p, f);
}

bool visits_plan(struct visits *out, const char *op, bool quick, bool all_variants, int threads, struct err *err)
{
	struct plan p = { .out = out, .quick = quick, .all = all_variants, .threads = threads, .err = err };
	bool ok = true, named = false;

	*out = (struct visits){ 0 };
	for (int i = 0; ok && kernel_families[i]; i++) {
		const struct kernel_family *f = kernel_families[i];

		if (op && strncmp(f->name, op, strlen(op)) != 0) {
			ok = plan_minimum(&p, f);
			continue;
		}
		named = true;
		ok = !strcmp(f->name, "gemm")		      ? plan_gemm(&p, f)
		     : !strncmp(f->name, "attention", 9) ? plan_attention(&p, f)
		     : !strcmp(f->name, "moe")	      ? plan_moe(&p, f)
		     : is_rows(f->name)		      ? plan_rows(&p, f)
						      : plan_other(&p, f);
	}
	if (ok && !named)
		ok = err_set(err, ERR_INPUT, "--op %s: no kernel's name begins so", op);
	return ok;
}

void visits_release(struct visits *v)
{
	mem_free(v->at);
	*v = (struct visits){ 0 };
}

/* Uniform in the logarithm, a multiple of `step`. */
static int64_t between(struct rng *r, double low, double high, int64_t step)
{
	double x = exp(log(low) + rng_uniform(r) * log(high / low));
	int64_t out = (int64_t)(x / (double)step + 0.5) * step;

	return out < step ? step : out;
}

static bool among(int64_t x, struct list list)
{
	for (size_t i = 0; i < list.count; i++)
		if (list.at[i] == x)
			return true;
	return false;
}

bool unseen_shape(const struct kernel_family *f, struct rng *r, int threads, struct shape *out)
{
	const int64_t *l = layouts[rng_below(r, 4)];
	struct shape s = { .threads = threads };

	if (!strcmp(f->name, "gemm")) {
		do {
			s.format = (enum kernel_format)rng_below(r, KERNEL_FORMAT_COUNT);
			s.n = between(r, 140, 2000, 32) + 16;
			s.k = between(r, 140, 2000, 32) + 32 * (s.n % 3 == 0);
			s.m = between(r, 1, 400, 1);
		} while (f->flops(&s) > 2e9);
	} else if (!strcmp(f->name, "attention_decode")) {
		s.kv_format = (enum kernel_format)rng_below(r, 2);
		s.heads = l[0];
		s.kv_heads = l[1];
		s.head_dim = l[2];
		s.batch = between(r, 1, 14, 1);
		s.kv_len = between(r, 70, 1900, 1) + 1;
		s.q_len = 1;
	} else if (!strcmp(f->name, "attention_prefill")) {
		s.kv_format = (enum kernel_format)rng_below(r, 2);
		s.heads = l[0];
		s.kv_heads = l[1];
		s.head_dim = l[2];
		s.batch = 1;
		s.q_len = between(r, 18, 480, 1) + 1;
		s.kv_len = s.q_len + (rng_below(r, 2) ? between(r, 30, 1200, 1) : 0);
	} else if (!strcmp(f->name, "moe")) {
		s.format = (enum kernel_format)rng_below(r, KERNEL_FORMAT_COUNT);
		s.m = between(r, 1, 200, 1);
		s.experts = 8;
		s.top_k = 2;
		s.n = between(r, 520, 1000, 32) + 16;
		s.k = 512;
	} else if (is_rows(f->name)) {
		s.kv_format = strcmp(f->name, "kv_append") ? KERNEL_FP32 : (enum kernel_format)rng_below(r, 2);
		s.m = between(r, 1, 480, 1);
		s.n = between(r, 140, 7000, 128);
	} else {
		return false;
	}
	/* On the grid by chance? A step aside. */
	while (is_rows(f->name) && among(s.n, LIST(widths)))
		s.n += s.n == 128 ? 256 : 128;
	while (!strcmp(f->name, "attention_prefill") && among(s.q_len, LIST(chunks))) {
		s.q_len++;
		s.kv_len++;
	}
	s.kv_len += !strcmp(f->name, "attention_decode") && among(s.kv_len, LIST(contexts));
	*out = s;
	return true;
}
