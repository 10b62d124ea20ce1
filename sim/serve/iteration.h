/* What one iteration of a replica takes, compiled from the operator graph: every operator depends on few aggregates of
 * the batch, so each class of operators becomes a table over its aggregate, filled when first needed. A lookup costs
 * nanoseconds, and the same tables count what ran, so that the breakdown by operator is exact and free. */
#ifndef SIM_SERVE_ITERATION_H
#define SIM_SERVE_ITERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "models/graph.h"
#include "models/model.h"
#include "models/placement.h"
#include "models/technique.h"
#include "reports/result.h"
#include "sim/serve/batcher.h"

/* Host time of an iteration (hardware/stack.h), already resolved against --host-overhead. */
struct host_time {
	double step_s, seq_s, prefill_seq_s, token_s, launch_s, visible_s;
	double beside_graph;           /* of the kernels of a captured batch with prompts, those launched one by one */
	bool overlap, graph_prefill;
	int64_t graph_max_tokens, graph_granularity, graph_fine_tokens; /* of one rank */
	int64_t ranks;                 /* attention ranks: each captures graphs of, and prepares, its own share of a batch */
};

/* Tokens that a step of so many runs with: the size of the graph that was captured for it; without one, its own. */
int64_t host_padded(const struct host_time *h, int64_t tokens);

struct iteration_options {
	const struct model *model;
	const struct placement *place;         /* copied */
	const struct stack *stack;
	const struct cost_model *costs;
	const struct technique_set *techniques;        /* NULL = none */
	const struct device *device;
	const double *op_factor;               /* by enum op_kind: on operator times; NULL = 1; copied */
	struct host_time host;
	int64_t max_tokens, max_seqs;          /* sizes of the tables; larger batches are priced without them */
	/* Speculation in expectation: a pass verifies so many tokens of each decoding sequence and yields so many. The simulation
	 * goes on token by token: a step is charged its share of a pass. 0 = none. */
	int64_t verified;
	double tokens_per_pass;
	double swap_s_per_token;               /* host link: seconds a cache token takes to move */
};

struct iteration;
MUST_USE struct iteration *iteration_new(const struct iteration_options *options, struct err *err);
void iteration_free(struct iteration *it);
int iteration_stages(const struct iteration *it);
const struct graph *iteration_graph(const struct iteration *it, int stage);

/* The aggregates of a batch. */
struct batch_shape {
	int64_t tokens, prefill_tokens, decodes, logits, prefills;
	int64_t context[GRAPH_WINDOWS], below[GRAPH_WINDOWS];   /* S by window, and how fast it grows a step */
	const struct chunk *chunks;
	int64_t swap_tokens;
	bool only_decodes;
};
void batch_shape_of(const struct batcher *b, int lane, struct batch_shape *out);

/* Duration of the i-th of `steps` equal-composition iterations on a stage: base_s + i * slope_s. */
struct step_time {
	double base_s, slope_s;
	int64_t steps, padded_tokens, expert_tokens;   /* tokens that the captured graph computes; that experts behind attention ranks see */
	double context_s, context_slope_s, prefill_s;           /* of that: decode attention, prefill attention */
};
/* At most `most` steps; fewer when a cost curve bends before. Includes host time on stage 0 (all of it with one stage). */
void iteration_price(struct iteration *it, int stage, const struct batch_shape *shape, int64_t most, struct step_time *out);
/* Adds `steps` iterations of this shape, as priced, to the account. */
void iteration_count(struct iteration *it, int stage, const struct batch_shape *shape, const struct step_time *time, int64_t steps);

/* Seconds of the token-wise operators for one token, through all stages; and the least of them over every batch of up to
 * most_tokens: no such iteration takes less, whatever is in it. The second prices many sizes: milliseconds. */
double iteration_one_token(const struct iteration *it);
double iteration_floor(const struct iteration *it, int64_t most_tokens);

/* The account: device time by operator (per device of each stage), FLOPs and bytes of one device of the average stage. */
struct iteration_account {
	struct operator_row *rows;             /* in the arena, largest first */
	size_t row_count;
	double busy_j;                         /* energy of one device while operators run */
	double device_s, flops, bytes;         /* summed over stages: of one device each */
	double provider_s[PROVIDER_COUNT], error_s, extrapolated_s;
};
MUST_USE bool iteration_account(struct iteration *it, struct iteration_account *out, struct arena *arena, struct err *err);

#endif
