/* Every figure of an operator but its law, without padding between them: what two operators are compared by. */
#ifndef HARDWARE_OP_FIGURES_H
#define HARDWARE_OP_FIGURES_H

#include "hardware/operator.h"

struct op_figures {
	int64_t whole[18];
	double real[9];
};

/* An operator with a new figure has to have it here, or two that differ in it would be taken for one. */
_Static_assert(sizeof(struct op) == 224, "struct op has changed: see op_figures_of");

static inline void op_figures_of(const struct op *op, struct op_figures *out)
{
	*out = (struct op_figures){
		.whole = { op->kind, op->dtype, op->kv_dtype, op->m, op->n, op->k, op->batch, op->heads, op->kv_heads, op->head_dim, op->v_head_dim,
			   op->q_len, op->window, op->experts, op->experts_total, op->top_k, ((int64_t)op->gated | (int64_t)op->chance << 1) << 32 | (uint32_t)op->far_ways,
			   (int64_t)op->devices << 32 | (uint32_t)op->devices_per_node },
		.real = { op->kv_len, op->imbalance, op->skew, op->bytes, op->stored_bytes, op->unpack_ops, op->near, op->far, op->region },
	};
}

#endif
