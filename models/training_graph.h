/* The operators of one training micro-batch on one pipeline chunk: the forward graph of models/graph.h, and for each of
 * its operators what the backward pass runs for it. */
#ifndef MODELS_TRAINING_GRAPH_H
#define MODELS_TRAINING_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "models/adapter.h"
#include "models/graph.h"

struct technique_set;

enum training_phase {
	PHASE_FORWARD,
	PHASE_RECOMPUTE,       /* forward work done again in the backward pass */
	PHASE_BACKWARD,        /* gradients of the inputs: the stage before waits for them */
	PHASE_WEIGHT,          /* gradients of the weights: nobody waits but the optimizer */
	PHASE_COUNT
};
enum training_part { PART_GEMM, PART_ATTENTION, PART_ELEMENTWISE, PART_TP_COMM, PART_EP_COMM, PART_CP_COMM, PART_COUNT };
extern const char *const training_part_names[];

struct training_op {
	const char *label;
	struct op op;
	enum training_phase phase;
	enum training_part part;
	double count;          /* times a micro-batch; 2.5 stands for an operator that is so much longer than its prototype */
	double kernels;        /* launches that this is */
	double pace;           /* its time over that of `op`, which stands for another format's kernel */
	double overlap;        /* share of a collective that hides behind arithmetic */
	int32_t partner;       /* tensor collectives: the product that needs or makes its data; -1: none */
	bool behind;           /* it hides behind its partner without being cut into tiles */
	bool plain;            /* a bare operator of torch: its host time is that alone */
};

struct training_ops {
	struct training_op *at;
	size_t count;
};

/* Elementwise: norms and activation functions, whose results need not be kept (DeepSeek-V3, arXiv 2412.19437, section 3.2.3;
 * Megatron-Core's recompute modules layernorm and moe_act). */
enum exchange { EXCHANGE_DEFAULT, EXCHANGE_ONCE, EXCHANGE_COPIES };
enum recompute { RECOMPUTE_NONE, RECOMPUTE_SELECTIVE, RECOMPUTE_FULL, RECOMPUTE_ELEMENTWISE };
/* How a tensor collective and its product share time: as the software is known to; not at all; both cut into as many tiles
 * as there are ranks, passed around a ring (the first tile is at hand) or gathered ahead one by one (the first is waited for). */
enum tp_overlap { TP_OVERLAP_DEFAULT, TP_OVERLAP_NONE, TP_OVERLAP_RING, TP_OVERLAP_PIPE };
/* Which network joins a group of ranks: as their order has it, or as told. */
enum network { NETWORK_DEFAULT, NETWORK_SCALE_UP, NETWORK_SCALE_OUT };
enum attention_kernel {
	ATTENTION_FLASH,       /* the score matrix never leaves the chip; the backward pass makes it again */
	ATTENTION_EAGER,       /* products, softmax and dropout as kernels of their own, scores in memory */
};

struct training_graph_options {
	const struct model *model;
	struct placement place;        /* pp: pipeline chunks, stages times interleaving; dp_attention: see expert_ranks */
	int64_t micro_batch, sequence; /* of one data-parallel rank */
	enum recompute recompute;
	int64_t recompute_layers;      /* full: of a chunk, the first so many; 0 = all (Megatron-Core's recompute_method=block) */
	enum attention_kernel attention;
	bool gather_again;             /* sequence parallelism keeps its share of a product's inputs, and gathers them again backwards */
	enum network tp_network;
	bool streaming;                /* norms, activations, additions run at the rate of memory, not at that of serving's kernels */
	bool fused_experts;            /* routed experts as one grouped kernel a product, with their activation and casts */
	bool separate_casts;           /* narrow products cast what they read, and the gradients of their results, in kernels of their own */
	bool dropout;                  /* masks after attention and MLP: GPT-2 and GPT-3 as published */
	bool selective_half;           /* selective: every second product is made again, and all that lies between */
	double logit_bytes;            /* of one logit with its copies and gradients, on the last stage */
	bool once_a_node;              /* a token crosses to another node once, however many experts it has there (DeepEP) */
	bool copies;                   /* a copy of a token for each of its experts, also where two are on one rank */
	bool fused;                    /* norms, activations and masks as one kernel each (Transformer Engine, compilers) */
	double attention_backward;     /* time of the backward over the forward FlashAttention pass; see training_graph.c */
	double trainable;              /* share of the layers' matrices that get gradients: 1, or the adapters' share (about 0) */
	const struct technique_set *techniques;        /* NULL = none */
	bool frozen;                   /* base weights get no gradients: PHASE_WEIGHT only for `trainable` */
	int64_t predictions;           /* modules of multi-token prediction behind the last layer (models/prediction.h) */
	const struct adapter_ops *adapter;     /* beside a frozen base; NULL: none */
	int64_t adapter_rank;
};

/* Builds the operators of chunk `chunk`. They live in the arena.
 *   matrix products   forward C = X W; backward dX = dC W' and dW = X' dC, each as many FLOPs
 *   attention         flash: the backward pass runs five products for the forward's two (Dao 2023, arXiv 2307.08691), as
 *                     attention_backward says; eager: each product, softmax and mask by itself, twice backwards
 *   experts           grouped products over the tokens that reached the device, sorted by expert; their biases expert by expert
 *   collectives       the mirrored one backwards; context rings twice (keys, values and their gradients)
 *   sequence parallelism   inputs of the products are gathered again for their weights' gradients, beside the product
 *                     for the inputs' (Korthikanti et al. 2022, arXiv 2205.05198, section 4.2.2)
 *   recompute         selective: attention's core forward again, or half of the products and all element-wise work; full: everything forward again but the last product, of all layers or the first ones
 *   multi-token prediction   each module's norms, projection, layer and head, on the last chunk
 * The LM head sees every token, its softmax runs over the rank's part of the vocabulary. */
MUST_USE bool training_graph_build(const struct training_graph_options *o, int chunk, struct training_ops *out, struct arena *arena,
				   struct err *err);

#endif
