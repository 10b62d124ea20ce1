#include "sim/train/schedule.h"

#include "base/str.h"

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* GPipe (Huang et al. 2019, arXiv 1811.06965): all forward, then all backward. */
static void gpipe_order(int rank, int p, int v, int m, struct slot *out)
{
	int n = 0;

	for (int c = 0; c < v; c++)
		for (int i = 0; i < m; i++)
			out[n++] = (struct slot){ c * p + rank, i, PASS_FORWARD };
	for (int c = v - 1; c >= 0; c--)
		for (int i = 0; i < m; i++)
			out[n++] = (struct slot){ c * p + rank, i, PASS_BACKWARD };
}

/* Micro-batches go through the chunks in groups of p (Narayanan et al. 2021, arXiv 2104.04473, section 2.2.2); what is
 * left over joins the last group. */
static int group_size(int group, int p, int m)
{
	int groups = m / p;

	if (groups < 1)
		return m;
	return group < groups - 1 ? p : m - (groups - 1) * p;
}

/* The k-th chunk pass of interleaving. */
static struct slot interleaved_pass(int k, int rank, int p, int v, int m, enum pass pass)
{
	int groups = m / p > 0 ? m / p : 1, group = least(k / (p * v), groups - 1), size = group_size(group, p, m);
	int in = k - group * p * v, chunk = in / size, micro = group * p + in % size;

	if (pass == PASS_BACKWARD)
		chunk = v - 1 - chunk;
	return (struct slot){ chunk * p + rank, micro, pass };
}

static void one_forward_one_backward(int rank, int p, int v, int m, int warmup, struct slot *out)
{
	int total = m * v, n = 0, f = 0, b = 0;

	warmup = least(warmup, total);
	while (f < warmup)
		out[n++] = interleaved_pass(f++, rank, p, v, m, PASS_FORWARD);
	while (b < total) {
		if (f < total)
			out[n++] = interleaved_pass(f++, rank, p, v, m, PASS_FORWARD);
		out[n++] = interleaved_pass(b++, rank, p, v, m, PASS_BACKWARD);
	}
}

static void plain_order(int rank, int p, int v, int m, struct slot *out)
{
	/* Several chunks: Megatron's warm-up, which fills all of them first. */
	int most = m % p == 0 ? p : group_size(m / p - 1, p, m);

	one_forward_one_backward(rank, p, v, m, v > 1 ? 2 * (p - 1 - rank) + (v - 1) * most : p - 1 - rank, out);
}

/* ZB-H2 (Qi et al. 2024, arXiv 2401.10241, figure 3): warm-up twice as long, so that no rank ever waits. */
static void zb_h2_order(int rank, int p, int v, int m, struct slot *out)
{
	one_forward_one_backward(rank, p, v, m, 2 * (p - 1 - rank), out);
}

/* As many as 1f1b would hold at that depth. */
static int as_deep(int depth, int p)
{
	(void)p;
	return depth;
}

/* Both chunks of a rank together hold two micro-batches a rank of the pipeline. */
static int folded_depth(int depth, int p)
{
	return depth > p ? depth - 1 : depth;
}

/* The first rank's share, on every rank: the largest memory is that of 1f1b. */
static int as_first(int depth, int p)
{
	(void)depth;
	return p;
}

static int twice_as_first(int depth, int p)
{
	(void)depth;
	return 2 * p - 1;
}

static double interleaved_bubble(int p, int v, int m)
{
	(void)m;
	return (double)(p - 1) / v;
}

static double third_bubble(int p, int v, int m)
{
	(void)v, (void)m;
	return (p - 1) / 3.0;
}

static double no_bubble(int p, int v, int m)
{
	(void)p, (void)v, (void)m;
	return 0;
}

/* (p/2 - 1)(F&B + B - 3W) (DeepSeek-V3, table 2) with F&B = f + b + w and the whole backward B = b + w: two thirds of a
 * micro-batch for f = b = w. */
static double dualpipe_bubble(int p, int v, int m)
{
	(void)v, (void)m;
	return p > 2 ? 2 * (p / 2.0 - 1) / 3 : 0;
}

static double all_in_flight(int p, int v, int m)
{
	(void)p, (void)v;
	return m;
}

static double ranks_in_flight(int p, int v, int m)
{
	(void)v;
	return least(p, m);
}

/* p (1 + (p - 1)/(p v)) (Korthikanti et al. 2022, section 4.2.3). */
static double interleaved_in_flight(int p, int v, int m)
{
	double chunks = v > 1 ? 2.0 * (p - 1) + (double)(v - 1) * p + 1 : p;

	return chunks < (double)m * v ? chunks / v : m;
}

static double twice_in_flight(int p, int v, int m)
{
	(void)v;
	return least(2 * p - 1, m);
}

static const struct schedule_ops gpipe = {
	.name = "gpipe", .help = "all forward passes, then all backward", .source = "arXiv 1811.06965", .order = gpipe_order,
	.bubble = interleaved_bubble, .in_flight = all_in_flight,
};
static const struct schedule_ops one_f_one_b = {
	.name = "1f1b", .help = "one forward, one backward", .source = "arXiv 2104.04473", .order = plain_order,
	.bubble = interleaved_bubble, .in_flight = interleaved_in_flight,
};
static const struct schedule_ops interleaved = {
	.name = "interleaved", .help = "1f1b with several chunks a rank (--vp)", .source = "arXiv 2104.04473", .order = plain_order,
	.bubble = interleaved_bubble, .in_flight = interleaved_in_flight,
};
static const struct schedule_ops zb_h1 = {
	.name = "zb-h1", .help = "1f1b, weight gradients fill the gaps; memory of 1f1b", .source = "arXiv 2401.10241", .split = true,
	.order = plain_order, .limit = as_first, .bubble = third_bubble, .in_flight = ranks_in_flight,
};
static const struct schedule_ops zb_h2 = {
	.name = "zb-h2", .help = "no gaps with twice the activations; optimizer validated afterwards", .source = "arXiv 2401.10241",
	.split = true, .early_optimizer = true, .order = zb_h2_order, .limit = twice_as_first, .bubble = no_bubble, .in_flight = twice_in_flight,
};
static const struct schedule_ops zb_v = {
	.name = "zb-v", .help = "no gaps with the activations of 1f1b: two chunks a rank, folded", .source = "arXiv 2405.15362",
	.split = true, .early_optimizer = true, .chunks = CHUNKS_V, .limit = folded_depth, .bubble = no_bubble, .in_flight = ranks_in_flight,
};
static const struct schedule_ops dualpipe = {
	.name = "dualpipe", .help = "from both ends, two copies of the weights", .source = "arXiv 2412.19437", .split = true,
	.hides_exchange = true, .chunks = CHUNKS_BOTH, .limit = as_deep, .bubble = dualpipe_bubble, .in_flight = ranks_in_flight,
};

const struct schedule_ops *const schedules[] = { &gpipe, &one_f_one_b, &interleaved, &zb_h1, &zb_h2, &zb_v, &dualpipe, NULL };

const struct schedule_ops *schedule_require(const char *name, struct err *err)
{
	const char *names[32], *near;
	size_t n = 0;

	for (; schedules[n] && n < COUNT_OF(names); n++) {
		if (text_equal_fold(schedules[n]->name, name))
			return schedules[n];
		names[n] = schedules[n]->name;
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "schedule '%s': expected gpipe, 1f1b, interleaved, zb-h1, zb-h2, zb-v or dualpipe%s%s", name,
		near ? "; did you mean " : "", near ? near : "");
	return NULL;
}

int schedule_chunks(const struct schedule_ops *s, int vp)
{
	if (s->chunks != CHUNKS_ROUND)
		return 2;
	return s->split ? 1 : vp;
}

int schedule_rank(const struct schedule_ops *s, int chunk, int p)
{
	if (s->chunks == CHUNKS_ROUND)
		return chunk % p;
	return chunk < p ? chunk : 2 * p - 1 - chunk;
}
