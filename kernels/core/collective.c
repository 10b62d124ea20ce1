/* All-reduce over shared memory, threads as ranks: what tensor parallelism over cores pays, and the algorithms that links run. */
#include <omp.h>
#include <string.h>

#include "kernels/harness/kernel.h"

enum { IN, OUT };                             /* [ranks][elements] each */

static int64_t elements(const struct shape *s)
{
	return s->bytes / 4;
}
static int operands(const struct shape *s, struct operand *o)
{
	o[IN] = (struct operand){ .name = "in", .count = s->devices * elements(s), .scale = 1 };
	o[OUT] = (struct operand){ .name = "out", .count = s->devices * elements(s), .fill = FILL_RESULT };
	return 2;
}
static double no_flops(const struct shape *s)
{
	(void)s;
	return 0;
}
static double reduce_bytes(const struct shape *s)
{
	double n = (double)s->devices;

	return n > 1 ? 2 * (n - 1) / n * (double)s->bytes : 0;
}
static double gather_bytes(const struct shape *s)
{
	double n = (double)s->devices;

	return n > 1 ? (n - 1) / n * (double)s->bytes : 0;
}

struct ranks {
	const float *in;
	float *out;
	int64_t n;                     /* elements of a rank's buffer */
	int ranks;
};
static struct ranks ranks_of(const struct kernel_run *r)
{
	return (struct ranks){ r->data[IN], r->data[OUT], elements(r->shape), (int)r->shape->devices };
}
static int64_t slice(const struct ranks *k, int i)
{
	return k->n * i / k->ranks;
}
static void add_to(float *to, const float *from, int64_t count)
{
#pragma omp simd
	for (int64_t i = 0; i < count; i++)
		to[i] += from[i];
}

static void reduce_ref(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);

	for (int64_t i = 0; i < k.n; i++) {
		double sum = 0;

		for (int rank = 0; rank < k.ranks; rank++)
			sum += (double)k.in[rank * k.n + i];
		for (int rank = 0; rank < k.ranks; rank++)
			k.out[rank * k.n + i] = (float)sum;
	}
}

/* Every rank reads all buffers: one step, n - 1 times the traffic. For small messages. */
static void reduce_one_shot(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);

#pragma omp parallel num_threads(k.ranks)
	{
#pragma omp for schedule(static, 1)
		for (int me = 0; me < k.ranks; me++) {
			float *mine = k.out + me * k.n;

			memcpy(mine, k.in, (size_t)k.n * 4);
			for (int from = 1; from < k.ranks; from++)
				add_to(mine, k.in + from * k.n, k.n);
		}
	}
}

/* n - 1 steps that pass partial sums of one slice on, n - 1 that pass the sums around. */
static void reduce_ring(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);

#pragma omp parallel num_threads(k.ranks)
	{
#pragma omp for schedule(static, 1)
		for (int me = 0; me < k.ranks; me++)
			memcpy(k.out + me * k.n, k.in + me * k.n, (size_t)k.n * 4);
		for (int step = 0; step < 2 * (k.ranks - 1); step++) {
#pragma omp for schedule(static, 1)
			for (int me = 0; me < k.ranks; me++) {
				bool sums = step < k.ranks - 1;
				int left = (me + k.ranks - 1) % k.ranks;
				int part = ((sums ? me - 1 - step : me - (step - k.ranks + 1)) % k.ranks + k.ranks) % k.ranks;
				int64_t at = slice(&k, part), count = slice(&k, part + 1) - at;

				if (sums)
					add_to(k.out + me * k.n + at, k.out + left * k.n + at, count);
				else
					memcpy(k.out + me * k.n + at, k.out + left * k.n + at, (size_t)count * 4);
			}
		}
	}
}

/* Pairs, pairs of pairs ... up to rank 0, and the sum down the same way. */
static void reduce_tree(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);
	int top = 1;

	while (top < k.ranks)
		top *= 2;
#pragma omp parallel num_threads(k.ranks)
	{
#pragma omp for schedule(static, 1)
		for (int me = 0; me < k.ranks; me++)
			memcpy(k.out + me * k.n, k.in + me * k.n, (size_t)k.n * 4);
		for (int apart = 1; apart < top; apart *= 2) {
#pragma omp for schedule(static, 1)
			for (int me = 0; me < k.ranks; me++)
				if (me % (2 * apart) == 0 && me + apart < k.ranks)
					add_to(k.out + me * k.n, k.out + (me + apart) * k.n, k.n);
		}
		for (int apart = top / 2; apart >= 1; apart /= 2) {
#pragma omp for schedule(static, 1)
			for (int me = 0; me < k.ranks; me++)
				if (me % (2 * apart) == apart)
					memcpy(k.out + me * k.n, k.out + (me - apart) * k.n, (size_t)k.n * 4);
		}
	}
}

static const struct kernel reduce_kernels[] = {
	{ "ref", NULL, NULL, reduce_ref, NULL }, { "tree", NULL, NULL, reduce_tree, NULL }, { "ring", NULL, NULL, reduce_ring, NULL },
	{ "one_shot", NULL, NULL, reduce_one_shot, NULL }, { 0 }
};
#define R(b, n) { .bytes = b, .devices = n }
static const struct shape reduce_tests[] = { R(4, 1), R(400, 2), R(4004, 3), R(1000, 5), R(128, 8), { 0 } };
static const struct shape reduce_benches[] = { R(1 << 14, 2), R(1 << 22, 2), { 0 } };
const struct kernel_family kernel_all_reduce = {
	.area = "core", .name = "all_reduce", .op = "all_reduce", .help = "sum of every rank's buffer at every rank, threads as ranks",
	.operands = operands, .flops = no_flops, .bytes = reduce_bytes, .tolerance = { 1e-6 }, .tests = reduce_tests,
	.benches = reduce_benches, .variants = reduce_kernels,
};

/* all_gather: `bytes` is the gathered whole; rank r brings slice r of its buffer. */
static void gather_ref(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);

	for (int me = 0; me < k.ranks; me++)
		for (int from = 0; from < k.ranks; from++)
			for (int64_t i = slice(&k, from); i < slice(&k, from + 1); i++)
				k.out[me * k.n + i] = k.in[from * k.n + i];
}
static void gather_direct(const struct kernel_run *r)
{
	struct ranks k = ranks_of(r);

#pragma omp parallel for num_threads(k.ranks) schedule(static, 1)
	for (int me = 0; me < k.ranks; me++)
		for (int i = 0; i < k.ranks; i++) {
			int from = (me + i) % k.ranks;     /* each begins elsewhere: no two read one buffer at once */

			memcpy(k.out + me * k.n + slice(&k, from), k.in + from * k.n + slice(&k, from),
			       (size_t)(slice(&k, from + 1) - slice(&k, from)) * 4);
		}
}
static const struct kernel gather_kernels[] = { { "ref", NULL, NULL, gather_ref, NULL }, { "direct", NULL, NULL, gather_direct, NULL }, { 0 } };
const struct kernel_family kernel_all_gather = {
	.area = "core", .name = "all_gather", .op = "all_gather", .help = "every rank's slice at every rank", .operands = operands,
	.flops = no_flops, .bytes = gather_bytes, .tolerance = { 0 }, .tests = reduce_tests, .benches = reduce_benches, .variants = gather_kernels,
};
