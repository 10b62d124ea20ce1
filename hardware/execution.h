/* How a device that is not a GPU executes operators: the physical figures of its execution model. The <execution> element
 * of hardware/devices/NAME.xml; a figure that is absent (NAN, 0) is one that the model does without. Plain data. */
#ifndef HARDWARE_EXECUTION_H
#define HARDWARE_EXECUTION_H

#include <stdbool.h>
#include <stdint.h>


/* Which operators the compiler joins into one kernel: their inputs and outputs never leave the chip, and only the
 * operator that opens the kernel pays its launch. */
enum fusion {
	FUSION_NONE,
	FUSION_ELEMENTWISE,    /* norms, rotary embeddings, activations, additions ... into the product beside them (XLA, Neuron) */
	FUSION_LAYER,          /* a whole decoder layer is one kernel, opened by its mixer (SN40L) */
	FUSION_CHIP            /* everything is on the chip, and nothing is launched (LPU, wafer, IPU) */
};
extern const char *const fusion_names[];

enum cached_weights {
	CACHED_NO,             /* weights stream from memory every step */
	CACHED_ALL,            /* a cache with LRU: a cyclic sweep over weights hits only when all of them fit (CPU) */
	CACHED_PINNED          /* software keeps as many as fit (scratchpads) */
};
extern const char *const cached_weights_names[];

struct execution {
	int kind;                      /* exec_kinds[kind]: 0 none */
	int fusion, cached_weights;
	bool activations_on_chip;      /* activations of products stay in SRAM even where each is a kernel of its own */
	bool streams;                  /* devices form a pipeline that many tokens are in at once, each holding its own weights */
	bool regions;                  /* and so do the layers on one device, each in a part of it (wafer) */
	bool together;                 /* the devices of a system serve one replica unless told otherwise */
	bool spills;                   /* weights that do not fit stream from memory2 */
	int64_t bucket_tokens;         /* compiled shapes: rows are padded to powers of two, at least this many; 0 = any shape */
	int64_t bucket_context;        /* the same of the cached tokens that attention reads */
	int64_t block_context;         /* cached tokens are padded to multiples of this instead */
	int64_t ranks;                 /* cores that take a tensor rank each: fewer cached heads than that are read by several */
	double load_bytes_s;           /* stationary operands enter the matrix units at most this fast, all units together */
	int64_t bank_cores;            /* cores beside the memory banks: products of one tile of rows are read and multiplied by these alone */
	double interleaved;            /* share of the memory's rate that products dealt over all cores reach; NAN, 0 = as all operators */
	int64_t shared_exponent;       /* 8-bit floats are blocks of so many values with an exponent of a byte in common; 0 = floats of their own */
	int64_t load_rows;             /* a tile of stationary operands takes as long as streaming so many rows past it */
	double noc_bytes_s;            /* network on the chip, all units together */
	double hop_s;                  /* from one unit to its neighbour on it */
	double add_s;                  /* a unit on the way of a reduction adds its part and passes the sum on */
	double depth_s;                /* an operand's way through memory, network and arithmetic: latency of a dependent operator */
	double sync_s;                 /* barrier over all units */
	double reserved_bytes;         /* programs and buffers; NAN = what serving software reserves on GPUs */
	double rel_error;              /* median error against published runs of such devices; NAN = as other analytic answers */
	const char *stack;             /* whose host time counts when none is asked for */
	const char *source, *note;
};

#endif
