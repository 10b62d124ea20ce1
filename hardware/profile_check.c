/* How far a table's answers are from the measurements: on its own points, between them, and for sites left out. */
#include "hardware/profile_rows.h"

#include <math.h>

#include "base/mem.h"
#include "base/sketch.h"

void profile_row_op(const struct profile_row *row, struct op *op)
{
	const struct table_shape *s = row->shape;

	*op = (struct op){ .kind = s->kind };
	for (int i = 0; i < s->keys; i++) {
		int64_t v = row->key[i];

		switch (s->key[i]) {
		case COL_DTYPE:
			op->dtype = (enum dtype)v;
			break;
		case COL_KV_DTYPE:
			op->kv_dtype = (enum dtype)v;
			break;
		case COL_N:
			op->n = v;
			break;
		case COL_K:
			op->k = v;
			break;
		case COL_BATCH:
			op->batch = v;
			break;
		case COL_HEADS:
			op->heads = v;
			break;
		case COL_KV_HEADS:
			op->kv_heads = v;
			break;
		case COL_HEAD_DIM:
			op->head_dim = v;
			break;
		case COL_WINDOW:
			op->window = v;
			break;
		case COL_EXPERTS:
			op->experts = v;
			break;
		case COL_EXPERTS_TOTAL:
			op->experts_total = v;
			break;
		case COL_TOP_K:
			op->top_k = v;
			break;
		case COL_GATED:
			op->gated = v != 0;
			break;
		case COL_SKEW:
			op->imbalance = v > 0 ? 1.2 : 0;
			break;
		case COL_DEVICES:
			op->devices = (int)v;
			break;
		case COL_DEVICES_PER_NODE:
			op->devices_per_node = (int)v;
			break;
		default:
			break;
		}
	}
	op_at(s, row->x, op);
	if (s->kind == OP_MLA_PREFILL) {
		op->head_dim = 192; /* every model with a latent of 576 has these heads */
		op->v_head_dim = 128;
	} else if (s->kind == OP_MLA_DECODE) {
		op->head_dim = op->k; /* absorbed: heads read the latent cache itself */
		op->v_head_dim = op->k - 64;
	}
}

struct errors {
	double *v[4]; /* by grade */
	size_t n[4];
};

static void summarise(struct errors *e, enum grade grade, double *median, double *p90)
{
	*median = e->n[grade] ? exact_quantile(e->v[grade], (int64_t)e->n[grade], 0.5) : NAN;
	*p90 = e->n[grade] ? exact_quantile(e->v[grade], (int64_t)e->n[grade], 0.9) : NAN;
	e->n[grade] = 0;
}

static void ask(const struct table *table, const struct tables_limits *limits, const struct profile_row *row,
		bool without, struct errors *e)
{
	struct op op;
	struct question q = { table, limits, &op, -1, NULL };
	double seconds;
	enum grade grade;

	profile_row_op(row, &op);
	if (without)
		q.except = site_find(table, row->key);
	if (table_answer(&q, &seconds, &grade))
		e->v[grade][e->n[grade]++] = fabs(seconds / row->seconds - 1);
}

/* Medians of one number format's rows, sites left out. */
static void of_dtype(const struct table *table, const struct tables_limits *limits, const struct profile_row *rows,
		     size_t count, enum dtype dtype, struct profile_table_report *report, struct errors *e)
{
	double p90;

	for (size_t i = 0; i < count; i++)
		if (rows[i].key[0] == (int64_t)dtype)
			ask(table, limits, &rows[i], true, e);
	summarise(e, GRADE_SITE, &report->site_of[dtype], &p90);
	summarise(e, GRADE_OUTSIDE, &report->outside_of[dtype], &p90);
	e->n[GRADE_EXACT] = e->n[GRADE_BETWEEN] = 0;
}

bool profile_check(const struct table *table, const struct tables_limits *limits, const struct profile_row *rows,
		   size_t count, struct profile_table_report *report, struct err *err)
{
	struct errors e = { .n = { 0 } };
	bool ok = true;

	for (int g = 0; g < 4 && ok; g++) {
		e.v[g] = mem_alloc(count * sizeof(double));
		ok = e.v[g] || err_memory(err);
	}
	for (size_t i = 0; i < count && ok; i++)
		ask(table, limits, &rows[i], false, &e);
	if (ok) {
		summarise(&e, GRADE_EXACT, &report->exact_median, &report->exact_p90);
		summarise(&e, GRADE_BETWEEN, &report->between_median, &report->between_p90);
		e.n[GRADE_SITE] = e.n[GRADE_OUTSIDE] = 0;
	}
	for (size_t i = 0; i < count && ok; i++)
		ask(table, limits, &rows[i], true, &e);
	if (ok) {
		summarise(&e, GRADE_SITE, &report->site_median, &report->site_p90);
		summarise(&e, GRADE_OUTSIDE, &report->outside_median, &report->outside_p90);
	}
	for (int t = 0; t < DTYPE_COUNT; t++) {
		report->site_of[t] = report->outside_of[t] = NAN;
		if (ok && table->shape->key[0] == COL_DTYPE)
			of_dtype(table, limits, rows, count, (enum dtype)t, report, &e);
	}
	for (int g = 0; g < 4; g++)
		mem_free(e.v[g]);
	return ok;
}
