/* Execution models: what an operator costs on a device that does not work as a GPU does. A device names its model in
 * <execution kind="...">; cost.h then asks it instead of the roofline (measured tables and fits still come first).
 *
 * Each model is one file hardware/exec_KIND.c with one descriptor, listed in exec.c. All of them answer with physical
 * work: FLOPs padded to what the units compute, bytes by the memory they lie in, network and barriers on the chip. What a
 * single operator cannot know comes with it in struct op: `near` and `far` (where its weights lie) and `region` (the part
 * of the device that works on it); models/graph.h fills them from the placement. */
#ifndef HARDWARE_EXEC_H
#define HARDWARE_EXEC_H

#include <stdbool.h>

#include "hardware/cost.h"
#include "hardware/device.h"

struct exec_ops {
	const char *name, *help;       /* <execution kind="name">; one line */
	/* Fills seconds, flops, bytes and bound. Never below exec_floor_s. */
	void (*price)(const struct device *d, const struct op *op, struct op_cost *out);
};
extern const struct exec_ops *const exec_kinds[];            /* [0] = NULL: no model of its own */
enum { EXEC_KIND_COUNT = 9 };
extern const char *const exec_kind_names[];                  /* "none" ..., NULL-terminated: a FIELD_CHOICE list */

/* True when the device has a model of its own and it priced the operator (not for collectives nor host operators). */
bool exec_price(const struct device *d, const struct op *op, struct op_cost *out);

/* No schedule is faster: FLOPs over the peak of the op's region, weights and cache over the rates of the memories that they
 * lie in. Activations count only where they leave the chip. */
double exec_floor_s(const struct device *d, const struct op *op);

/* For the models. */

/* Whether an operator of this kind is part of a kernel that another one opened. */
bool exec_joined(const struct execution *e, enum op_kind kind);
/* Whether the operator's activations stay on the chip. */
bool exec_on_chip(const struct execution *e, enum op_kind kind);
/* The op with its extents rounded up to compiled shapes. */
struct op exec_bucketed(const struct execution *e, const struct op *op);
/* FLOPs once every matrix product inside the operator (also those of attention and of single experts) is padded to
 * tile_m x tile_n x tile_k (0 = not) and streams at least load_rows rows past each stationary tile. */
double exec_padded_flops(const struct device *d, const struct op *op);
/* Seconds the memories need; *bytes: that leave the device's main memory and the tiers behind it. */
double exec_memory_s(const struct device *d, const struct op *op, double *bytes);
/* Seconds the arithmetic needs, at the device's share of peak, on padded FLOPs. */
double exec_compute_s(const struct device *d, const struct op *op);
/* Seconds that stationary operands need to get into the matrix units. */
double exec_load_s(const struct device *d, const struct op *op);
/* Fixed time of the operator: launch (when it opens a kernel) and pipeline depth. */
double exec_start_s(const struct device *d, const struct op *op);
/* Part of the device that works on the operator: 0 < region <= 1. */
double exec_region(const struct op *op);
/* seconds = start + most of the parts; the bound is the largest. Raises to the floor. */
void exec_finish(const struct device *d, const struct op *op, double start, double compute, double memory, double network,
		 struct op_cost *out);

#endif
