/* Work dealt out to tiles with memory of their own. The last one to finish decides, so that pieces which do not divide evenly
 * leave tiles idle.
 *
 *   bsp      Graphcore: all tiles compute, meet at a barrier, then exchange; the three phases do not overlap,
 *                seconds = start + compute + sync + (received and sent by the busiest tile) / (network / tiles)
 *   tensix   Tenstorrent: 32 x 32 tiles of the result dealt over cores; DRAM, network and arithmetic overlap. Decode steps (one tile of
 *            rows) read weights at the banks' full rate only through the core next to each bank, and these cores multiply what they
 *            read (tt-metal, tech_reports/Saturating_DRAM_bandwidth): 12 of 64 or 8 of 120 have to keep up with the memory. Dealt over
 *            all cores a product reads interleaved tensors, whose ways cross; the faster of both counts. */
#include "hardware/exec.h"

#include <math.h>

#include "hardware/roofline.h"

/* Idle tiles of the last wave, over the work. */
static double wave_loss(double pieces, double units)
{
	return units > 1 && pieces > 0 ? fmax(ceil(pieces / units - 1e-9) * units / pieces, 1) : 1;
}

static double ways(double extent, int64_t tile)
{
	return ceil(extent / (double)(tile > 0 ? tile : 1) - 1e-9);
}

static double units_of(const struct device *d)
{
	return d->units.count > 0 ? (double)d->units.count : 1;
}

/* Tiles of the result that can be worked on apart. Products with few of them are cut along the depth as well (bsp). */
static double pieces(const struct device *d, const struct op *op, bool deep)
{
	double batch = op->batch > 0 ? (double)op->batch : 1;

	switch (op->kind) {
	case OP_GEMM:
		return batch * ways((double)op->m, d->units.tile_m) * ways((double)op->n, d->units.tile_n) *
		       (deep ? ways((double)op->k, d->units.tile_k) : 1);
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL:
		return batch * (double)op->heads * ways((double)op->q_len, d->units.tile_n);
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE:  /* the cache is cut as well: flash decoding */
		return batch * (double)(op->kv_heads > 0 ? op->kv_heads : 1) * ways(op->kv_len, d->units.tile_n);
	default:
		return 0;
	}
}

/* What one tile of a grid gn x gk over a product's columns and depth gets and gives: its share of the operands' depth, and
 * partial sums of its columns; the best shape of the grid balances them. */
static double exchanged_bytes(const struct device *d, const struct op *op)
{
	double units = units_of(d), in = (double)op->m * (double)op->k * dtype_bytes(op->dtype), out = (double)op->m * (double)op->n * 4,
	       gn;
	struct op_traffic t;

	if (op->kind == OP_GEMM) {
		gn = fmin(fmax(sqrt(units * out / fmax(in, 1)), 1), units);
		return in / (units / gn) + out / gn;
	}
	op_traffic(op, &t);
	return t.activations / units;
}

static void bsp_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	const struct execution *e = &d->execution;
	double memory = exec_memory_s(d, op, &out->bytes), compute = exec_compute_s(d, op), exchange = 0,
	       sync = e->sync_s > 0 ? e->sync_s : 0;

	if (roofline_is_matrix(op)) {
		compute *= wave_loss(pieces(d, op, true), units_of(d));
		sync *= 2;                     /* operands in, partial sums out */
	}
	if (e->noc_bytes_s > 0)
		exchange = exchanged_bytes(d, op) / (e->noc_bytes_s / units_of(d));
	exec_finish(d, op, exec_start_s(d, op) + sync + exchange, compute, memory, 0, out);
}
const struct exec_ops exec_bsp = { .name = "bsp", .help = "tiles that compute, synchronise and exchange in turn", .price = bsp_price };

/* Of a core's rate, by loops over tiles in its SRAM: best shapes reach 93 % on Wormhole and 96 % on Blackhole (tt-metal,
 * tech_reports/GEMM_FLOPS). */
static const double CORE_SHARE = 0.93;

static bool beside_banks(const struct device *d, const struct op *op)
{
	return d->execution.bank_cores > 0 && op->m <= d->units.tile_m && op->batch <= 1;
}

static double bank_cores_s(const struct device *d, const struct op *op)
{
	return exec_padded_flops(d, op) / (roofline_peak(d, op) * (double)d->execution.bank_cores / units_of(d) * CORE_SHARE);
}

/* A product by either way: the times of arithmetic and memory. */
static void product_ways(const struct device *d, const struct op *op, double *compute, double *memory)
{
	double dealt = *compute, apart = *memory, banks;
	struct roofline_shares s;

	roofline_shares(d, op, &s);
	if (d->execution.interleaved > 0)
		apart *= fmax(s.memory / d->execution.interleaved, 1);
	banks = beside_banks(d, op) ? bank_cores_s(d, op) : INFINITY;
	if (fmax(banks, *memory) < fmax(dealt, apart))
		*compute = banks;
	else
		*memory = apart;
}

static void tensix_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	const struct execution *e = &d->execution;
	double memory = exec_memory_s(d, op, &out->bytes), compute = exec_compute_s(d, op), network = 0;

	if (roofline_is_matrix(op) && op->kind != OP_MOE)
		compute *= wave_loss(pieces(d, op, false), units_of(d));
	if (op->kind == OP_GEMM)
		product_ways(d, op, &compute, &memory);
	if (e->noc_bytes_s > 0)
		network = op_bytes(op) / e->noc_bytes_s;
	exec_finish(d, op, exec_start_s(d, op), compute, memory, network, out);
}
const struct exec_ops exec_tensix = { .name = "tensix", .help = "cores with SRAM on a mesh, 32 x 32 tiles dealt over them",
				      .price = tensix_price };
