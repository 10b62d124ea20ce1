/* Inside of sim/serve/iteration: the tables of a stage. */
#ifndef SIM_SERVE_ITERATION_PRIVATE_H
#define SIM_SERVE_ITERATION_PRIVATE_H

#include <float.h>

#include "sim/serve/iteration.h"

enum {
	TABLE_MOST = 1 << 18,          /* rows of a table over tokens */
	GRID_CONTEXT_BITS = 3, GRID_CONTEXTS = 40 << GRID_CONTEXT_BITS,        /* sums of contexts up to 2^40, 12.5 % apart */
	GRID_CHUNK_BITS = 4, GRID_CHUNKS = 20 << GRID_CHUNK_BITS, GRID_PRIORS = 25 << GRID_CHUNK_BITS
};

struct row {
	double seconds;                /* 0 = not filled yet */
	double visits;
};

struct table {
	struct row *row;               /* by aggregate */
	struct op_cost **costs;        /* of each node of the class, kept from when the row was filled; NULL: not kept */
	int64_t rows;
	double beyond_visits;
	double beyond_sum;
};

/* Batches of decodes alone, the commonest: all that depends on their number, and how often they ran. */
struct decode_row {
	double base_s, floor_s, host_s;        /* base: without attention; 0 = not filled yet */
	int64_t padded_tokens, visits;
};

struct stage {
	struct graph graph;
	bool has[NODE_SCALE_COUNT];
	size_t nodes_of[NODE_SCALE_COUNT];
	struct decode_row *decode;             /* max_seqs + 1 */
	struct table by[NODE_SCALE_COUNT];
	int64_t max_seqs, chunk_rows;
	double *context[GRAPH_WINDOWS];        /* (max_seqs + 1) x GRID_CONTEXTS */
	double *chunk_first, *chunk_grid;
	double prefill_floor;
	/* what ran, for the operators that depend on more than one aggregate */
	double decode_steps, decode_seqs, decode_context[GRAPH_WINDOWS];
	double chunk_count, chunk_tokens, chunk_prior, chunk_square, prefill_batches;
	double decode_attention_s, prefill_attention_s;
};

struct iteration {
	struct iteration_options options;
	struct arena *arena;
	int stage_count;
	struct stage *stages;
};

/* As new, but for the prices that are filled in. */
void iteration_forget(struct iteration *it);
/* Batches of decodes alone go into the tables' visits. */
void stage_settle(struct stage *s);
/* cost_op, times the factor of the operator's kind. */
void iteration_cost(const struct iteration *it, const struct op *op, struct op_cost *out);
void extent_for(enum node_scale scale, double v, struct extent *x);
double stage_seconds(const struct iteration *it, const struct stage *s, enum node_scale scale, int window, const struct extent *x);

#endif
