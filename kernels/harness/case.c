/* Operands of one shape: taken, filled, run, compared. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "kernels/harness/cache_flush.h"
#include "kernels/harness/kernel.h"
#include "kernels/harness/opencl.h"

struct kernel_case {
	const struct kernel_family *family;
	struct shape shape;
	uint64_t seed;
	struct operand operands[OPERANDS_MOST];        /* as taken */
	struct operand now[OPERANDS_MOST];             /* of the shape at hand */
	int count;
	void *data[OPERANDS_MOST];
	void *expected[OPERANDS_MOST];         /* outputs of the reference */
	bool has_expected;
	void *state, *job;
};

static const size_t POOL_BYTES = (size_t)4 << 20;      /* from here on memory is in large pages (base/mem.c) */

static size_t element_bytes(enum element_type e)
{
	static const size_t bytes[] = { 4, 2, 4, 8, 1 };

	return bytes[e];
}

static void set(void *data, enum element_type e, int64_t i, double x)
{
	switch (e) {
	case ELEMENT_FLOAT: ((float *)data)[i] = (float)x; break;
	case ELEMENT_BF16: ((uint16_t *)data)[i] = bf16_from_float((float)x); break;
	case ELEMENT_INT32: ((int32_t *)data)[i] = (int32_t)x; break;
	case ELEMENT_INT64: ((int64_t *)data)[i] = (int64_t)x; break;
	case ELEMENT_BYTE: ((uint8_t *)data)[i] = (uint8_t)x; break;
	}
}

static int64_t get(const void *data, enum element_type e, int64_t i)
{
	return e == ELEMENT_INT32 ? ((const int32_t *)data)[i] : e == ELEMENT_INT64 ? ((const int64_t *)data)[i] : 0;
}

static void shuffle(const struct operand *o, void *data, struct rng *r)
{
	for (int64_t i = 0; i < o->count; i++) {
		int64_t j = (int64_t)rng_below(r, (uint64_t)i + 1), there = j < i ? get(data, o->element, j) : i;

		set(data, o->element, i, (double)there);
		set(data, o->element, j, (double)i);
	}
}

/* A large operand repeats its first megabyte: drawing every value would take longer than the kernel. */
static void repeat(void *data, size_t unique, size_t bytes)
{
	for (size_t at = unique; at < bytes; at += unique)
		memcpy((char *)data + at, data, bytes - at < unique ? bytes - at : unique);
}

/* The values of an operand depend on its name, not on its place in the list. */
static void fill(const struct kernel_case *c, int at)
{
	const struct operand *o = &c->operands[at];
	struct rng r;

	rng_init(&r, c->seed, o->name);
	if (o->begins_as > 0) {
		memcpy(c->data[at], c->data[o->begins_as - 1], (size_t)o->count * element_bytes(o->element));
	} else if (o->fill == FILL_RESULT) {
		memset(c->data[at], 0x5a, (size_t)o->count * element_bytes(o->element));
	} else if (o->fill == FILL_SHUFFLED) {
		shuffle(o, c->data[at], &r);
	} else if (o->fill == FILL_UNIFORM) {
		int64_t unique = o->count < 262139 ? o->count : 262139;      /* a prime: rows do not repeat */

		for (int64_t i = 0; i < unique; i++)
			set(c->data[at], o->element, i, (2 * rng_uniform(&r) - 1) * o->scale);
		repeat(c->data[at], (size_t)unique * element_bytes(o->element), (size_t)o->count * element_bytes(o->element));
	} else {
		for (int64_t i = 0; i < o->count; i++)
			set(c->data[at], o->element, i,
			    o->fill == FILL_COUNT_UP ? (double)i : (double)rng_below(&r, (uint64_t)o->below));
	}
}

struct kernel_case *kernel_case_new(const struct kernel_family *f, const struct shape *s, uint64_t seed, struct err *err)
{
	struct kernel_case *c = mem_calloc(1, sizeof(*c));

	if (!c) {
		err_memory(err);
		return NULL;
	}
	c->family = f;
	c->shape = *s;
	if (c->shape.threads < 1)
		c->shape.threads = 1;
	c->seed = seed;
	c->count = f->operands(&c->shape, c->operands);
	memcpy(c->now, c->operands, sizeof(c->now));
	for (int i = 0; i < c->count; i++) {
		size_t bytes = (size_t)c->operands[i].count * element_bytes(c->operands[i].element);

		c->data[i] = mem_alloc_aligned(bytes < POOL_BYTES && c->operands[i].pool ? POOL_BYTES : bytes);
		if (!c->data[i]) {
			err_memory(err);
			goto fail;
		}
		fill(c, i);
	}
	if (f->prepare) {
		c->state = f->prepare(&c->shape, c->data, err);
		if (!c->state)
			goto fail;
	}
	return c;
fail:
	kernel_case_free(c);
	return NULL;
}

void kernel_case_free(struct kernel_case *c)
{
	if (!c)
		return;
	opencl_job_free(c->job);
	if (c->state && c->family->release)
		c->family->release(c->state);
	for (int i = 0; i < c->count; i++) {
		mem_free(c->data[i]);
		mem_free(c->expected[i]);
	}
	mem_free(c);
}

bool kernel_case_shrink(struct kernel_case *c, const struct shape *s)
{
	struct operand smaller[OPERANDS_MOST];
	int count = c->family->shrinks ? c->family->operands(s, smaller) : -1;

	if (count != c->count)
		return false;
	for (int i = 0; i < count; i++)
		if (smaller[i].count > c->operands[i].count)
			return false;
	memcpy(c->now, smaller, sizeof(c->now));
	c->shape = *s;
	if (c->shape.threads < 1)
		c->shape.threads = 1;
	return true;
}

void kernel_case_run(struct kernel_case *c, const struct kernel *k)
{
	k->run(&(struct kernel_run){ .kernel = k, .shape = &c->shape, .data = c->data, .state = c->state, .job = &c->job });
}

double kernel_case_check(struct kernel_case *c, const struct kernel *k)
{
	struct kernel_run r = { .kernel = k, .shape = &c->shape, .data = c->data, .state = c->state, .job = &c->job };

	return c->family->check ? c->family->check(&r) : 0;
}

static bool is_output(const struct operand *o)
{
	return o->fill == FILL_RESULT && (o->element == ELEMENT_FLOAT || o->element == ELEMENT_INT32);
}

static bool keep_expected(struct kernel_case *c, struct err *err)
{
	for (int i = 0; i < c->count; i++) {
		size_t bytes = (size_t)c->operands[i].count * 4;

		if (!is_output(&c->operands[i]))
			continue;
		c->expected[i] = mem_alloc(bytes);
		if (!c->expected[i])
			return err_memory(err);
		memcpy(c->expected[i], c->data[i], bytes);
	}
	c->has_expected = true;
	return true;
}

static void refill(struct kernel_case *c)
{
	for (int i = 0; i < c->count; i++)
		if (c->operands[i].fill == FILL_RESULT)
			fill(c, i);
}

/* Whole numbers (chosen experts, tokens) must be equal: any difference counts as 1. */
static double compare(const struct operand *o, const void *got, const void *want)
{
	const float *a = got, *b = want;
	double worst = 0, size = 1e-30;

	if (o->element == ELEMENT_INT32)
		return memcmp(got, want, (size_t)o->count * 4) ? 1 : 0;
	for (int64_t i = 0; i < o->count; i++) {
		if (!isfinite(a[i]) || !isfinite(b[i]))
			return INFINITY;
		worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
		size = fmax(size, fabs((double)b[i]));
	}
	return worst / size;
}

bool kernel_case_error(struct kernel_case *c, const struct kernel *k, double *error, struct err *err)
{
	if (!c->has_expected) {
		refill(c);
		kernel_case_run(c, c->family->variants);
		if (!keep_expected(c, err))
			return false;
	}
	refill(c);
	kernel_case_run(c, k);
	*error = 0;
	for (int i = 0; i < c->count; i++)
		if (is_output(&c->operands[i]))
			*error = fmax(*error, compare(&c->operands[i], c->data[i], c->expected[i]));
	return true;
}

/* Streamed memory piece by piece: operands, then what state holds. */
static bool streamed(struct kernel_case *c, int i, const void **at, size_t *bytes)
{
	for (int o = 0; o < c->count; o++) {
		if (!c->now[o].streamed || i-- > 0)
			continue;
		*at = c->data[o];
		*bytes = (size_t)c->now[o].count * element_bytes(c->now[o].element);
		return true;
	}
	return c->family->streams && c->family->streams(c->state, i, at, bytes);
}

double kernel_case_streamed_bytes(struct kernel_case *c)
{
	double all = 0;
	const void *at;
	size_t bytes;

	for (int i = 0; streamed(c, i, &at, &bytes); i++)
		all += (double)bytes;
	return all;
}

bool kernel_case_flush(struct kernel_case *c)
{
	const void *at;
	size_t bytes;
	bool can = true;

	for (int i = 0; streamed(c, i, &at, &bytes); i++)
		can = cache_flush(at, bytes) && can;
	cache_flush_wait();
	return can;
}

bool kernel_case_turn(struct kernel_case *c, const struct kernel *k)
{
	return c->family->turn && c->family->turn(&(struct kernel_run){ .kernel = k, .shape = &c->shape, .data = c->data, .state = c->state, .job = &c->job });
}

void kernel_case_turn_back(struct kernel_case *c)
{
	if (c->family->turn_back)
		c->family->turn_back(c->state);
}

void kernel_case_read(struct kernel_case *c)
{
	const void *at;
	size_t bytes;

	for (int i = 0; streamed(c, i, &at, &bytes); i++) {
#pragma omp parallel for num_threads(c->shape.threads) if (c->shape.threads > 1) schedule(static)
		for (size_t b = 0; b < bytes; b += 64)
			(void)((const volatile char *)at)[b];
	}
}

void kernel_case_restart(struct kernel_case *c)
{
	for (int i = 0; i < c->count; i++)
		if (c->now[i].begins_as > 0)
			memcpy(c->data[i], c->data[c->now[i].begins_as - 1], (size_t)c->now[i].count * element_bytes(c->now[i].element));
}

bool kernel_case_places(const struct kernel_case *c)
{
	for (int i = 0; i < c->count; i++)
		if (c->now[i].fresh)
			return true;
	return c->family->freshen != NULL;
}

void kernel_rewrite(void *at, size_t row_bytes, int64_t rows, bool by_columns, int threads)
{
	if (!by_columns) {             /* one row, in which each thread's part is its rows */
		row_bytes *= (size_t)rows;
		rows = 1;
	}
#pragma omp parallel num_threads(threads) if (threads > 1)
	{
		size_t of = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
		size_t begin = row_bytes * me / of, end = row_bytes * (me + 1) / of;

		for (int64_t r = 0; r < rows; r++) {
			volatile char *row = (char *)at + (size_t)r * row_bytes;

			for (size_t b = begin; b < end; b += 64)
				row[b] = row[b];
		}
	}
}

void kernel_case_freshen(struct kernel_case *c, const struct kernel *k, bool products)
{
	for (int i = 0; i < c->count; i++) {
		const struct operand *o = &c->now[i];
		int64_t columns = o->columns > 0 ? o->columns : o->count;

		if (o->fresh && o->count > 0 && (o->columns > 0) == products)
			kernel_rewrite(c->data[i], (size_t)columns * element_bytes(o->element), o->count / columns, o->columns > 0, c->shape.threads);
	}
	if (c->family->freshen && !products)
		c->family->freshen(&(struct kernel_run){ .kernel = k, .shape = &c->shape, .data = c->data, .state = c->state, .job = &c->job });
}

void kernel_case_translate(const struct kernel_case *c)
{
	enum { PAGE = 4096 };

#pragma omp parallel num_threads(c->shape.threads) if (c->shape.threads > 1)
	for (int i = 0; i < c->count; i++) {
		const struct operand *o = &c->now[i];
		size_t bytes = o->fresh && o->columns > 0 ? (size_t)o->count * element_bytes(o->element) : 0;

		for (size_t at = 0; at < bytes; at += PAGE)
			(void)((const volatile char *)c->data[i])[at];
	}
}

int kernel_case_threads(const struct kernel_case *c)
{
	return c->shape.threads;
}
