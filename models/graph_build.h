/* Inside of graph_build: what the parts of a layer need to add their nodes. */
#ifndef MODELS_GRAPH_BUILD_H
#define MODELS_GRAPH_BUILD_H

#include "models/graph.h"

struct build {
	const struct model *m;
	struct placement p;            /* resolved */
	struct graph *out;
	size_t capacity;
	struct arena *arena;
	struct err *err;
	bool fused_add;                /* residual additions inside the norms */
	const char *contained;         /* operators that the measurement of another one holds, separated by blanks */
	const char *beside;            /* parts that run beside others (struct stack), in batches of so many rows */
	int64_t beside_tokens;
	const char *extra;             /* kernels that a layer has besides (struct stack) */
	double rank_wait_s;            /* in an all-reduce, until the last rank is there */
	double share;                  /* of the batch's tokens that one rank works on: 1 / (dp * cp * stages) */
	double layers;                 /* how many layers of the stage are like the one being built */
	double bytes;                  /* of one activation */
};

/* What one rank holds of `units` dealt over tensor ranks, rounded up, at least 1 (0 stays 0). */
int64_t build_local(const struct build *b, int64_t units);

/* Adds a node that runs once in each of b->layers layers, with per_unit = b->share. The result is valid until the next
 * call; NULL when memory ran out (b->err says so). Nodes that are equal in all but count are merged by build_merge. */
struct node *build_node(struct build *b, const char *label, enum op_kind kind, enum dtype dtype, enum node_scale scale);

/* Shorthands; each adds one node and returns it (or NULL). */
struct node *build_gemm(struct build *b, const char *label, enum dtype dtype, int64_t k, int64_t n);
bool build_has(const struct build *b, const char *part);   /* is this one of the stack's extra kernels? */
void build_beside(struct build *b, struct node *n, const char *part);   /* n is of that part (NULL: nothing) */
struct node *build_rows(struct build *b, const char *label, enum op_kind kind, int64_t n);    /* elementwise, n wide */
void build_comm(struct build *b, const char *label, enum op_kind kind, int64_t ranks, int64_t stride, double bytes_per_token);
void build_reduce(struct build *b, const char *label);          /* adds up partial results over the tensor ranks */
void build_norm(struct build *b, const char *label, bool with_add);
void build_merge(struct graph *g);
/* Index of a window (tokens; 0 = full) among graph.windows. */
int build_window(struct build *b, int64_t window);

/* Parts of a layer, without the norms and reductions around them. */
void build_attention(struct build *b, const struct layer *l);   /* graph_attention.c */
void build_mla(struct build *b, const struct layer *l);         /* graph_mla.c */
void build_recurrent(struct build *b);                          /* graph_recurrent.c */
void build_mlp(struct build *b, const struct layer *l);         /* graph_mlp.c */
void build_moe(struct build *b, const struct layer *l);         /* graph_moe.c: reduces by itself */
/* Shared by both kinds of attention (graph_attention.c). */
struct attention_pair {
	const char *prefill_label, *decode_label;
	struct op prefill, decode;     /* heads and widths as this rank sees them */
	int64_t window;                /* tokens attended at most; 0 = all */
};
void build_attention_pair(struct build *b, const struct attention_pair *pair);
void build_indexer(struct build *b, int64_t from);              /* `from`: width of the vector queries are made of */
void build_context_ring(struct build *b, int64_t row);          /* `row`: cached elements a token on this rank */
void build_context_gather(struct build *b, int64_t query, int64_t result);

#endif
