#include "hardware/roofline.h"

#include <math.h>

#include "hardware/casts.h"
#include "hardware/fitted.h"
#include "hardware/submission.h"

/* What software reaches on a kind of device, where its file says nothing. GPU rows: medians over A100 to GB300 of the
 * AIConfigurator tables (2026-08): the newer and narrower the format, the lower the share. The others are estimates:
 * compiler-scheduled chips lose less to launches; Trainium: 0.2 (prefill on Inferentia2) to 0.28 (published pretraining on
 * Trainium1) of peak; wafers and LPUs hold no measured share, 0.5 is assumed. */
struct shares {
	double gemm16, gemm8, gemm4, prefill, decode, memory, launch_s;
};
static const struct shares kind_shares[DEVICE_KIND_COUNT] = {
	[DEVICE_GPU] = { 0.70, 0.55, 0.38, 0.50, 0.80, 0.80, 2.5e-6 },
	[DEVICE_TPU] = { 0.75, 0.70, 0.70, 0.45, 0.80, 0.85, 1.5e-6 },
	[DEVICE_TRAINIUM] = { 0.30, 0.30, 0.30, 0.25, 0.64, 0.64, 3e-6 },
	[DEVICE_LPU] = { 0.50, 0.50, 0.50, 0.40, 0.50, 0.50, 0.2e-6 },
	[DEVICE_WAFER] = { 0.50, 0.50, 0.50, 0.40, 0.50, 0.50, 1e-6 },
	[DEVICE_DATAFLOW] = { 0.60, 0.55, 0.55, 0.45, 0.75, 0.75, 0.5e-6 },
	[DEVICE_BSP] = { 0.50, 0.50, 0.50, 0.35, 0.50, 0.50, 3e-6 },
	[DEVICE_MESH] = { 0.55, 0.55, 0.55, 0.40, 0.75, 0.80, 3e-6 },
	[DEVICE_MTIA] = { 0.60, 0.60, 0.60, 0.40, 0.75, 0.80, 1e-6 },
	[DEVICE_GAUDI] = { 0.75, 0.70, 0.70, 0.45, 0.75, 0.75, 4e-6 },
	[DEVICE_CPU] = { 0.60, 0.55, 0.50, 0.40, 0.75, 0.80, 5e-6 },
};

/* Expected relative errors: shares measured on this device; shares of its kind; a part that nobody could measure. */
static const double ERROR_KNOWN = 0.20, ERROR_KIND = 0.35, ERROR_ANNOUNCED = 0.50;

bool roofline_is_matrix(const struct op *op)
{
	return op->kind <= OP_MOE;
}

double roofline_peak(const struct device *d, const struct op *op)
{
	return roofline_is_matrix(op) ? device_peak(d, op->dtype, NULL)
				      : fmin(device_vector_peak(d), device_peak(d, op->dtype, NULL));
}

static double ceil_div(double a, double b)
{
	return ceil(a / b);
}

/* Tiles beyond the units wait for another wave; fewer leave units idle unless the work can be split (`splits`). */
static double wave_loss(double tiles, int64_t units, bool splits)
{
	double n = (double)units;

	if (units <= 1 || (tiles <= n && splits))
		return 1;
	return ceil_div(tiles, n) * n / tiles;
}

/* Prefill: tiles of tile_m queries run over whole tiles of keys, (p + 1) + (p + 2) + ... of them for each tile row; one
 * tile row of a head is one unit's work. */
static double padded_prefill(const struct op *op, double t, int64_t units)
{
	double q = (double)op->q_len, kv = fmax(op->kv_len, q), batch = op->batch > 0 ? (double)op->batch : 1;
	double rows = ceil_div(q, t), prior = (kv - q) / t, window = (double)op->window / t + 1, x = rows, pairs;
	struct op one = *op;

	if (op->window > 0)
		x = fmin(fmax(window - prior, 0), rows);
	pairs = (x * prior + x * (x + 1) / 2 + (rows - x) * window) * t * t;
	one.q_len = 1;
	one.kv_len = 1;
	one.window = 0;                        /* FLOPs of a single pair */
	return fmax(op_flops(&one) * pairs, op_flops(op)) * wave_loss(batch * (double)op->heads * rows, units, false);
}

/* Decode: the queries that share a cached head fill the rows of a matrix instruction only in part. */
static double padded_decode(const struct op *op, double t)
{
	double group = op->kv_heads > 0 ? (double)op->heads / (double)op->kv_heads : (double)op->heads;

	if (op->kind == OP_MLA_DECODE)
		group = (double)op->heads;
	group *= op->q_len > 1 ? (double)op->q_len : 1;
	return op_flops(op) * ceil_div(group, t) * t / fmax(group, 1);
}

double roofline_padded_flops(const struct op *op, int64_t tile_m, int64_t tile_n, int64_t tile_k, int64_t units)
{
	double m = (double)op->m, n = (double)op->n, k = (double)op->k, batch = op->batch > 0 ? (double)op->batch : 1,
	       padded;

	if ((op->kind == OP_ATTENTION_PREFILL || op->kind == OP_MLA_PREFILL) && tile_m > 0 && op->q_len > 0)
		return padded_prefill(op, (double)tile_m, units);
	if ((op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE) && tile_m > 0 && op->heads > 0)
		return padded_decode(op, (double)tile_m);
	if (op->kind != OP_GEMM)
		return op_flops(op);
	if (tile_m > 0)
		m = ceil_div(m, (double)tile_m) * (double)tile_m;
	if (tile_n > 0)
		n = ceil_div(n, (double)tile_n) * (double)tile_n;
	if (tile_k > 0)
		k = ceil_div(k, (double)tile_k) * (double)tile_k;
	padded = 2 * batch * m * n * k;
	if (tile_m > 0 && tile_n > 0)          /* products with few tiles are split along k */
		padded *= wave_loss(batch * (m / (double)tile_m) * (n / (double)tile_n), units, true);
	return padded;
}

/* The share of one figure: this dtype's entry, then its relatives', then the entry for all. NAN when none says. */
enum figure { GEMM, PREFILL, DECODE, MEMORY, LAUNCH };

static double figure_of(const struct device_efficiency *e, enum figure f)
{
	switch (f) {
	case GEMM: return e->gemm;
	case PREFILL: return e->attention_prefill;
	case DECODE: return e->attention_decode;
	case MEMORY: return e->memory;
	case LAUNCH: return e->launch_s;
	}
	return NAN;
}

static double entry(const struct device *d, enum dtype t, enum figure f)
{
	for (size_t i = 0; i < d->efficiency_count; i++)
		if (d->efficiencies[i].dtype == (int)t && !isnan(figure_of(&d->efficiencies[i], f)))
			return figure_of(&d->efficiencies[i], f);
	return NAN;
}

/* `runs` is the format that the units execute (device_peak), which decides the share of peak. */
static double measured_share(const struct device *d, enum dtype t, enum dtype runs, enum figure f)
{
	enum dtype relative = t == DTYPE_FP8_BLOCK ? DTYPE_FP8 : t == DTYPE_MXFP4 ? DTYPE_FP4 : t;
	enum dtype order[] = { t, runs, relative, DTYPE_BF16, DTYPE_NONE };

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		/* Another format's share of peak does not carry over; rates of memory and launches do. */
		if (f == GEMM && order[i] == DTYPE_BF16 && runs != DTYPE_BF16 && runs != DTYPE_FP16)
			continue;
		if (!isnan(entry(d, order[i], f)))
			return entry(d, order[i], f);
	}
	return NAN;
}

/* GPUs lower their clocks in large products until the board keeps its power limit. One figure explains what they reach in
 * every format, fp4 to bf16: with W watts of limit per TFLOP/s of peak a product takes 1 + ENERGY / W times its time at peak.
 * Median over H100, H200, B200, GB200 and GB300; A100, RTX PRO 6000 and B60, which had no part in it, reach 0.84 (bf16),
 * 0.84, 0.75, 0.62 (bf16, fp8, fp4) and 0.94 of their peaks, this says 0.85, 0.85, 0.74, 0.58 and 0.90. */
static const double ENERGY_J_FLOP = 0.23e-12;

double roofline_power_share(const struct device *d, enum dtype t)
{
	double peak = device_peak(d, t, NULL);

	return d->kind == DEVICE_GPU && d->power.tdp_w > 0 && peak > 0 ? 1 / (1 + ENERGY_J_FLOP * peak / d->power.tdp_w) : NAN;
}

static double kind_share(const struct device *d, enum dtype runs, enum figure f)
{
	const struct shares *s = &kind_shares[d->kind];

	switch (f) {
	case GEMM:
		if (!isnan(roofline_power_share(d, runs)))
			return roofline_power_share(d, runs);
		if (runs == DTYPE_FP4 || runs == DTYPE_FP6 || runs == DTYPE_INT4)
			return s->gemm4;
		return runs == DTYPE_FP8 || runs == DTYPE_INT8 ? s->gemm8 : s->gemm16;
	case PREFILL: return s->prefill;
	case DECODE: return s->decode;
	case MEMORY: return s->memory;
	case LAUNCH: return s->launch_s;
	}
	return 1;
}

static double share(const struct device *d, enum dtype t, enum figure f, bool *known)
{
	enum dtype runs;
	double own;

	device_peak(d, t, &runs);
	own = measured_share(d, t, runs, f);
	if (isnan(own)) {
		*known = false;
		return kind_share(d, runs, f);
	}
	return own;
}

/* How GPU kernels differ from one plain product, whatever the GPU: the law of fitted.h with coefficients typical of those
 * fitted to A100, H100, H200, B200, GB200, GB300 and RTX PRO 6000 (hardware/fits). Launches count in those of a 16-bit
 * product: formats with 8 and 4-bit operands quantise their activations first; attention runs as dependent kernels
 * (split, combine); experts as a sort, two grouped products and a sum. compute and memory multiply the device's shares;
 * a prefill share is that at head size 128, which half_k takes out again. */
struct habit {
	double launches, compute, memory, overlap;
	int64_t tile_m;
	double quantum, half_k, tile_s;
};
static const struct habit gemm16 = { 1, 1.08, 1.03, 0.8, 0, 0, 80, 0 };
static const struct habit gemm_fp8 = { 5.3, 1, 1.05, 0.6, 0, 0, 0, 0 };
static const struct habit gemm_fp8_block = { 2.3, 1, 1, 0.3, 0, 0, 0, 0 };
static const struct habit gemm_int8 = { 3, 1, 1, 0.3, 0, 0, 0, 0 };
static const struct habit gemm_wo = { 3.5, 1.05, 1.1, 0.3, 0, 0, 0, 0 };
static const struct habit gemm_fp4 = { 3.8, 1, 0.9, 0.75, 0, 0, 0, 0 };
static const struct habit prefill = { 4.3, 1.39, 0.40, 0.2, 64, 0.8, 50, 1.2e-6 };
static const struct habit decode = { 4.2, 1.2, 1.06, 0.8, 0, 0, 0, 2.2e-6 };
static const struct habit latent_prefill = { 5.3, 1.2, 0.45, 0.4, 64, 0.8, 0, 2e-6 };
static const struct habit latent_decode = { 5.3, 1.4, 1.05, 0.7, 0, 0, 0, 4.5e-6 };
static const struct habit experts = { 12, 0.65, 1.06, 0.3, 0, 0, 0, 8e-6 };

static const struct habit *gpu_habit(const struct device *d, const struct op *op)
{
	switch (op->kind) {
	case OP_GEMM: break;
	case OP_ATTENTION_PREFILL: return &prefill;
	case OP_ATTENTION_DECODE: return &decode;
	case OP_MLA_PREFILL: return &latent_prefill;
	case OP_MLA_DECODE: return &latent_decode;
	case OP_MOE: return &experts;
	default: return NULL;
	}
	if ((op->dtype == DTYPE_FP8 || op->dtype == DTYPE_FP8_BLOCK) && casts_fp8(d))
		return &gemm_wo;
	switch (op->dtype) {
	case DTYPE_FP8: return &gemm_fp8;
	case DTYPE_FP8_BLOCK: return &gemm_fp8_block;
	case DTYPE_INT8: case DTYPE_INT4: return &gemm_int8;
	case DTYPE_INT8_WO: case DTYPE_INT4_WO: return &gemm_wo;
	case DTYPE_FP6: case DTYPE_FP4: case DTYPE_MXFP4: return &gemm_fp4;
	default: return &gemm16;
	}
}

double roofline_stream_share(const struct device *d, const struct stack *stack, enum op_kind kind)
{
	if (d->kind != DEVICE_GPU)
		return 1;
	switch (kind) {
	case OP_NORM: return stack && stack->norm_share > 0 ? stack->norm_share : 0.5;
	case OP_SOFTMAX: return 0.5;
	case OP_ROPE: return 0.6;
	case OP_ACTIVATION: return 0.65;
	default: return 1;
	}
}

/* Which shares rule an operator: of arithmetic and of bandwidth. */
static void shares_of(const struct op *op, enum figure *compute, enum figure *memory)
{
	*compute = GEMM;
	*memory = MEMORY;
	if (op->kind == OP_ATTENTION_PREFILL || op->kind == OP_MLA_PREFILL) {
		*compute = PREFILL;
	} else if (op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE) {
		*compute = PREFILL;
		*memory = DECODE;
	}
}

/* Systolic arrays pad to their size; on GPUs the shares already contain the mean loss to tiles and waves. */
static void pad(const struct device *d, const struct op *op, struct op_cost *out, double compute_share)
{
	double padded = roofline_padded_flops(op, d->units.tile_m, d->units.tile_n, d->units.tile_k, 0);
	double seconds = padded / (roofline_peak(d, op) * compute_share);

	if (d->kind == DEVICE_GPU || op->kind != OP_GEMM || out->seconds >= seconds)
		return;
	out->seconds = seconds;
	out->bound = BOUND_COMPUTE;
}

void roofline_shares(const struct device *d, const struct op *op, struct roofline_shares *out)
{
	enum figure compute, memory;

	*out = (struct roofline_shares){ .compute = 1, .known = true };
	shares_of(op, &compute, &memory);
	if (roofline_is_matrix(op))
		out->compute = share(d, op->dtype, compute, &out->known);
	out->memory = share(d, op->dtype, memory, &out->known);
	out->launch_s = share(d, op->dtype, LAUNCH, &(bool){ true });
}

double roofline_error(const struct device *d, bool known)
{
	return d->status == DEVICE_ANNOUNCED ? ERROR_ANNOUNCED : known ? ERROR_KNOWN : ERROR_KIND;
}

/* Exponentials beside products: FLOPs of the matrix units in the time of one exponential, relative to H100's 16-bit ones (4,096
 * FLOPs and 16 exponentials a clock and SM; FlashAttention-3, arXiv:2407.08608, section 3.1). Matrix rates grew eightfold from A100
 * to B200, exponentials did not. They run in 16 or 32 bits whatever the products do. */
static double exponentials(const struct device *d, const struct op *op)
{
	static const double H100_FLOPS = 4096.0 / 16, USUAL_EXP = 16;
	double exps = d->units.exp_per_clock > 0 ? d->units.exp_per_clock : USUAL_EXP;

	if (!(d->units.clock_hz > 0) || d->units.count <= 0)
		return fmax(roofline_peak(d, op) / device_peak(d, DTYPE_BF16, NULL), 1);
	return roofline_peak(d, op) / ((double)d->units.count * d->units.clock_hz * exps) / H100_FLOPS;
}

/* What a block of decode takes beyond its keys and values is waiting, for memory and for its own parts: blocks that a unit holds at once
 * wait together. The habit is that of kernels whose shared memory leaves room for one block (FlashAttention, TensorRT-LLM). */
static double blocks_at_once(const struct device *d, const struct op *op)
{
	bool decodes = op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE;

	return decodes && d->units.decode_blocks > 1 ? (double)d->units.decode_blocks : 1;
}

/*
 * Products in 32 bits whose results are few tiles take as long as one unit walks through all of k: fp32 without matrix units tiles of
 * 32 x 64, tf32 of 64 x 128. Up to 16 rows the walk is split, by four and by two, and a second kernel adds up the parts. A router of
 * 6,144 x 256 on GB200, with the cast of its rows (vllm-project/vllm pull request 47973, microseconds at 4 to 16 rows, 32 to 128, 256,
 * 1,024): fp32 17 to 22, 63 to 69, 78, 111; tf32 12, 20, 23, 33; units at four fifths of their rate say 18, 55 and 12, 17 without the cast.
 */
static void walk_of_wide(const struct device *d, const struct op *op, struct op_cost *out)
{
	static const double RATE = 0.8, FEW = 16;
	bool matrix = op->dtype == DTYPE_TF32;
	double tile = matrix ? 64 * 128 : 32 * 64, parts = (double)op->m > FEW ? 1 : matrix ? 2 : 4, peak, walk_s;
	enum dtype runs;

	peak = device_peak(d, op->dtype, &runs);
	if (op->kind != OP_GEMM || d->kind != DEVICE_GPU || (op->dtype != DTYPE_FP32 && !matrix) || runs != op->dtype || d->units.count <= 0 || op->m <= 1)
		return;
	walk_s = 2 * tile * (double)op->k / parts / (RATE * peak / (double)d->units.count);
	walk_s += share(d, op->dtype, LAUNCH, &(bool){ true }) * (parts > 1 ? 2 : 1);
	if (out->seconds < walk_s)
		out->seconds = walk_s, out->bound = BOUND_COMPUTE;
}

void roofline_op(const struct device *d, const struct op *op, struct op_cost *out)
{
	roofline_op_under(d, NULL, op, out);
}

void roofline_op_under(const struct device *d, const struct stack *stack, const struct op *op, struct op_cost *out)
{
	const struct habit *habit = d->kind == DEVICE_GPU ? gpu_habit(d, op) : NULL;
	struct fit fit = { .op = (int)op->kind, .overlap = 1, .compute = 1 };
	enum figure compute, memory;
	bool known = true;

	shares_of(op, &compute, &memory);
	if (roofline_is_matrix(op))
		fit.compute = share(d, op->dtype, compute, &known);
	fit.memory = share(d, op->dtype, memory, &known) * roofline_stream_share(d, stack, op->kind);
	fit.launch_s = share(d, op->dtype, LAUNCH, &(bool){ true });
	if (op->kind == OP_MOE && op->dtype == DTYPE_MXFP4)
		fit.compute *= fmin(device_peak(d, DTYPE_BF16, NULL) / roofline_peak(d, op), 1);
	if (habit) {
		fit.launch_s *= habit->launches;
		fit.compute = fmin(fit.compute * habit->compute, 1);
		fit.memory = fmin(fit.memory * habit->memory, 1);
		fit.overlap = habit->overlap;
		fit.tile_m = habit->tile_m;
		fit.quantum = habit->quantum;
		fit.half_k = habit->half_k;
		if (op->kind == OP_ATTENTION_PREFILL)
			fit.half_k *= exponentials(d, op);
		fit.tile_s = habit->tile_s / blocks_at_once(d, op);
	}
	fit_price(&fit, d, op, out);
	pad(d, op, out, fit.compute);
	walk_of_wide(d, op, out);
	out->seconds += cast_seconds(d, op);
	if (out->seconds < submission_s(d, op)) {
		out->seconds = submission_s(d, op);
		out->bound = BOUND_LATENCY;
	}
	out->provider = PROVIDER_ANALYTIC;
	out->rel_error = roofline_error(d, known);
}
