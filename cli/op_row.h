/* One operator as `vibee-sim op` takes it: the columns of its CSV, which are also its options and its JSON keys. */
#ifndef CLI_OP_ROW_H
#define CLI_OP_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "hardware/cost.h"
#include "hardware/operator.h"

enum { OP_STACK_ROOM = 32 };
struct op_row {
	struct op op;
	char stack[OP_STACK_ROOM];     /* "" = the device's best */
};

enum op_field_type { OP_FIELD_KIND, OP_FIELD_DTYPE, OP_FIELD_COUNT_OF, OP_FIELD_NUMBER, OP_FIELD_RANKS, OP_FIELD_FLAG, OP_FIELD_STACK };
struct op_field {
	const char *name;              /* "kv_len"; the option is --kv-len */
	enum op_field_type type;
	size_t offset;                 /* in struct op_row */
	double most;                   /* largest value, of numbers */
	bool contract;                 /* a column every program may rely on; the others refine it */
};
extern const struct op_field op_fields[];
extern const size_t op_field_count;

/* Columns that pricing adds: seconds, flops, bytes_moved, bound, provider, expected_rel_error. */
extern const char *const op_result_names[];
enum { OP_RESULTS = 6 };

void op_row_init(struct op_row *row);
/* Sets one field from text ("" leaves it as it is). `origin` begins the error: "ops.csv:3", "--n". */
MUST_USE bool op_row_set(struct op_row *row, const struct op_field *field, const char *text, const char *origin, struct err *err);
/* Completes what was left out (kv_heads = heads ...) and refuses a shape that its operator cannot have. */
MUST_USE bool op_row_finish(struct op_row *row, const char *origin, struct err *err);

/* The result as text, in the order of op_result_names, each after a comma. */
void op_cost_csv(const struct op_cost *cost, struct str *out);
/* Fields that are set and the result, as members of the object being written. */
void op_row_json(const struct op_row *row, const struct op_cost *cost, struct json *j);
/* "gemm fp8  m=4096 n=4096 k=4096" */
void op_row_text(const struct op_row *row, struct str *out);

#endif
