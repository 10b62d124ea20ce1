/* models/techniques/compiler/tile_kernels.c -- kernels written by other means: tiles, a pipeline of loads and products
 * whose stages overlap. The kernel brings its own law of times: what its inner loop reaches of the peak, the depth at which
 * half of a tile's time goes into filling and draining the pipeline, the waves of tiles over the device's units. Bytes and
 * FLOPs stay what they are, and the bounds of the device hold. */
#include <math.h>

#include "base/str.h"
#include "hardware/fitted.h"
#include "models/technique.h"

static struct fit *new_law(const struct technique_use *use, struct arena *arena, enum op_kind kind, struct err *err)
{
	struct fit *f = arena_alloc(arena, sizeof(*f));

	if (!f) {
		err_memory(err);
		return NULL;
	}
	*f = (struct fit){ .op = (int)kind, .launch_s = technique_number(use, "launch_us") * 1e-6, .memory = technique_number(use, "memory_share"),
			   .overlap = technique_number(use, "overlap"), .rel_error = 0.15 };
	f->tile_m = (int64_t)technique_number(use, "tile_m");
	f->tile_n = (int64_t)technique_number(use, "tile_n");
	f->quantum = technique_number(use, "wave_share");
	return f;
}

/* Matrix units take 16-bit formats; where vectors do the products, as on CPUs, single precision runs through the same tiles. */
static bool takes(const struct graph_change *g, enum dtype t)
{
	return t == DTYPE_BF16 || t == DTYPE_FP16 || (t == DTYPE_FP32 && g->device && g->device->kind == DEVICE_CPU);
}

static bool kernel_operators(const struct technique_use *use, struct graph_change *g, struct err *err)
{
	struct fit *gemm = new_law(use, g->arena, OP_GEMM, err), *prefill = new_law(use, g->arena, OP_ATTENTION_PREFILL, err);

	if (!gemm || !prefill)
		return false;
	gemm->compute = technique_number(use, "gemm_share");
	gemm->half_k = technique_number(use, "gemm_half_k");
	prefill->compute = technique_number(use, "attention_share");
	prefill->tile_m = (int64_t)technique_number(use, "attention_tile");
	prefill->half_k = 0;
	for (size_t i = 0; i < g->graph->count; i++) {
		struct node *n = &g->graph->nodes[i];

		if (n->op.kind == OP_GEMM && takes(g, n->op.dtype) && gemm->compute > 0 && n->op.stored_bytes == 0)
			n->op.law = gemm;
		if (node_is_prefill_attention(n) && n->op.kind == OP_ATTENTION_PREFILL && prefill->compute > 0)
			n->op.law = prefill;
	}
	return true;
}

const struct technique_ops technique_tile_kernels = {
	.name = "tile-kernels", .help = "kernels of their own: tiles, pipeline depth, overlap of loads and products",
	.params = "gemm_share gemm_half_k attention_share attention_tile tile_m tile_n wave_share memory_share overlap launch_us",
	.operators = kernel_operators,
};
