/* The fitted provider: one law whose coefficients were fitted to measurements of a device. hardware/fits/DEVICE.xml.
 *
 *     seconds = launch + tile tiles / units + max(c, b) + (1 - overlap) min(c, b)
 *     c = FLOPs x waves x (1 + half_k / k) / (compute x peak)         b = bytes / (memory x bandwidth)
 *
 * `waves`: a matrix product's FLOPs padded to whole tiles of tile_m x tile_n and whole waves of tiles over the device's
 * units, counted by the share `quantum` (0 = smooth, 1 = in full). half_k: the depth at which half of the time goes into
 * starting and draining a tile, or, in attention, into exponentials (k = head size). `tile`: time a unit needs to begin a
 * piece of work of its own: a cached head of a sequence in decode, 128 queries of a head in prefill, an expert that has
 * tokens. No coefficient can beat the roofline: compute, memory and overlap are at most 1. */
#ifndef HARDWARE_FITTED_H
#define HARDWARE_FITTED_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"

struct fit {
	int op, dtype, kv_dtype;       /* dtype and kv_dtype none = any */
	const char *stack, *source;    /* stack: whose kernels; NULL = any */
	double launch_s, compute, memory, overlap;
	int64_t tile_m, tile_n;
	double quantum, half_k, tile_s;
	double rel_error, rel_error_p90;   /* over the points it was fitted to and others, as its source says */
};
struct fits {
	const char *device, *note;
	struct fit *items;
	size_t count;
};
extern const struct element fits_element;

/* The fits of a catalog device. An empty set (count 0) when there is no such file; NULL only on a malformed one. */
MUST_USE const struct fits *fits_load(const char *device_name, struct arena *arena, struct err *err);

/* The same from any file. */
MUST_USE const struct fits *fits_load_file(const char *path, struct arena *arena, struct err *err);

/* The fit for an operator: same kind and dtype (bf16 and fp16 count as one; weight-only formats and the like need their
 * own; attention may take another dtype's with the same cache format), of a stack named in `stacks` ("vllm trtllm", in
 * order) if there is one, else any. NULL when none fits. */
const struct fit *fits_find(const struct fits *fits, const struct op *op, const char *stacks);

/* Seconds by the law of exactly that stack and format; NAN when there is none. */
double fits_seconds(const struct fits *fits, const struct device *d, const char *stack, const struct op *op);

/* Whether an operator's shape site is of the half that no fit of hardware/fits saw ("errors on the other half"): the
 * choice is a hash of (n,k), of experts the model (hidden size, experts, choices), (heads, kv_heads, head_dim, window), the same on every device. */
bool fit_held_out(const struct op *op);

/* The law. */
void fit_price(const struct fit *fit, const struct device *d, const struct op *op, struct op_cost *out);

#endif
