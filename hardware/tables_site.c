/* What a table answers: a site that was measured, or its neighbours, as the kind of operator wants it. */
#include "hardware/tables_neighbours.h"

#include <math.h>
#include <string.h>

#include "base/str.h"

/* Whether a collective's steps do not queue behind each other: engines' own all-reduce. */
static bool goes_directly(const struct table *t)
{
	return !(text_equal(t->stack, "nccl") || text_equal(t->stack, "oneccl"));
}

/* A collective over ranks between two measured numbers of them: latency follows the steps (the logarithm of the ranks),
 * what the wire adds follows the bytes a rank must move, 1 - 1/ranks of the buffer. */
static double between_ranks(const struct question *q, size_t below, size_t above, double ranks, const double *x,
			    enum grade *grade)
{
	const struct table *t = q->table;
	int last = t->shape->keys - 1;
	double a = (double)t->sites[below].key[last], b = (double)t->sites[above].key[last];
	double step = log(ranks / a) / log(b / a), wire = (1 / a - 1 / ranks) / (1 / a - 1 / b);
	double ta = site_seconds(q, below, x, grade), tb = site_seconds(q, above, x, grade);
	double la = t->seconds[t->sites[below].first], lb = t->seconds[t->sites[above].first];

	grade_raise(grade, GRADE_SITE);
	return (1 - step) * la + step * lb + (1 - wire) * (ta - la) + wire * (tb - lb);
}

/* Below so many bytes an engine's own all-reduce is one step, in which each rank reads the buffers of all others; from there on two steps
 * or NCCL. vLLM and SGLang: csrc/custom_all_reduce.cuh; TensorRT-LLM: HeuristicThresholdLP of cpp/tensorrt_llm/common/
 * customAllReduceUtils.h, in 16-bit elements (its table of strategies per architecture, AllReduceBestStrategyTable, changes at the same sizes),
 * for architectures before Blackwell and from it on: those that compute with 4-bit floats. */
static double one_step_bytes(const struct question *q, double ranks)
{
	bool trtllm = text_equal(q->table->stack, "trtllm"), fp4 = q->limits->peak_flop_s[DTYPE_FP4] > 0;

	if (ranks <= 2)
		return INFINITY;
	if (ranks <= 4)
		return trtllm ? 2 * 1024 * (fp4 ? 2048 : 1024) : 512 * 1024;
	if (ranks <= 8)
		return trtllm ? 2 * (fp4 ? 1024 * 1024 : 512 * 512) : 256 * 1024;
	return 0;
}

/* One step: latency by the steps as above; what bytes add is read where a neighbour's ranks read as many of them in one step, too.
 * NAN: neither does. */
static double in_one_step(const struct question *q, size_t below, size_t above, double ranks, double bytes, enum grade *grade)
{
	const struct table *t = q->table;
	const size_t sites[2] = { below, above };
	int last = t->shape->keys - 1;
	double a = (double)t->sites[below].key[last], b = (double)t->sites[above].key[last];
	double step = log(ranks / a) / log(b / a), share[2] = { 1 - step, step }, latency = 0, added = 0, weights = 0;

	for (int i = 0; i < 2; i++) {
		double have = i ? b : a, first = t->seconds[t->sites[sites[i]].first];
		double x[AXIS_MOST] = { bytes * (ranks - 1) / (have - 1) };

		latency += share[i] * first;
		if (x[0] >= one_step_bytes(q, have))
			continue;
		added += share[i] * (site_seconds(q, sites[i], x, grade) - first);
		weights += share[i];
	}
	return weights > 0 ? latency + added / weights : NAN;
}

static double engine_all_reduce(const struct question *q, size_t below, size_t above, double ranks, const double *x,
				enum grade *grade)
{
	double most = one_step_bytes(q, ranks), two = between_ranks(q, below, above, ranks, x, grade), one;

	one = most > 0 ? in_one_step(q, below, above, ranks, fmin(x[0], most), grade) : NAN;
	if (isnan(one))
		return two;
	return x[0] < most ? one : fmax(one, two);     /* more bytes never take less */
}

static int axis_of(const struct table *t, enum column column)
{
	for (int i = 0; i < t->shape->axes; i++)
		if (t->shape->axis[i] == column)
			return i;
	return -1;
}

/* Sites that differ in their last column only (heads of MLA, ranks, elements a row): a straight line between the two
 * around, growth by the roofline beyond them. */
static bool answer_last(const struct question *q, const int64_t *key, const double *x, double *seconds,
			enum grade *grade)
{
	const struct table *t = q->table;
	int last = t->shape->keys - 1;
	size_t low, high;
	int64_t below = -1, above = -1;
	struct neighbours all = { .shift_axis = -1 };

	sites_alike(t, key, last, &low, &high);
	for (size_t i = low; i < high; i++) {
		if (!site_usable(q, i))
			continue;
		if (t->sites[i].key[last] <= key[last])
			below = (int64_t)i;
		else if (above < 0)
			above = (int64_t)i;
	}
	if (below < 0 && above < 0)
		return false;
	if (below >= 0 && above >= 0 && t->shape->key[last] == COL_DEVICES && below != above &&
	    t->sites[below].key[last] < key[last] && goes_directly(t)) {
		*seconds = (t->shape->kind == OP_ALL_REDUCE ? engine_all_reduce : between_ranks)(q, (size_t)below, (size_t)above,
											  (double)key[last], x, grade);
		return true;
	}
	if (below >= 0 && above >= 0) {
		double a = (double)t->sites[below].key[last], b = (double)t->sites[above].key[last], n = (double)key[last];

		/* A library's ring goes ranks - 1 steps (twice, to reduce), each with a rank's part of the buffer, an exchange of pairs
		 * sends each other rank its part: at equal parts time is a start and so much a rank, and protocols change by the part. */
		all.shift_axis = axis_of(t, COL_BYTES);
		neighbours_add(&all, (size_t)below, (b - n) / (b - a), 1, a / n);
		neighbours_add(&all, (size_t)above, (n - a) / (b - a), 1, b / n);
	} else {
		size_t edge = (size_t)(below >= 0 ? below : above);

		if (t->shape->key[last] == COL_DEVICES)
			return false; /* more ranks than were measured: another algorithm, another network */
		all.outside = true;
		all.floor_s = t->floor_s[key[0] % DTYPE_COUNT];
		/* Heads beyond those of one thread block are more blocks, as more sequences would be: a batch with as much
		 * work, which leaves alone what does not fill the device. */
		all.shift_axis = axis_of(t, COL_BATCH);
		if (all.shift_axis >= 0)
			neighbours_add(&all, edge, 1, 1, site_work_ratio_at(q, edge, x));
		else
			neighbours_add(&all, edge, 1, site_work_ratio(q, edge), 1);
	}
	*seconds = neighbours_seconds(q, &all, x, grade);
	return true;
}

/* Another expert layout: of the same model, along width and number; else by the law of the other models and how the nearest
 * of them differ from it. */
static bool answer_moe(const struct question *q, const int64_t *key, const double *x, double *seconds,
		       enum grade *grade)
{
	size_t low, high;
	enum grade cross = GRADE_EXACT;

	/* Another split of a measured model is as near as another shape of a measured site. */
	if (answer_cross(q, key, x, seconds, &cross)) {
		grade_raise(grade, cross == GRADE_SITE ? GRADE_BETWEEN : cross);
		return true;
	}
	sites_alike(q->table, key, 3, &low, &high);
	grade_raise(grade, GRADE_SITE);
	return experts_trend(q, key, low, high, site_usable, x[0], seconds, grade);
}

static bool answer_site(const struct question *q, const int64_t *key, const double *x, double *seconds,
			enum grade *grade)
{
	int64_t site = site_find(q->table, key);

	if (site >= 0 && !site_left_out(q, (size_t)site)) {
		*seconds = site_seconds(q, (size_t)site, x, grade);
		return true;
	}
	switch (q->table->shape->kind) {
	case OP_GEMM:
		return key[1] == 1 ? answer_cross(q, key, x, seconds, grade)
				   : answer_batched(q, key, x, seconds, grade);
	case OP_ATTENTION_PREFILL:
	case OP_ATTENTION_DECODE:
		return answer_attention(q, key, x, seconds, grade);
	case OP_MOE:
		return answer_moe(q, key, x, seconds, grade);
	case OP_MLA_DECODE:
		return answer_latent(q, key, x, seconds, grade) || answer_last(q, key, x, seconds, grade);
	default:
		return answer_last(q, key, x, seconds, grade);
	}
}

/* Numbers of tokens that the benchmark times experts with: powers of two, from 32 on also between them. */
static double tokens_timed(double m, bool above)
{
	double low = exp2(floor(log2(m))), middle = low >= 32 ? 1.5 * low : 2 * low;

	if (above)
		return m <= low ? low : m <= middle ? middle : 2 * low;
	return m >= middle ? middle : low;
}

/* As traffic asks: what was timed, by how much more or less there is to do. Where it was timed: what the benchmark deals out
 * jumps (from 117 to 164 of 256 experts with one token more than 32, of eight experts each), what is read between does not. */
static bool answer_experts(const struct question *q, const int64_t *key, const double *x, double *seconds, enum grade *grade)
{
	double at[2] = { tokens_timed(fmax(x[0], 1), false), tokens_timed(fmax(x[0], 1), true) }, takes[2];

	if (!q->op->chance)
		return answer_site(q, key, x, seconds, grade);
	for (int i = 0; i < 2; i++) {
		double there[AXIS_MOST] = { at[i] };

		if (i && at[1] <= at[0]) {
			takes[1] = takes[0];
			break;
		}
		if (!answer_site(q, key, there, &takes[i], grade))
			return false;
		takes[i] *= experts_by_chance(q, key, at[i]);
	}
	*seconds = takes[0];
	if (at[1] > at[0])
		*seconds += (fmax(takes[1], takes[0]) - takes[0]) * (x[0] - at[0]) / (at[1] - at[0]);
	return true;
}

static bool has_prefixes(const struct table *t)
{
	for (size_t i = 0; i < t->node_count[0]; i++)
		if (t->nodes[0][i].x > 0)
			return true;
	return false;
}

/* One thread block walks all kv_len tokens, however few blocks there are: as long as a single head's prompt of that
 * length, where each block has a processor to itself. Lengths past 8192 go on in a straight line. 0: not measured. */
static double longest_walk(const struct question *q, const int64_t *key, double kv_len)
{
	double x[AXIS_MOST] = { 0, fmin(kv_len, 8192), 1 };
	int64_t one[KEY_MOST];
	enum grade grade = GRADE_EXACT;
	int64_t site;

	memcpy(one, key, sizeof(one));
	one[4] = one[5] = 1;
	site = q->table->shape->kind == OP_ATTENTION_PREFILL ? site_find(q->table, one) : -1;
	return site < 0 ? 0 : site_seconds(q, (size_t)site, x, &grade) * fmax(kv_len / 8192, 1);
}

/* Prefill behind a cached prefix (or within a window), in a table that measured none: as long as the prompt without
 * prefix whose (query, key) pairs are as many, and never below the longest walk, nor below the time to stream the cache
 * at three quarters of the memory rate. */
static bool answer_prefix(const struct question *q, const int64_t *key, double *x, double *seconds, enum grade *grade)
{
	double pairs = x[1] * x[0] + x[1] * x[1] / 2, window = (double)q->op->window, kv_len = x[0] + x[1], stream;

	if (window > 0 && kv_len > window) {
		double ramp = fmin(fmax(window - x[0], 0), x[1]);

		pairs = ramp * x[0] + ramp * ramp / 2 + (x[1] - ramp) * window;
		kv_len = window;
	}
	if (window > 0 && key[2] > 0 && pairs > window * window / 2)
		x[1] = pairs / window + window / 2;
	else
		x[1] = sqrt(2 * pairs);
	x[0] = 0;
	if (!answer_site(q, key, x, seconds, grade))
		return false;
	stream = q->limits->bandwidth_bytes_s > 0 ? op_bytes(q->op) / (0.75 * q->limits->bandwidth_bytes_s) : 0;
	*seconds = fmax(fmax(*seconds, stream), longest_walk(q, key, kv_len));
	grade_raise(grade, GRADE_OUTSIDE);
	return true;
}

/* Extents that make no sense have no answer here. */
static bool sensible(const struct table_shape *s, const int64_t *key, const double *x)
{
	for (int i = 0; i < s->keys; i++)
		if (key[i] < 0 || (key[i] == 0 && s->key[i] != COL_WINDOW && s->key[i] != COL_GATED &&
				   s->key[i] != COL_SKEW && s->key[i] != COL_DEVICES_PER_NODE))
			return false;
	for (int i = 0; i < s->axes; i++)
		if (!(x[i] > 0 || (s->axis[i] == COL_PRIOR && x[i] >= 0)) || isinf(x[i]))
			return false;
	return true;
}

static bool answer_dtype(const struct question *q, enum dtype dtype, double *seconds, enum grade *grade)
{
	const struct table_shape *s = q->table->shape;
	int64_t key[KEY_MOST] = { 0 };
	double x[AXIS_MOST] = { 0 };

	op_key(s, q->op, dtype, key);
	op_axes(s, q->op, x);
	if (!sensible(s, key, x))
		return false;
	if (s->kind == OP_MOE) {
		/* Measured: 0 and 1.2. At 64 to 256 tokens the latter's standard deviation over 256 experts is 1.2 to 1.6 of the mean, that
		 * of popularity rank^-0.6 is 1.1 and what chance adds: choices half as uneven are nearer to it than to even ones. */
		bool skewed = q->op->imbalance > 1.01 || q->op->skew > (q->op->chance ? 0.3 : 0.6);

		key[2] = skewed ? 1200 : 0;
		if (answer_experts(q, key, x, seconds, grade))
			return true;
		key[2] = skewed ? 0 : 1200;
		return answer_experts(q, key, x, seconds, grade);
	}
	if (s->axis[0] == COL_PRIOR && x[0] > 0 && !has_prefixes(q->table))
		return answer_prefix(q, key, x, seconds, grade);
	if (answer_site(q, key, x, seconds, grade))
		return true;
	/* A window that was not measured: full attention over as many tokens, or with as many (query, key) pairs. */
	if (q->op->window <= 0 || (s->kind != OP_ATTENTION_DECODE && s->kind != OP_ATTENTION_PREFILL))
		return false;
	key[2] = 0;
	if (s->kind == OP_ATTENTION_PREFILL)
		return answer_prefix(q, key, x, seconds, grade);
	x[1] = fmin(x[1], (double)q->op->window);
	return answer_site(q, key, x, seconds, grade);
}

bool table_answer(const struct question *q, double *seconds, enum grade *grade)
{
	enum dtype dtype = q->op->dtype;

	*grade = GRADE_EXACT;
	if (answer_dtype(q, dtype, seconds, grade))
		return true;
	*grade = GRADE_EXACT;
	if (dtype == DTYPE_BF16 || dtype == DTYPE_FP16)
		return answer_dtype(q, dtype == DTYPE_BF16 ? DTYPE_FP16 : DTYPE_BF16, seconds, grade);
	return false;
}
