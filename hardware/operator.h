/* What is priced: one operator on one device (or one collective over several), with its shape. Plain data. */
#ifndef HARDWARE_OPERATOR_H
#define HARDWARE_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

/* Number formats. FP8 = per-tensor scales, FP8_BLOCK = 128x128 block scales, FP4 = nvfp4/mxfp4 with block scales,
 * INT8_WO / INT4_WO = weight-only (16-bit activations). */
enum dtype {
	DTYPE_NONE, DTYPE_FP64, DTYPE_FP32, DTYPE_TF32, DTYPE_BF16, DTYPE_FP16, DTYPE_FP8, DTYPE_FP8_BLOCK, DTYPE_INT8,
	DTYPE_INT8_WO, DTYPE_INT4, DTYPE_INT4_WO, DTYPE_FP6, DTYPE_FP4, DTYPE_MXFP4, DTYPE_COUNT
};
extern const char *const dtype_names[];        /* "none" "fp64" ... NULL-terminated: also a FIELD_CHOICE list */
double dtype_bytes(enum dtype t);              /* of one stored element including block scales: bf16 2, fp8_block 1 + 4/16384, fp4 0.5 + 1/16 ... */
int dtype_parse(const char *text);             /* also aliases (float16, bfloat16, half, nvfp4, w4a16, e4m3 ...); -1 when unknown */

enum op_kind {
	OP_GEMM,               /* C[m,n] = A[m,k] B[k,n]; B are weights; batch > 1: that many independent products */
	OP_ATTENTION_PREFILL,  /* batch sequences, q_len new tokens each over kv_len tokens in all (kv_len >= q_len), causal */
	OP_ATTENTION_DECODE,   /* batch sequences, one new token each, kv_len = mean tokens attended (may be fractional in kv_sum) */
	OP_MLA_PREFILL,        /* the same over a latent cache: k = latent rank + rope dims */
	OP_MLA_DECODE,         /* absorbed: head_dim = k, v_head_dim = latent rank */
	OP_MOE,                /* routed experts: m tokens, hidden k, expert width n, `experts` on this device of experts_total, top_k a token */
	OP_ALL_REDUCE, OP_ALL_GATHER, OP_REDUCE_SCATTER, OP_ALL_TO_ALL, OP_SEND_RECV, OP_BROADCAST,   /* bytes = buffer of one rank: whole (gathered) for all_gather, reduce_scatter */
	OP_NORM, OP_ROPE, OP_ACTIVATION, OP_ADD, OP_EMBEDDING, OP_KV_APPEND, OP_COPY, OP_QUANTIZE, OP_SOFTMAX,   /* m tokens x n elements */
	OP_SAMPLING,           /* m sequences x n vocabulary entries */
	OP_ROUTER,             /* top-k selection of m tokens over n experts (its projection is a GEMM of its own) */
	OP_SCAN,               /* recurrent update (Mamba, RWKV, linear attention): m tokens, batch sequences, state bytes of one in `bytes`, FLOPs a token in n, elements a token in k */
	OP_CONV,               /* short causal convolution: m tokens x n channels, k taps */
	OP_HOST,               /* time of the serving software on the CPU: `bytes` carries seconds */
	OP_HOST_TRANSFER,      /* bytes over the host link (KV swap, offload) */
	OP_KIND_COUNT
};
extern const char *const op_kind_names[];      /* "gemm" "attention_prefill" ... NULL-terminated */
int op_kind_parse(const char *text);           /* -1 when unknown */

struct fit;
struct op {
	enum op_kind kind;
	enum dtype dtype;              /* of the arithmetic / the weights */
	enum dtype kv_dtype;           /* attention: of the cache (NONE = dtype) */
	int64_t m, n, k;               /* see op_kind */
	int64_t batch;                 /* sequences (attention, scan) or independent products (gemm); 0 counts as 1 */
	int64_t heads, kv_heads, head_dim, v_head_dim;   /* as this device sees them; v_head_dim 0 = head_dim */
	int64_t q_len;
	double kv_len;                 /* tokens attended per sequence (mean); 0 = q_len */
	int64_t window;                /* 0 = full attention */
	int64_t experts, experts_total, top_k;   /* experts held by this device; in the layer; chosen a token */
	bool gated;                    /* moe: three matrices an expert (gate, up, down), else two */
	bool chance;                   /* moe: tokens choose each for itself, as traffic does; else as the benchmark of the tables
					* deals them out (expert_load.h) */
	double imbalance;              /* moe: hottest device's tokens over the mean; 0 = 1 */
	double skew;                   /* moe: exponent s of the experts' popularity, rank^-s; 0 = all alike */
	double bytes;                  /* collectives: the buffer one rank holds (all_gather, reduce_scatter: the gathered
					* whole); copy: bytes copied; scan: state of one sequence; host: seconds */
	double stored_bytes;           /* of one stored element -- a weight of gemm and moe, a cached one of attention and
					* kv_append -- where packing differs from the format's, scales included; 0 = the format's */
	const struct fit *law;         /* the kernel's own law of times (fitted.h) instead of the device's; NULL = none */
	double unpack_ops;             /* vector operations that turn one of them into an operand; 0 = none */
	int devices;                   /* collectives: ranks */
	int devices_per_node;          /* collectives: ranks that share a scale-up domain; 0 = all */
	double near, far;              /* shares of the weights that stay in the chip's SRAM, and that stream from the next
					* memory tier (device.memory2); the rest lies in the device's memory */
	int far_ways;                  /* devices that stream such weights at once, each its own: a chain's; 0 = one */
	double region;                 /* part of the device that works on this operator; 0 = all of it */
};

/* Work that no implementation can avoid: FLOPs, and bytes that must move through the device's memory (or over the
 * link, for collectives). Formulas are documented in operator.c beside each kind. */
double op_flops(const struct op *op);
double op_bytes(const struct op *op);

/* op_bytes by what they are: weights (of products and experts), cache (keys, values, recurrent state), activations. */
struct op_traffic {
	double weights, cache, activations;
};
void op_traffic(const struct op *op, struct op_traffic *out);
/* Experts of a moe operator that at least one token chose, on this device (mean). */
double op_experts_touched(const struct op *op);
/* op_bytes of a moe operator whose touched experts are known: counting them is the most of it. */
double op_moe_bytes(const struct op *op, double touched);

#endif
