/* Adapters beside frozen products: what each adds to a product C = X W of the base. One row of a table a kind. */
#ifndef MODELS_ADAPTER_H
#define MODELS_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/operator.h"

enum { ADAPTER_OPS_MOST = 6 };

struct adapter_ops {
	const char *name, *help, *source;
	/* Whether it sits at the product of this label ("qkv_proj", "o_proj", "gate_up_proj" ...). */
	bool (*adapts)(const char *label);
	/* Forward operators for base product `op` at that rank: fills out, returns how many. */
	size_t (*forward)(const struct op *op, int64_t rank, struct op *out);
	/* Parameters for a base matrix of k x n. */
	double (*parameters)(double k, double n, double rank);
};
extern const struct adapter_ops *const adapters[];     /* NULL-terminated */
/* Unknown: NULL, with the nearest name in err. */
MUST_USE const struct adapter_ops *adapter_require(const char *name, struct err *err);

#endif
