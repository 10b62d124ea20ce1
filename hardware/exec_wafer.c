/* A wafer of small cores on a mesh. Weights lie in the cores' SRAM, a layer in a region of its own (op.region), so that the
 * rates of the region count, and a batch of one is paced by how far values travel: a product spreads its operands over the
 * region's rows and adds partial sums up along its columns,
 *
 *     network = 2 side hop + 2 sqrt(side) add + m (k in + 4 n) / side / (network / cores)          side = sqrt(cores region)
 *
 * (32-bit sums, added up in groups of sqrt(side) cores and then over the groups: the two-level tree of WaferLLM's MeshGEMV,
 * arXiv 2502.04563); attention does that twice and finds its maximum and its sum in
 * between; a norm adds up once and spreads the result. Weights that stream from outside (op.far) come over the wafer's network interface. */
#include "hardware/exec.h"

#include <math.h>

#include "hardware/roofline.h"

/* Sums over the side of a region, each with values spread over it before. */
static double sums(const struct op *op)
{
	switch (op->kind) {
	case OP_GEMM: return 1;
	case OP_MOE: return 2;                 /* up (the gate goes with it) and down */
	case OP_ATTENTION_PREFILL: case OP_ATTENTION_DECODE: case OP_MLA_PREFILL: case OP_MLA_DECODE: return 3;
	case OP_NORM: case OP_SOFTMAX: case OP_SAMPLING: case OP_ROUTER: case OP_QUANTIZE: return 1;
	default: return 0;
	}
}

/* Bytes that a row or column of cores sends past one core. */
static double line_bytes(const struct op *op, double side)
{
	struct op_traffic t;

	if (op->kind == OP_GEMM)
		return (double)op->m * ((double)op->k * dtype_bytes(op->dtype) + 4 * (double)op->n) / side;
	op_traffic(op, &t);
	return t.activations / side;
}

static void wafer_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	const struct execution *e = &d->execution;
	double units = d->units.count > 0 ? (double)d->units.count : 1, side = fmax(sqrt(units * exec_region(op)), 1), start, line = 0;
	double memory = exec_memory_s(d, op, &out->bytes), compute = exec_compute_s(d, op);

	start = exec_start_s(d, op) + sums(op) * (2 * side * (e->hop_s > 0 ? e->hop_s : 0) + 2 * sqrt(side) * (e->add_s > 0 ? e->add_s : 0));
	if (e->noc_bytes_s > 0)
		line = line_bytes(op, side) / (e->noc_bytes_s / units);
	exec_finish(d, op, start, compute, memory, line, out);
}
const struct exec_ops exec_wafer = { .name = "wafer", .help = "layers in regions of a wafer's mesh, or weights streamed through it",
				     .price = wafer_price };
