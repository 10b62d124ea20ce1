/* Which core kernel does an operator's work, and on what shape: kernel_ops.h the other way round. */
#include <math.h>

#include "validation/gains_parts.h"

static bool format_of(enum dtype t, enum kernel_format *out)
{
	switch (t) {
	case DTYPE_FP32: *out = KERNEL_FP32; return true;
	case DTYPE_BF16: case DTYPE_FP16: case DTYPE_NONE: *out = KERNEL_BF16; return true;
	case DTYPE_INT8: *out = KERNEL_INT8; return true;
	case DTYPE_INT4_WO: *out = KERNEL_INT4; return true;
	default: return false;
	}
}

static bool product(const struct op *op, const char **name, struct shape *s)
{
	*s = (struct shape){ .m = op->m, .n = op->n, .k = op->k };
	if (op->batch > 1)
		return false;
	*name = "gemm";
	if (op->law) {                         /* kernels of their own */
		*name = "tile_gemm";
		return op->dtype == DTYPE_FP32;
	}
	if (op->stored_bytes > 0) {            /* packed weights with 8-bit activations */
		*name = "ternary_gemv";
		return op->dtype == DTYPE_INT8;
	}
	return format_of(op->dtype, &s->format);
}

/* Several queries a sequence (a chunk of a prompt, drafted tokens) run as a chunk over what is cached. */
static bool attention(const struct op *op, const char **name, struct shape *s)
{
	double attended = op->kv_len > 0 ? op->kv_len : (double)op->q_len;

	if ((op->v_head_dim > 0 && op->v_head_dim != op->head_dim) || op->stored_bytes > 0)
		return false;
	*s = (struct shape){ .batch = op->batch > 0 ? op->batch : 1, .heads = op->heads, .kv_heads = op->kv_heads, .head_dim = op->head_dim,
			     .q_len = op->q_len > 0 ? op->q_len : 1, .kv_len = (int64_t)llround(attended), .window = op->window };
	*name = s->q_len > 1 ? "attention_prefill" : "attention_decode";
	if (s->window >= s->kv_len)
		s->window = 0;
	return format_of(op->kv_dtype == DTYPE_NONE ? op->dtype : op->kv_dtype, &s->kv_format) && s->kv_format <= KERNEL_BF16;
}

static const struct { enum op_kind kind; const char *kernel; } row_kernels[] = {
	{ OP_NORM, "norm" }, { OP_ROPE, "rope" }, { OP_ACTIVATION, "activation" }, { OP_ADD, "add" }, { OP_EMBEDDING, "embedding" },
	{ OP_SOFTMAX, "softmax" }, { OP_SAMPLING, "sampling" }, { OP_KV_APPEND, "kv_append" },
};

static bool rows(const struct op *op, const char **name, struct shape *s)
{
	for (size_t i = 0; i < COUNT_OF(row_kernels); i++) {
		if (row_kernels[i].kind != op->kind)
			continue;
		*name = row_kernels[i].kernel;
		*s = (struct shape){ .m = op->m, .n = op->n };
		return op->kind != OP_KV_APPEND || format_of(op->kv_dtype == DTYPE_NONE ? op->dtype : op->kv_dtype, &s->kv_format);
	}
	return false;
}

bool gain_kernel(const struct op *op, const struct kernel_family **family, struct shape *shape)
{
	const char *name = NULL;
	bool ok;

	switch (op->kind) {
	case OP_GEMM: ok = product(op, &name, shape); break;
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: ok = attention(op, &name, shape); break;
	case OP_COPY:
		name = "copy";
		*shape = (struct shape){ .bytes = (int64_t)(op->bytes > 0 ? op->bytes : (double)(op->m * op->n) * dtype_bytes(op->dtype)) };
		ok = true;
		break;
	default: ok = rows(op, &name, shape); break;
	}
	*family = ok ? kernel_family_find(name) : NULL;
	return *family != NULL;
}
