#include "hardware/roofline.h"

#include <math.h>

/* What software reaches on a kind of device, where its file says nothing. GPU rows: medians over A100 to GB300 of the
 * AIConfigurator tables (2026-08): the newer and narrower the format, the lower the share. The others are estimates:
 * compiler-scheduled chips lose less to launches; wafers and LPUs hold no measured share, 0.5 is assumed. */
struct shares {
	double gemm16, gemm8, gemm4, prefill, decode, memory, launch_s;
};
static const struct shares kind_shares[DEVICE_KIND_COUNT] = {
	[DEVICE_GPU] = { 0.70, 0.55, 0.38, 0.50, 0.80, 0.80, 3.5e-6 },
	[DEVICE_TPU] = { 0.75, 0.70, 0.70, 0.45, 0.80, 0.85, 1.5e-6 },
	[DEVICE_TRAINIUM] = { 0.65, 0.55, 0.55, 0.40, 0.70, 0.75, 3e-6 },
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
	return roofline_is_matrix(op) ? device_peak(d, op->dtype, NULL) : fmin(device_vector_peak(d), device_peak(d, op->dtype, NULL));
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
	double rows = ceil_div(q, t), prior = (kv - q) / t, x = rows, pairs, exact = op_flops(op), plain;

	if (op->window > 0)
		x = fmin(fmax((double)op->window / t + 1 - prior, 0), rows);
	pairs = (x * prior + x * (x + 1) / 2 + (rows - x) * ((double)op->window / t + 1)) * t * t;
	if (op->window > 0)
		plain = fmin((double)op->window, kv) * q;    /* an upper bound of the pairs that count */
	else
		plain = q * (kv - q) + q * (q + 1) / 2;
	return fmax(exact * fmax(pairs / plain, 1), exact) * wave_loss(batch * (double)op->heads * rows, units, false);
}

/* Decode: the queries that share a cached head fill the rows of a matrix instruction only in part. */
static double padded_decode(const struct op *op, double t)
{
	double group = op->kv_heads > 0 ? (double)op->heads / (double)op->kv_heads : (double)op->heads;

	if (op->kind == OP_MLA_DECODE)
		group = (double)op->heads;
	return op_flops(op) * ceil_div(group, t) * t / fmax(group, 1);
}

double roofline_padded_flops(const struct op *op, int64_t tile_m, int64_t tile_n, int64_t tile_k, int64_t units)
{
	double m = (double)op->m, n = (double)op->n, k = (double)op->k, batch = op->batch > 0 ? (double)op->batch : 1, padded;

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
	enum dtype order[] = { t, runs, t == DTYPE_FP8_BLOCK ? DTYPE_FP8 : t == DTYPE_MXFP4 ? DTYPE_FP4 : t, DTYPE_BF16, DTYPE_NONE };

	for (size_t i = 0; i < COUNT_OF(order); i++) {
		/* Another format's share of peak does not carry over; rates of memory and launches do. */
		if (f == GEMM && order[i] == DTYPE_BF16 && runs != DTYPE_BF16 && runs != DTYPE_FP16)
			continue;
		if (!isnan(entry(d, order[i], f)))
			return entry(d, order[i], f);
	}
	return NAN;
}

static double kind_share(const struct device *d, enum dtype runs, enum figure f)
{
	const struct shares *s = &kind_shares[d->kind];

	switch (f) {
	case GEMM:
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

/* Systolic arrays pad; on GPUs the shares already contain the mean loss to tiles and waves. */
static double charged_flops(const struct device *d, const struct op *op)
{
	if (d->kind == DEVICE_GPU || d->kind == DEVICE_CPU || op->kind != OP_GEMM)
		return op_flops(op);
	return roofline_padded_flops(op, d->units.tile_m, d->units.tile_n, d->units.tile_k, 0);
}

void roofline_op(const struct device *d, const struct op *op, struct op_cost *out)
{
	enum figure compute_figure, memory_figure;
	bool known = true;
	double compute, memory, launch, peak = roofline_peak(d, op);

	out->flops = op_flops(op);
	out->bytes = op_bytes(op);
	shares_of(op, &compute_figure, &memory_figure);
	compute = roofline_is_matrix(op) ? charged_flops(d, op) / (peak * share(d, op->dtype, compute_figure, &known)) : out->flops / peak;
	memory = out->bytes / (device_bandwidth(d) * share(d, op->dtype, memory_figure, &known));
	launch = share(d, op->dtype, LAUNCH, &(bool){ true });
	out->seconds = out->flops + out->bytes > 0 ? launch + fmax(compute, memory) : 0;
	out->bound = launch > fmax(compute, memory) ? BOUND_LATENCY : compute > memory ? BOUND_COMPUTE : BOUND_MEMORY;
	out->provider = PROVIDER_ANALYTIC;
	out->extrapolated = false;
	out->rel_error = d->status == DEVICE_ANNOUNCED ? ERROR_ANNOUNCED : known ? ERROR_KNOWN : ERROR_KIND;
}
