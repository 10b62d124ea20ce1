/* What the execution models share: padding, memory tiers, fusion, the floor; and the list of them. */
#include "hardware/exec.h"

#include <math.h>

#include "base/str.h"
#include "hardware/roofline.h"

const char *const fusion_names[] = { "none", "elementwise", "layer", "chip", NULL };
const char *const cached_weights_names[] = { "no", "all", "pinned", NULL };

#define EXEC_KINDS(X) \
	X(systolic, "systolic") X(dataflow, "dataflow") X(sram_pipeline, "sram-pipeline") X(wafer, "wafer") X(bsp, "bsp") \
	X(tensix, "tensix") X(pe_grid, "pe-grid") X(cpu, "cpu")
#define X(id, text) extern const struct exec_ops exec_##id;
EXEC_KINDS(X)
#undef X
#define X(id, text) &exec_##id,
const struct exec_ops *const exec_kinds[] = { NULL, EXEC_KINDS(X) };
#undef X
#define X(id, text) text,
const char *const exec_kind_names[] = { "none", EXEC_KINDS(X) NULL };
#undef X
_Static_assert(COUNT_OF(exec_kinds) == EXEC_KIND_COUNT, "EXEC_KIND_COUNT");

double exec_region(const struct op *op)
{
	return op->region > 0 && op->region < 1 ? op->region : 1;
}

static bool is_mixer(enum op_kind kind)
{
	return (kind >= OP_ATTENTION_PREFILL && kind <= OP_MLA_DECODE) || kind == OP_SCAN;
}

static bool is_elementwise(enum op_kind kind)
{
	return (kind >= OP_NORM && kind <= OP_SOFTMAX && kind != OP_EMBEDDING && kind != OP_COPY) || kind == OP_ROUTER ||
	       kind == OP_CONV;
}

bool exec_joined(const struct execution *e, enum op_kind kind)
{
	switch (e->fusion) {
	case FUSION_ELEMENTWISE: return is_elementwise(kind);
	case FUSION_LAYER: return !is_mixer(kind) && kind != OP_EMBEDDING && kind != OP_SAMPLING && kind != OP_COPY;
	case FUSION_CHIP: return true;
	default: return false;
	}
}

bool exec_on_chip(const struct execution *e, enum op_kind kind)
{
	return e->activations_on_chip || exec_joined(e, kind) || e->fusion == FUSION_LAYER;
}

static int64_t power_of_two(int64_t v, int64_t least)
{
	int64_t p = least;

	while (p < v && p < INT64_MAX / 2)
		p *= 2;
	return p;
}

static double padded(double v, int64_t tile)
{
	return tile > 1 ? ceil(v / (double)tile - 1e-9) * (double)tile : v;
}

struct op exec_bucketed(const struct execution *e, const struct op *op)
{
	struct op out = *op;
	bool decode = op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE;

	if (e->bucket_tokens > 0 && !is_mixer(op->kind) && op->m > 0)
		out.m = power_of_two(op->m, e->bucket_tokens);
	/* Prefill runs over the bucket of its new tokens; what precedes them is read as it is. */
	if (e->bucket_tokens > 0 && is_mixer(op->kind) && !decode && op->q_len > 0) {
		out.q_len = power_of_two(op->q_len, e->bucket_tokens);
		out.kv_len = fmax(op->kv_len, (double)op->q_len) + (double)(out.q_len - op->q_len);
	}
	if (e->bucket_context > 0 && decode && op->kv_len > 0)
		out.kv_len = (double)power_of_two((int64_t)ceil(op->kv_len), e->bucket_context);
	if (decode)
		out.kv_len = padded(out.kv_len, e->block_context);
	return out;
}

/* One product of m rows past stationary tiles of k x n. */
static double product_flops(const struct device *d, double m, double n, double k)
{
	m = fmax(padded(m, d->units.tile_m), (double)d->execution.load_rows);
	return 2 * m * padded(n, d->units.tile_n) * padded(k, d->units.tile_k);
}

/* Scores: the rows of a cached head against its keys; then weights against values. Causal prefill works on whole tiles: a
 * tile row of queries on its prior tokens and, on the diagonal, on half of its own and half a tile more. */
static double attention_flops(const struct device *d, const struct op *op)
{
	double batch = op->batch > 0 ? (double)op->batch : 1, shared = (double)(op->kv_heads > 0 ? op->kv_heads : op->heads);
	double rows = (double)op->heads / shared, q = (double)(op->q_len > 0 ? op->q_len : 1), kv = fmax(op->kv_len, q);
	double qk = (double)(op->head_dim > 0 ? op->head_dim : op->k);
	double v = (double)(op->v_head_dim > 0 ? op->v_head_dim : op->head_dim > 0 ? op->head_dim : op->k);
	int64_t tile = d->units.tile_n > 1 ? d->units.tile_n : 1;

	if (op->kind == OP_MLA_DECODE) {
		rows = (double)op->heads, shared = 1;
		qk = fmax(qk, (double)op->k);
	}
	if (op->kind == OP_ATTENTION_PREFILL || op->kind == OP_MLA_PREFILL)
		kv = kv - q + (padded(q, tile) + (double)tile) / 2;
	if (op->window > 0)
		kv = fmin(kv, (double)(op->window + tile));
	rows *= q;
	return batch * shared * (product_flops(d, rows, kv, qk) + product_flops(d, rows, v, kv));
}

double exec_padded_flops(const struct device *d, const struct op *op)
{
	double flops = op_flops(op), batch = op->batch > 0 ? (double)op->batch : 1, touched, rows;

	switch (op->kind) {
	case OP_GEMM:
		return fmax(batch * product_flops(d, (double)op->m, (double)op->n, (double)op->k), flops);
	case OP_MOE:
		touched = op_experts_touched(op);
		if (!(touched > 0 && op->n > 0 && op->k > 0))
			return flops;
		rows = flops / (2 * touched * (double)op->n * (double)op->k * (op->gated ? 3 : 2));
		return fmax(touched * (op->gated ? 3 : 2) * product_flops(d, rows, (double)op->n, (double)op->k), flops);
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: case OP_MLA_PREFILL: case OP_MLA_DECODE:
		return fmax(attention_flops(d, op), flops);
	default:
		return flops;
	}
}

double exec_compute_s(const struct device *d, const struct op *op)
{
	struct roofline_shares s;

	roofline_shares(d, op, &s);
	return exec_padded_flops(d, op) / (roofline_peak(d, op) * s.compute * exec_region(op));
}

double exec_load_s(const struct device *d, const struct op *op)
{
	struct op_traffic t;

	if (!(d->execution.load_bytes_s > 0) || !roofline_is_matrix(op))
		return 0;
	op_traffic(op, &t);
	return (t.weights + t.cache) / (d->execution.load_bytes_s * exec_region(op));
}

static const double FAR_SHARE = 0.85;          /* of an outside link, by long copies: as of PCIe by pinned ones; recalled, typical */

/* Bytes by the memory they lie in. */
struct places {
	double main, far, chip;
};

/* Stored bytes over those of the format: block floating point keeps an exponent of a byte for every so many values of a byte. (4-bit
 * formats count theirs: dtype_bytes.) */
static double exponents(const struct device *d, enum dtype t)
{
	return t == DTYPE_FP8 && d->execution.shared_exponent > 0 ? 1 + 1.0 / (double)d->execution.shared_exponent : 1;
}

static void place(const struct device *d, const struct op *op, struct places *out)
{
	double near = fmin(fmax(op->near, 0), 1), far = fmin(fmax(op->far, 0), 1 - near), room = d->sram.bytes;
	struct op_traffic t;
	bool inside;

	op_traffic(op, &t);
	if ((op->kind == OP_ATTENTION_DECODE || op->kind == OP_ATTENTION_PREFILL) && op->kv_heads > 0)
		t.cache *= fmax((double)d->execution.ranks / (double)op->kv_heads, 1);
	t.weights *= exponents(d, op->dtype);
	t.cache *= exponents(d, op->kv_dtype);
	/* A joined operator works on what streams past; others leave the chip when the tensors do not fit it. */
	inside = exec_joined(&d->execution, op->kind) || d->execution.fusion == FUSION_LAYER ||
		 (exec_on_chip(&d->execution, op->kind) && (!(room > 0) || t.activations <= room / 2));
	*out = (struct places){ .main = t.weights * (1 - near - far) + t.cache, .far = t.weights * far, .chip = t.weights * near };
	*(inside ? &out->chip : &out->main) += t.activations;
}

/* What weights come in at from the next tier: they wait for no token, so that a chain's devices fetch theirs all the time. */
static double far_bytes_s(const struct device *d, const struct op *op)
{
	return d->memory2.bytes_s * (op->far_ways > 1 ? op->far_ways : 1);
}

double exec_memory_s(const struct device *d, const struct op *op, double *bytes)
{
	struct roofline_shares s;
	struct places p;
	double seconds;

	roofline_shares(d, op, &s);
	place(d, op, &p);
	*bytes = p.main + p.far;
	seconds = p.main / (device_bandwidth(d) * s.memory * exec_region(op));
	if (p.far > 0 && d->memory2.bytes_s > 0)
		seconds = fmax(seconds, p.far / (far_bytes_s(d, op) * FAR_SHARE));
	if (d->sram.bytes_s > 0)
		seconds = fmax(seconds, p.chip / (d->sram.bytes_s * exec_region(op)));
	return seconds;
}

double exec_start_s(const struct device *d, const struct op *op)
{
	struct roofline_shares s;
	double depth = d->execution.depth_s > 0 ? d->execution.depth_s : 0;

	roofline_shares(d, op, &s);
	return (exec_joined(&d->execution, op->kind) ? 0 : s.launch_s) + depth;
}

double exec_floor_s(const struct device *d, const struct op *op)
{
	double region = exec_region(op), near = fmin(fmax(op->near, 0), 1), far = fmin(fmax(op->far, 0), 1 - near), floor_s;
	struct op_traffic t;

	op_traffic(op, &t);
	floor_s = fmax(op_flops(op) / (roofline_peak(d, op) * region),
		       (t.weights * (1 - near - far) + t.cache) / (device_bandwidth(d) * region));
	if (far > 0 && d->memory2.bytes_s > 0)
		floor_s = fmax(floor_s, t.weights * far / far_bytes_s(d, op));
	if (near > 0 && d->sram.bytes_s > 0)
		floor_s = fmax(floor_s, t.weights * near / (d->sram.bytes_s * region));
	return floor_s;
}

void exec_finish(const struct device *d, const struct op *op, double start, double compute, double memory, double network,
		 struct op_cost *out)
{
	double most = fmax(compute, fmax(memory, network));

	out->flops = op_flops(op);
	out->seconds = fmax(start + most, exec_floor_s(d, op));
	if (!(out->flops > 0 || op_bytes(op) > 0))
		out->seconds = 0;
	out->bound = start > most || network >= fmax(compute, memory) ? BOUND_LATENCY : compute >= memory ? BOUND_COMPUTE : BOUND_MEMORY;
}

bool exec_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	const struct exec_ops *ops = exec_kinds[d->execution.kind];
	struct roofline_shares s;
	struct op whole;

	if (!ops)
		return false;
	whole = exec_bucketed(&d->execution, op);
	ops->price(d, &whole, out);
	roofline_shares(d, op, &s);
	out->flops = op_flops(op);
	out->provider = PROVIDER_ANALYTIC;
	out->extrapolated = false;
	out->rel_error = roofline_error(d, s.known);
	if (d->execution.rel_error > 0)
		out->rel_error = d->status == DEVICE_ANNOUNCED ? fmax(out->rel_error, d->execution.rel_error) : d->execution.rel_error;
	return true;
}
