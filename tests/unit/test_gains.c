#include "validation/gains.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "validation/gains_parts.h"
#include "validation/kernel_ops.h"

/* A kernel's shape becomes an operator and comes back as it was. */
static void operators_find_their_kernels(void)
{
	static const char *const names[] = { "gemm", "attention_decode", "attention_prefill", "norm", "activation", "add", "copy" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct kernel_family *f = kernel_family_find(names[i]), *found;

		for (const struct shape *s = f->tests; !shape_is_last(s); s++) {
			struct shape back;
			struct op op;

			CU_ASSERT_TRUE(kernel_op(f, s, &op));
			CU_ASSERT_TRUE(gain_kernel(&op, &found, &back));
			CU_ASSERT_PTR_EQUAL(found, f);
			CU_ASSERT_DOUBLE_EQUAL(f->flops(&back), f->flops(s), 1e-9 * f->flops(s));
		}
	}
}

static void work_of(const struct gain_row *row, bool priced, double *flops, double *bytes)
{
	*flops = *bytes = 0;
	for (size_t i = 0; i < row->count[GAIN_WITH]; i++) {
		const struct gain_part *p = &row->parts[GAIN_WITH][i];

		if (priced && p->priced) {
			*flops += p->count * op_flops(&p->op);
			*bytes += p->count * op_bytes(&p->op);
		} else if (!priced && p->family) {
			*flops += p->count * p->family->flops(&p->shape);
			*bytes += p->count * p->family->bytes(&p->shape);
		}
	}
}

/* What the mechanism charges is what the kernels move: otherwise a right prediction would be right by chance. */
static void mechanisms_count_what_kernels_do(void)
{
	for (const struct gain_case *c = gain_cases; c->module; c++) {
		struct gain_row *row = mem_calloc(1, sizeof(*row));
		struct arena *arena = arena_new();
		struct err err = { 0 };
		double said[2], done[2];

		row->gain = c;
		if (!gain_parts(row, "epyc-9965-2s", arena, &err) || row->verdict)
			fprintf(stderr, "%s: %s\n", c->module, row->verdict ? row->verdict : err.text);
		CU_ASSERT_EQUAL(err.kind, ERR_NONE);
		CU_ASSERT_PTR_NULL(row->verdict);
		CU_ASSERT(row->count[GAIN_PLAIN] > 0 && row->count[GAIN_WITH] > 0);
		work_of(row, true, &said[0], &said[1]);
		work_of(row, false, &done[0], &done[1]);
		if (!(fabs(said[1] / done[1] - 1) < 0.1))
			fprintf(stderr, "%s: the mechanism moves %.4g bytes, the kernels %.4g\n", c->module, said[1], done[1]);
		CU_ASSERT(fabs(said[1] / done[1] - 1) < 0.1);
		if (!(fabs(said[0] / done[0] - 1) < 0.15))
			fprintf(stderr, "%s: the mechanism does %.4g FLOPs, the kernels %.4g\n", c->module, said[0], done[0]);
		CU_ASSERT(fabs(said[0] / done[0] - 1) < 0.15);
		arena_free(arena);
		mem_free(row);
	}
}

/* What the database keeps comes back; what is no record is told. */
static void records_come_back(void)
{
	static const struct gain_case c = { .module = "kivi_v1821", .area = "kv", .kernel = "kivi_attention" };
	struct gain_row *row = mem_calloc(1, sizeof(*row));
	struct gains_study s = { .host = "a \"CPU\"", .at = "2026-11-29T00:00:00Z", .rows = row, .count = 1 };
	struct arena *arena = arena_new();
	struct gain_record r;
	struct str text = { 0 };
	struct err err = { 0 };

	*row = (struct gain_row){ .gain = &c, .predicted = 2.5, .measured = 2.25, .kernel_error = 1e-5, .rel_error = 2.5 / 2.25 - 1 };
	CU_ASSERT_TRUE(gain_record_text(row, &s, &text, &err));
	CU_ASSERT_TRUE(gain_record_parse(str_text(&text), &r, arena));
	CU_ASSERT_STRING_EQUAL(r.module, "kivi_v1821");
	CU_ASSERT_STRING_EQUAL(r.kernel, "kivi_attention");
	CU_ASSERT_STRING_EQUAL(r.device, "a \"CPU\"");
	CU_ASSERT_EQUAL(r.predicted, 2.5);
	CU_ASSERT_EQUAL(r.measured, 2.25);
	CU_ASSERT_FALSE(gain_record_parse("{}", &r, arena));
	CU_ASSERT_FALSE(gain_record_parse("not JSON", &r, arena));
	str_release(&text);
	arena_free(arena);
	mem_free(row);
}

/* The shipped table names modules that exist, one line each. */
static void shipped_records_load(void)
{
	struct arena *arena = arena_new();
	const struct gain_record *at;
	struct err err = { 0 };
	size_t count;

	CU_ASSERT_TRUE_FATAL(gain_records_load(&at, &count, arena, &err));
	CU_ASSERT(count >= 15);
	for (size_t i = 0; i < count; i++) {
		CU_ASSERT(at[i].predicted > 0 && at[i].measured > 0);
		for (size_t k = 0; k < i; k++)
			CU_ASSERT_STRING_NOT_EQUAL(at[k].module, at[i].module);
	}
	arena_free(arena);
}

CU_TestInfo suite_gains[] = { { "operators find their kernels", operators_find_their_kernels },
			      { "mechanisms count what kernels do", mechanisms_count_what_kernels_do },
			      { "records come back", records_come_back }, { "shipped records load", shipped_records_load }, CU_TEST_INFO_NULL };
