#include "hardware/casts.h"

#include <math.h>

bool casts_fp8(const struct device *d)
{
	enum dtype used;
	double peak = device_peak(d, DTYPE_FP8, &used);

	return d->kind == DEVICE_GPU && (used != DTYPE_FP8 || !(peak > device_peak(d, DTYPE_BF16, NULL)));
}

static bool is_fp8(enum dtype t)
{
	return t == DTYPE_FP8 || t == DTYPE_FP8_BLOCK;
}

/* Keys and values that are widened. Decode does so once a cached head. In prefill the threads of a group of cast8_rows queries
 * (FlashAttention-2's split: queries over threads, each of which walks the keys that it sees) widen them for themselves. */
static double values_widened(const struct device *d, const struct op *op)
{
	double batch = op->batch > 0 ? (double)op->batch : 1, q = op->q_len > 0 ? (double)op->q_len : 1;
	double rows = d->units.cast8_rows > 0 ? (double)d->units.cast8_rows : 1, kv = fmax(op->kv_len, q);
	double seen = op->window > 0 ? fmin(kv, (double)op->window) : kv;

	if (op->kind == OP_ATTENTION_DECODE)
		return 2 * batch * (double)(op->kv_heads > 0 ? op->kv_heads : op->heads) * (double)op->head_dim * seen;
	seen = fmin(seen, kv - fmax(q - rows, 0) / 2);
	return 2 * batch * (double)op->heads * fmax(q / rows, 1) * (double)op->head_dim * seen;
}

double cast_seconds(const struct device *d, const struct op *op)
{
	if ((op->kind != OP_ATTENTION_PREFILL && op->kind != OP_ATTENTION_DECODE) || !is_fp8(op->kv_dtype) || !(d->units.cast8_ops > 0) ||
	    !casts_fp8(d))
		return 0;
	return values_widened(d, op) * d->units.cast8_ops / (device_vector_peak(d) / 2);
}
