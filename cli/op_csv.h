/* Prices a CSV of operators row by row: `vibee-sim op --in ops.csv --out times.csv`. */
#ifndef CLI_OP_CSV_H
#define CLI_OP_CSV_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "cli/op_row.h"

/* Cost models of one device under each stack that rows ask for, made when first needed. */
struct op_pricer;
MUST_USE struct op_pricer *op_pricer_new(const struct cost_options *options, struct arena *arena);   /* NULL: no memory */
/* The model for a stack ("" = as the options say). NULL + err: an unknown name, with `origin` before it. */
MUST_USE const struct cost_model *op_pricer_model(struct op_pricer *p, const char *stack, const char *origin, struct err *err);
/* From now on "" means this stack. */
void op_pricer_fallback(struct op_pricer *p, const char *stack);
void op_pricer_free(struct op_pricer *p);                             /* NULL is fine */

/* Every column of the input is kept, in order; the result's follow (an input column of such a name gives way). The
 * output is there whole or not at all. */
MUST_USE bool op_csv(const char *in, const char *out, struct op_pricer *pricer, struct err *err);
/* The same as a JSON document. */
MUST_USE bool op_csv_json(const char *in, const char *out, struct op_pricer *pricer, struct err *err);

#endif
