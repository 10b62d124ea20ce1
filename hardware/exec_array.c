/* Arrays that stationary operands are loaded into and activations stream past: the arithmetic, the loading of weights and
 * the memories overlap, so that the slowest of them sets the pace,
 *
 *     seconds = start + max(padded FLOPs / (share peak), weights / load rate, bytes / memory rates).
 *
 * They differ in what their figures say: how large tiles are, what is fused, which memories there are.
 *   systolic       TPU (128 or 256 wide), Trainium and Inferentia (128): extents padded to the array, compiled shapes
 *   dataflow       SN40L: a decoder layer is one kernel; HBM carries weights and cache alone; weights overflow to DDR
 *   sram-pipeline  LPU: no memory but SRAM; a batch is paced by how fast weights enter the matrix planes
 *   pe-grid        MTIA: products from SRAM where weights are pinned there, else from LPDDR */
#include "hardware/exec.h"

#include <math.h>

static void array_price(const struct device *d, const struct op *op, struct op_cost *out)
{
	double memory = exec_memory_s(d, op, &out->bytes), compute = exec_compute_s(d, op), load = exec_load_s(d, op);

	exec_finish(d, op, exec_start_s(d, op), compute, fmax(memory, load), 0, out);
}

const struct exec_ops exec_systolic = { .name = "systolic", .help = "systolic arrays with padded tiles and compiled shapes",
					.price = array_price };
const struct exec_ops exec_dataflow = { .name = "dataflow", .help = "a decoder layer as one spatial pipeline over three memory tiers",
					.price = array_price };
const struct exec_ops exec_sram_pipeline = { .name = "sram-pipeline", .help = "weights in the SRAM of many chips that tokens pass through",
					     .price = array_price };
const struct exec_ops exec_pe_grid = { .name = "pe-grid", .help = "processing elements around a shared SRAM in front of slow memory",
				       .price = array_price };
