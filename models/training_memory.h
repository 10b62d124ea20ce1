/* Memory of one device in training, by component. */
#ifndef MODELS_TRAINING_MEMORY_H
#define MODELS_TRAINING_MEMORY_H

#include "models/optimizer.h"
#include "models/training_graph.h"

struct training_memory_options {
	const struct training_graph_options *graph;
	const struct optimizer_ops *optimizer;
	int64_t stages;                /* pipeline ranks; graph->place.pp counts chunks */
	int64_t data_ranks;            /* ranks that hold the same dense weights: dp * cp */
	int64_t shard_ranks;           /* of those, ranks over which state is sharded (HSDP: a part of them) */
	int zero;                      /* 0 to 3: nothing, optimizer, + gradients, + weights sharded */
	double weight_bytes, grad_bytes;       /* of one parameter */
	double quantised_bytes;        /* a second, 8-bit copy of the matrices kept beside the weights, a parameter; 0 = none */
	bool sharded_masters;          /* zero 3: the sharded weights are the optimizer's 32-bit ones, not 16-bit copies beside them */
	double gathered_bytes;         /* zero 3: of a layer's weight as it is gathered */
	bool keep_gathered;            /* zero 3: weights and gradients are whole from their first use to the end of the step */
	bool offload_optimizer;        /* state lives in host memory */
	bool offload_weights, offload_activations;     /* so do these; the device holds two layers of them at a time */
	bool both_ways;                /* the rank of the last chunk holds the first one, too: its embedding is at hand (DualPipe) */
	double kept_outputs;           /* micro-batches whose logits the last stage keeps, beyond those at work */
	double kept_edges;             /* micro-batches for which each chunk keeps what crosses its edges; 0: they come and go */
	double in_flight;              /* micro-batches of one chunk whose activations are held at once */
};

/* Parameters of one rank of a stage, by how they are sharded. */
struct training_parameters {
	double dense, expert;          /* on one device */
	double dense_state, expert_state;      /* bytes of optimizer state with the master copy, before sharding */
	double step_bytes;             /* that an optimizer step moves for both, before sharding */
	double matrix_flops;
	double layer_largest;          /* parameters of the largest layer: what ZeRO-3 gathers at once */
	double trainable;              /* of dense + expert */
	double ends, head;             /* of embedding and LM head, of the head alone */
};

/* Activations of one micro-batch on a stage, bytes. */
struct training_activations {
	double chunk, layer;           /* of the fullest chunk, of the largest layer */
	double at_work;                /* of the layer that is made again: full recomputation, and every second product's */
	double outputs;                /* logits alone, in 16 bits; last stage */
	double head;                   /* logits and what goes with them; last stage */
	double edge;                   /* hidden states that cross a chunk's edge */
	int entries, exits;            /* edges of the stage's chunks */
};

struct training_memory {
	double weights, gradients, optimizer, activations, buffers, peak_bytes;
	double host_bytes;             /* of a device's share of the host */
};

/* Walks the tensors of the chunks that `stage` holds (chunk = stage + i * stages). */
MUST_USE bool training_parameters(const struct training_memory_options *o, int stage, struct training_parameters *out, struct err *err);

/*
 * Weights, gradients and state: ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054, section 5), after tensor, expert and
 * pipeline parallelism divided the parameters. Activations of a layer and token, 2 bytes an element, as Korthikanti et al.
 * 2022 (arXiv 2205.05198, section 4) count them, with sizes taken from the architecture:
 *     sharded over tp    q, k, v; attention result; MLP width twice (gate and up: three times); eager: 5 heads s (scores,
 *                        mask, masked scores)
 *     whole (over tp with sequence parallelism)   two norm inputs, inputs of both blocks, two dropout masks of one byte
 * Unfused kernels keep the 32-bit copies of a norm (10 instead of 4 h) and the rotated q, k. Full recomputation keeps
 * the layer's input and one layer at work; so does recomputation of every second product. The last stage holds the logits,
 * logit_bytes each. ZeRO-3 holds two layers gathered (gathered_bytes a weight; FSDP keeps 32-bit weights sharded and casts them on the way), and embedding and head (FSDP's root unit) from the first to the last pass.
 * Kept whole instead, they still pass through two layers of buffers on their way: what arrives lies in memory of the gathering stream before it is copied out,
 * and gradients are copied into what the reduce-scatter reads while the layer before works (foreach_all_gather, foreach_reduce of torch's fully_shard).
 * kept_edges: an entry has a buffer for every micro-batch of a step, and its gradient stays to the step's end; an exit keeps the output and has a buffer
 * for its gradient (torch.distributed.pipelining of 2024: args_recv_info, grad_recv_info, output_chunks; pull requests 153383 and 164329 of pytorch/pytorch
 * let outputs and gradients go since).
 */
void training_activations(const struct training_memory_options *o, int stage, struct training_activations *out);
/* The same from what layouts share. */
void training_memory_of(const struct training_memory_options *o, const struct training_parameters *n, const struct training_activations *a,
			struct training_memory *out);
MUST_USE bool training_memory(const struct training_memory_options *o, int stage, struct training_memory *out, struct err *err);

/* Of a stage's weights as ZeRO-3 gathers them once; embedding and head as the products read them. */
double training_gathered_bytes(const struct training_memory_options *o, const struct training_parameters *n);
/* Activation bytes that one layer keeps for one micro-batch on one device. */
double training_layer_activations(const struct training_graph_options *o, const struct layer *l);
/* That its modules of multi-token prediction keep, without their logits; 0 when there are none. */
double training_prediction_activations(const struct training_graph_options *o);

#endif
