#include "hardware/submission.h"

/* Kernels that vLLM's software for Intel submits for one operator, counted in its sources (vllm-xpu-kernels, 2026):
 * csrc/flash_attn/flash_api.cpp, prefill: lengths of the queries, their mask, attention; decode: two fills of partial results,
 * attention (a fourth that adds up splits comes with work that hides it); fused_moe_interface.py: workspace, indices, three of
 * the prologue, two grouped products, activation, gathering. A product is one: weights of 8 bits are cast inside. */
static int kernels_of(enum op_kind kind)
{
	switch (kind) {
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL: return 3;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE: return 3;
	case OP_MOE: return 9;
	default: return 1;
	}
}

double submission_s(const struct device *d, const struct op *op)
{
	return d->submission.kernel_s > 0 ? d->submission.kernel_s * kernels_of(op->kind) : 0;
}
