/* The operators of one serving iteration of a model on one pipeline stage, as templates over the few aggregates that
 * the batch has. sim/ tabulates them; `step` prints them; techniques rewrite them. */
#ifndef MODELS_GRAPH_H
#define MODELS_GRAPH_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "hardware/operator.h"
#include "hardware/stack.h"
#include "models/model.h"
#include "models/placement.h"

/* What a node's size grows with. Every node belongs to one class; its time is a function of that class's arguments only. */
enum node_scale {
	PER_STEP,              /* constant each iteration */
	PER_TOKENS,            /* T = all tokens of the batch (chunks + decodes) */
	PER_EXPERT_TOKENS,     /* T, of experts behind attention ranks: they see the tokens of all, however those are dealt out */
	PER_PREFILL_TOKENS,    /* Tp = tokens of prefill chunks (recurrent scans) */
	PER_DECODES,           /* B = sequences that decode one token (recurrent state updates) */
	PER_LOGITS,            /* n = sequences that get a token (LM head, sampling) */
	PER_DECODE_CONTEXT,    /* (B, S): decode attention; S = sum of tokens attended, each capped at the node's window */
	PER_PREFILL_CHUNK,     /* (c, p): one prefill chunk of c tokens after p cached ones; summed over chunks */
	NODE_SCALE_COUNT
};

struct node {
	const char *label;             /* "qkv_proj", "mlp_up", "attn_decode", "all_reduce" ... */
	struct op op;                  /* prototype; graph_op fills in the extents */
	enum node_scale scale;
	int window_class;              /* PER_DECODE_CONTEXT: index into graph.windows */
	double count;                  /* how often it runs an iteration on this stage (layers) */
	double per_unit;               /* op.m (or message bytes) a unit of the scale: 1 for plain GEMMs, 1/dp for DP attention ... */
	double least;                  /* collectives: bytes of one token, the smallest message */
	double enters;                 /* PER_TOKENS: probability that a token takes part; 0 = all do. The node runs when any does */
	double overlap;                /* 0..1: share hidden behind compute (communication) */
	double wait_s;                 /* all-reduce: until the last rank is there (struct stack) */
	int64_t beside;                /* up to so many rows it runs beside other kernels: it takes of bandwidth and units, not latency */
};

enum { GRAPH_WINDOWS = 4 };

struct graph {
	struct node *nodes;
	size_t count;
	int64_t windows[GRAPH_WINDOWS];        /* [0] = 0 (full attention); others are sliding windows in tokens */
	int window_count;
	int layers;                            /* on this stage */
	double launches;                       /* kernels of an iteration */
};

/* Arguments of a node's class; unused ones are 0. */
struct extent {
	double tokens, prefill_tokens, decodes, logits;
	double context;                /* S of the node's window class */
	double chunk, prior;           /* one prefill chunk */
};

/* How parallel degrees cut the work (T tokens a batch in the replica):
 *   tp           heads and columns, rounded up; kv heads are repeated when there are fewer; all_reduce after each mixer and
 *                MLP (reduce_scatter + all_gather with sequence_parallel). MLA's latent projections are not cut.
 *   pp           layers as placement_layers says; embedding on the first stage; final norm, LM head and sampling on the
 *                last; every other stage ends with send_recv of the hidden states.
 *   dp_attention everything but routed experts runs on T/dp tokens. Experts see T: all_to_all before and after when
 *                ep = tp * dp_attention (each rank has whole experts), else all_gather and reduce_scatter over the dp ranks.
 *   ep           whole experts: experts/ep a rank, each tp * dp_attention / ep wide; without dp the tokens are already on
 *                every rank and the all_reduce of the layer adds the experts up.
 *   cp           tokens are spread over the ranks (T/cp), as are cached tokens: a prefill chunk runs as ring attention
 *                (send_recv of keys and values), decode gathers the queries and adds up partial results.
 *   stages       a chain of devices that tokens stream through (SRAM pipelines): every operator of all layers runs one after
 *                the other, but on T/stages tokens: the pipeline's other stages work on the rest meanwhile; chain - 1 hops
 *                ("stage_hop") of the hidden states. A stage that is a region of a device says so in op.region.
 * Residual additions are fused into the norms (op.n is twice the width: two tensors in, two out; label "add_norm") unless
 * the stack runs them apart (separate_add). Activation quantisation belongs to the GEMM's measurement. OP_HOST nodes
 * are sim's. In attention prototypes op.kv_len is the share of the context that this device holds (1/cp).
 * Builds stage `stage` (0 .. pp-1) of the placement. `stack` may be NULL. The graph lives in the arena. */
MUST_USE bool graph_build(const struct model *model, const struct placement *place, const struct stack *stack, int stage,
			  struct graph *out, struct arena *arena, struct err *err);

/* The concrete operator that `node` runs for this extent: op.m (and op.batch of scans) = per_unit * extent rounded up;
 * collectives: op.bytes = per_unit * extent; decode attention: q_len as in the prototype (at least 1), batch = per_unit * B rounded up, kv_len = S / B * share;
 * prefill attention: q_len = per_unit * c rounded up, kv_len such that the mean number of attended tokens is that of the
 * whole chunk; other PER_PREFILL_CHUNK nodes count all c + p tokens. Returns false when there is nothing to do (zero extent). */
bool graph_op(const struct node *node, const struct extent *x, struct op *out);

/* Visible seconds of one run of `op`, which the node became and which costs so much alone. An all-reduce waits for the last rank
 * first: its benchmark starts all at once, layers do not. Beside other kernels, or inside one
 * (node.beside), it takes what it needs of bandwidth and units: its launch and its waiting are theirs. */
double graph_seconds(const struct node *node, const struct op *op, const struct op_cost *cost, const struct device *device);

/* How much of `op` one device does in an iteration, as a share: a chain's stages work on whole tokens, so that fewer tokens
 * than stages leave most of them idle, and a device has several stages where they are regions of it. 1 without a chain. */
double graph_device_share(const struct placement *place, const struct node *node, const struct extent *x, const struct op *op);

/* How often the node runs an iteration: count, times the probability that any token enters, 1 - (1 - enters)^T. */
double graph_runs(const struct node *node, const struct extent *x);

#endif
