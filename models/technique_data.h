/* What techniques change, as plain data: copies of the hardware and the model, graph nodes, memory terms, policy names and
 * numbers, acceptance of drafts, terms of a training step, convergence curves. Whoever compiles a scenario fills these
 * with the baseline, lets the hooks change them and goes on with the result. */
#ifndef MODELS_TECHNIQUE_DATA_H
#define MODELS_TECHNIQUE_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/device.h"
#include "hardware/system.h"
#include "models/graph.h"
#include "models/memory.h"
#include "models/model.h"
#include "models/placement.h"

/* Private copies, free to change; system->device points to the device copy. */
struct hardware_change {
	struct device *device;
	struct system *system;
	bool replaced;                         /* by another catalog entry, not the one the scenario names */
	struct arena *arena;
};
/* Takes the place of device and system: catalog names; system NULL = the plain one of the device. */
MUST_USE bool hardware_change_replace(struct hardware_change *hw, const char *device, const char *system, struct err *err);

/* A private copy of the model, with its patterns (mixer_of, ffn_of) as writable letters. */
struct model_change {
	struct model *model;
	struct arena *arena;
};

/* False with err when no layer keeps a cache of keys and values (`not_latent`: or when they are latent, and that will not do). */
MUST_USE bool model_change_needs_cache(const struct model_change *change, const char *id, bool not_latent, struct err *err);

struct graph_change {
	const struct model *model;
	const struct placement *place;         /* resolved */
	const struct device *device;           /* NULL: unknown */
	const struct stack *stack;             /* the software; NULL: unknown */
	int stage;
	bool training;                         /* a forward pass to be trained: no cache, no drafts, masters in 16 bits or more */
	struct graph *graph;
	size_t capacity;                       /* of graph->nodes */
	struct arena *arena;
};
/* Adds a node (count 1, per_unit 1); NULL with err when memory runs out. Pointers to earlier nodes are void afterwards. */
MUST_USE struct node *graph_change_add(struct graph_change *g, const char *label, enum op_kind kind, enum dtype dtype,
				       enum node_scale scale, struct err *err);
/* Index of a window class (tokens; 0 = all) in graph->windows, which stay sorted; nodes keep theirs. -1 with err when full. */
int graph_change_window(struct graph_change *g, int64_t window, struct err *err);
/* Is this node one that reads the cache of the model's own attention? */
bool node_is_decode_attention(const struct node *n);
bool node_is_prefill_attention(const struct node *n);
/* A product with stored weights of the layers (projections, MLP, experts), not the LM head. */
bool node_is_linear(const struct node *n);

struct memory_change {
	const struct model *model;
	const struct placement *place;         /* resolved */
	struct memory_terms *terms;
};

/* Names and numbers of policies; the code of a policy lives in sim/. NULL, 0 and NAN leave things as they are; what the
 * user set himself stays. */
struct policy_change {
	const char *scheduler, *router;
	double prefill_share;                  /* share of the replicas that only run prompts */
	double host_cache_bytes, host_cache_bytes_s, disk_cache_bytes, disk_cache_bytes_s;     /* second and third home of prefix blocks, a replica */
	int prefix_caching;                    /* 1 on, 2 off */
	int64_t block_tokens;
	double memory_utilization;
};

/* Speculative decoding in expectation. survival[i]: probability that at least i + 1 drafted tokens are accepted in a pass
 * (unconditional), so that a pass yields 1 + sum(survival) tokens. */
enum { DRAFT_DEPTH_MOST = 64 };
struct acceptance {
	double survival[DRAFT_DEPTH_MOST];
	int depth;                             /* 0: no speculation */
	int64_t verified;                      /* tokens that the verification pass runs for a sequence, its own next one included */
	bool host_waits;                       /* the next batch is formed only once the accepted tokens are known */
	double host_round_s, host_seq_s;       /* of the software, a pass and a sequence in it, beside what a step costs */
	int64_t lookahead;                     /* cache slots reserved for a sequence beyond its tokens */
};
double acceptance_tokens(const struct acceptance *a);          /* tokens a pass; 1 without speculation */

/* What a training job takes besides changed hardware, model and operators. */
struct training_change {
	const struct model *model;
	const char *optimizer;                 /* a row of models/optimizer.h; NULL: the job's own */
	double trainable;                      /* share of the weights that get gradients and state; 1 = all */
};
void training_change_init(struct training_change *t, const struct model *model);

/* How much training a target takes. Loss curves L = a C^-b (+ e) compare at equal loss. */
struct convergence_change {
	double tokens;                         /* of the job, before */
	double tokens_factor;                  /* times as many for the same target; 1 = baseline */
	double extra_flops;                    /* spent once before the job (proxy models, searches) */
	double parameters, active_parameters;  /* of the model */
	double parameters_factor;              /* a model so much smaller reaches the same loss; 1 = baseline */
};
void convergence_change_init(struct convergence_change *c, const struct model *model, double tokens);

#endif
