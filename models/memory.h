/* Memory of one device of a serving replica, by component, and how many tokens of KV cache it leaves. */
#ifndef MODELS_MEMORY_H
#define MODELS_MEMORY_H

#include "base/attr.h"
#include "base/err.h"
#include "models/model.h"
#include "models/placement.h"

/* What techniques do to the memory of a device. memory_terms_init gives the baseline, which changes nothing. */
struct memory_terms {
	double linear_bytes;           /* of one stored weight of the layers' matrices; 0 = the format's */
	double kv_bytes;               /* of one cached element, scales included; 0 = the format's */
	double kv_share;               /* of the tokens whose cache stays resident (1 = all) */
	int64_t kv_most_tokens;        /* a sequence keeps at most so many; 0 = all */
	double seq_bytes;              /* fixed per sequence, whatever its length */
	double token_bytes;            /* beside the cache, per cached token */
	double weight_bytes;           /* beside the model's weights: drafts, adapters */
	double activation_bytes;       /* beside the model's, at the peak */
};
void memory_terms_init(struct memory_terms *t);

struct technique_set;
struct memory_limits {
	double capacity_bytes;         /* of one device */
	double utilization;            /* share the engine may use: weights + activations + KV */
	double cache_share;            /* of what those leave the cache takes; 0 = all */
	int64_t max_batch_tokens, max_seqs;
	int64_t block_tokens;
	const struct technique_set *techniques;        /* NULL = none: their memory hooks change the terms above */
	double reserved_bytes;         /* runtime, graphs, collective buffers */
	double far_bytes;              /* next memory tier that weights may overflow to; 0 = none */
	double near_bytes;             /* SRAM that weights may stay in; 0 = none */
};

struct memory_plan {
	double weights_bytes, activation_bytes, reserved_bytes, kv_bytes, state_bytes, capacity_bytes;   /* per device, worst stage */
	double kv_bytes_per_token;             /* per device; layers with full attention */
	double window_bytes_per_token;         /* per device; layers with a sliding window: at most `window_tokens` a sequence */
	int64_t window_tokens;                 /* largest window */
	double state_bytes_per_seq;            /* per device; recurrent state */
	double fixed_bytes_per_seq;            /* per device; what techniques keep beside state: residual windows, memories */
	double index_bytes_per_token;          /* per device; keys of sparse attention's indexer, part of kv_bytes_per_token */
	double block_bytes;                    /* of one block on one device; see memory_plan */
	int64_t block_tokens;
	int64_t kv_blocks;                     /* blocks of block_tokens that fit (one replica sees this many) */
	double far_bytes, near_bytes;          /* of weights_bytes: in the next memory tier, in SRAM beside the memory */
	int64_t seq_fixed_blocks;              /* blocks a sequence holds whatever its length: windows and state */
};

/* Weights: every tensor of the stage in its class's format, dealt out as graph.h says; norms, biases and routers in the
 * activations' format; the tied matrix once more on the last of several stages.
 * Activations, in elements of a rank's t = max_batch_tokens / (dp cp) tokens: 2 hidden (residual and input) + the largest of
 * query/key/value/result, the MLP's gate, up and product, the same for top_k experts a token, the mixer's inner channels;
 * or, if larger, logits and two 32-bit copies of them for sampling: max_seqs / dp * vocab.
 * Cache: kv heads dealt over tp (repeated when fewer), MLA latents whole on each rank, indexer keys one byte an element
 * and a scale of 4 bytes a key, tokens over cp; each dp_attention rank has a pool of its own, kv_blocks counts them all.
 * A chain's devices hold a chain-th of the model each (compilers cut inside layers). Weights that do not fit beside a quarter
 * of the memory for the cache overflow to far_bytes, where there is such a tier.
 * block_bytes = block_tokens * kv_bytes_per_token. A model whose attention is windowed throughout is paged as if it were
 * full (window_bytes_per_token = 0, window_tokens says the window); one without any attention has one block a sequence.
 * Fails with ERR_INPUT, saying by how many bytes and whether weights, KV or activations are to blame, when not even
 * one block per sequence fits. */
MUST_USE bool memory_plan(const struct model *model, const struct placement *place, const struct memory_limits *limits,
			  struct memory_plan *out, struct err *err);

/* Cached elements of a token on the device of the stage that has most of them: rows of all attention layers, whatever
 * their windows; place is resolved. */
double memory_row_elements(const struct model *model, const struct placement *place);

/* Blocks that a sequence of so many tokens holds: full layers grow, windows stop growing, state is constant.
 * seq_fixed_blocks is what this is above the full layers' blocks once the windows are full. */
int64_t memory_seq_blocks(const struct memory_plan *plan, int64_t tokens);

#endif
