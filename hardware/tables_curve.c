/* One site of a table as a function of what a batch changes: nested piecewise interpolation, and roofline growth past
 * the ends. Every piece is monotone and meets the next one, so the whole is. */
#include "hardware/tables_data.h"

#include <math.h>
#include <string.h>

/* The 16-bit formats run at one speed on every device that has both: either's table answers for the other. */
void op_key(const struct table_shape *s, const struct op *op, enum dtype dtype, int64_t *key)
{
	enum dtype kv = op->kv_dtype == DTYPE_NONE || op->kv_dtype == op->dtype ? dtype : op->kv_dtype;

	if (kv == DTYPE_FP16 && dtype == DTYPE_BF16)
		kv = DTYPE_BF16;
	else if (kv == DTYPE_BF16 && dtype == DTYPE_FP16)
		kv = DTYPE_FP16;
	for (int i = 0; i < s->keys; i++) {
		switch (s->key[i]) {
		case COL_DTYPE:
			key[i] = dtype;
			break;
		case COL_KV_DTYPE:
			key[i] = kv;
			break;
		case COL_N:
			key[i] = op->n;
			break;
		case COL_K:
			key[i] = op->k;
			break;
		case COL_BATCH:
			key[i] = op->batch > 1 ? op->batch : 1;
			break;
		case COL_HEADS:
			key[i] = op->heads;
			break;
		case COL_KV_HEADS:
			key[i] = op->kv_heads > 0 ? op->kv_heads : 1;
			break;
		case COL_HEAD_DIM:
			key[i] = op->head_dim;
			break;
		case COL_WINDOW:
			key[i] = op->window;
			break;
		case COL_EXPERTS:
			key[i] = op->experts > 0 ? op->experts : 1;
			break;
		case COL_EXPERTS_TOTAL:
			key[i] = op->experts_total > 0 ? op->experts_total : op->experts > 0 ? op->experts : 1;
			break;
		case COL_TOP_K:
			key[i] = op->top_k > 0 ? op->top_k : 1;
			break;
		case COL_GATED:
			key[i] = op->gated;
			break;
		case COL_DEVICES:
			key[i] = op->devices;
			break;
		case COL_DEVICES_PER_NODE:
			key[i] = op->devices_per_node >= op->devices ? 0 : op->devices_per_node;
			break;
		default:
			key[i] = 0; /* skew is looked for by the MoE answer */
		}
	}
}

void op_axes(const struct table_shape *s, const struct op *op, double *x)
{
	double q = op->q_len > 0 ? (double)op->q_len : 1;

	for (int i = 0; i < s->axes; i++) {
		switch (s->axis[i]) {
		case COL_M:
			x[i] = (double)op->m;
			break;
		case COL_BATCH:
			x[i] = op->batch > 0 ? (double)op->batch : 1;
			break;
		case COL_Q_LEN:
			x[i] = q;
			break;
		case COL_KV_LEN:
			x[i] = op->kv_len > 0 ? op->kv_len : q;
			break;
		case COL_PRIOR:
			x[i] = op->kv_len > q ? op->kv_len - q : 0;
			break;
		default:
			x[i] = op->bytes;
			break;
		}
	}
}

void op_at(const struct table_shape *s, const double *x, struct op *op)
{
	double prior = 0;

	for (int i = 0; i < s->axes; i++) {
		switch (s->axis[i]) {
		case COL_M:
			op->m = llround(x[i]);
			break;
		case COL_BATCH:
			op->batch = llround(x[i]);
			break;
		case COL_Q_LEN:
			op->q_len = llround(x[i]);
			break;
		case COL_KV_LEN:
			op->kv_len = x[i];
			break;
		case COL_PRIOR:
			prior = x[i];
			break;
		default:
			op->bytes = x[i];
			break;
		}
	}
	if (s->axis[0] == COL_PRIOR)
		op->kv_len = prior + (double)op->q_len;
}

void site_op(const struct table *t, const struct table_site *site, struct op *op)
{
	const int64_t *key = site->key;

	for (int i = 0; i < t->shape->keys; i++) {
		switch (t->shape->key[i]) {
		case COL_N:
			op->n = key[i];
			break;
		case COL_K:
			op->k = key[i];
			break;
		case COL_BATCH:
			op->batch = key[i];
			break;
		case COL_HEADS:
			op->heads = key[i];
			break;
		case COL_KV_HEADS:
			op->kv_heads = key[i];
			break;
		case COL_HEAD_DIM:
			op->head_dim = key[i];
			op->v_head_dim = 0;
			break;
		case COL_WINDOW:
			op->window = key[i];
			break;
		case COL_EXPERTS:
			op->experts = key[i];
			break;
		case COL_EXPERTS_TOTAL:
			op->experts_total = key[i];
			break;
		case COL_TOP_K:
			op->top_k = key[i];
			break;
		case COL_DEVICES:
			op->devices = (int)key[i];
			break;
		default:
			break;
		}
	}
}

/* Least seconds on the data sheet; for collectives, whose link the tables do not know, bytes as such: only ratios of
 * it are used there. */
double roofline_seconds(const struct tables_limits *limits, const struct op *op)
{
	double peak = limits->peak_flop_s[op->dtype], bandwidth = limits->bandwidth_bytes_s;
	double compute = peak > 0 && !isnan(peak) ? op_flops(op) / peak : 0;
	double memory = bandwidth > 0 ? op_bytes(op) / bandwidth : 0;

	if (op->kind >= OP_ALL_REDUCE && op->kind <= OP_BROADCAST)
		return op_bytes(op);
	return compute + memory > 0 ? fmax(compute, memory) : op_flops(op) + op_bytes(op);
}

static double growth(const struct question *q, const double *to, const double *from)
{
	struct op a = *q->op, b;
	double least;

	if (q->as)
		site_op(q->table, q->as, &a);
	b = a;
	op_at(q->table->shape, to, &a);
	op_at(q->table->shape, from, &b);
	if (q->limits->law) {
		double here = q->limits->law(q->limits->law_context, q->table->stack, &a),
		       there = q->limits->law(q->limits->law_context, q->table->stack, &b);

		if (here > 0 && there > 0)
			return fmax(here / there, 1);
	}
	least = roofline_seconds(q->limits, &b);
	return least > 0 ? fmax(roofline_seconds(q->limits, &a) / least, 1) : 1;
}

static double between(enum blend blend, double xa, double ya, double xb, double yb, double x)
{
	double y;

	if (blend == BLEND_LOG && xa > 0)
		y = ya * exp(log(yb / ya) * log(x / xa) / log(xb / xa));
	else
		y = ya + (yb - ya) * ((x - xa) / (xb - xa));
	return ya <= yb ? fmin(fmax(y, ya), yb) : fmin(fmax(y, yb), ya);
}

static double node_x(const struct table *t, int level, size_t i)
{
	return level + 1 < t->shape->axes ? t->nodes[level][i].x : t->x[i];
}

static void raise_grade(enum grade *grade, enum grade to)
{
	if (*grade < to)
		*grade = to;
}

static double level_seconds(const struct question *q, int level, size_t first, size_t count, double *x,
			    enum grade *grade);

static double child_seconds(const struct question *q, int level, size_t i, double *x, enum grade *grade)
{
	const struct table *t = q->table;
	const struct table_node *node;
	double keep = x[level], y;

	if (level + 1 == t->shape->axes)
		return t->seconds[i];
	node = &t->nodes[level][i];
	x[level] = node->x;
	y = level_seconds(q, level + 1, node->first, node->count, x, grade);
	x[level] = keep;
	return y;
}

static double level_seconds(const struct question *q, int level, size_t first, size_t count, double *x,
			    enum grade *grade)
{
	const struct table *t = q->table;
	size_t low = 0, high = count; /* x of low <= x[level] < x of high, where they exist */
	double here = x[level], xa, xb, ya, yb;

	if (here <= node_x(t, level, first)) {
		/* Below the smallest shape that was measured nothing gets faster than it. */
		if (here < node_x(t, level, first))
			raise_grade(grade, GRADE_BETWEEN);
		return child_seconds(q, level, first, x, grade);
	}
	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (node_x(t, level, first + middle) <= here)
			low = middle;
		else
			high = middle;
	}
	xa = node_x(t, level, first + low);
	if (xa >= here)
		return child_seconds(q, level, first + low, x, grade);
	if (high == count) {
		double edge[AXIS_MOST] = { 0 };

		memcpy(edge, x, (size_t)t->shape->axes * sizeof(*edge));
		edge[level] = xa;
		raise_grade(grade, GRADE_OUTSIDE);
		return child_seconds(q, level, first + low, x, grade) * growth(q, x, edge);
	}
	raise_grade(grade, GRADE_BETWEEN);
	xb = node_x(t, level, first + high);
	ya = child_seconds(q, level, first + low, x, grade);
	yb = child_seconds(q, level, first + high, x, grade);
	return between(t->shape->blend[level], xa, ya, xb, yb, here);
}

double site_seconds(const struct question *q, size_t site, const double *x, enum grade *grade)
{
	const struct table_site *s = &q->table->sites[site];
	double at[AXIS_MOST] = { 0 };

	memcpy(at, x, (size_t)q->table->shape->axes * sizeof(*at));
	return level_seconds(q, 0, s->first, s->count, at, grade);
}

int64_t site_find(const struct table *t, const int64_t *key)
{
	size_t low = 0, high = t->site_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const int64_t *have = t->sites[middle].key;
		int i = 0;

		while (i < t->shape->keys && have[i] == key[i])
			i++;
		if (i == t->shape->keys)
			return (int64_t)middle;
		if (have[i] < key[i])
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
