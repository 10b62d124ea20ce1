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

struct table {
	double *seconds;               /* by aggregate; 0 = not filled yet */
	double *visits;
	int64_t rows;
	double beyond_visits;
	double beyond_sum;
};

struct stage {
	struct graph graph;
	bool has[NODE_SCALE_COUNT];
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

void extent_for(enum node_scale scale, double v, struct extent *x);
double stage_seconds(const struct iteration *it, const struct stage *s, enum node_scale scale, int window, const struct extent *x);

#endif
