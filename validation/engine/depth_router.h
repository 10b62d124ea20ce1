/* Mixture of depths (arXiv 2404.02258) in the engine: in a routed layer, which rows of a batch are computed, and where their keys and
 * values go. A chunk's rows compete by score for its share, rounded up. Of decoding sequences as many enter as the share of them makes
 * up over the steps, those with the largest scores: a trained predictor would let through that share, a random one any. A layer's cache
 * holds the rows that entered alone, packed from the first slot of the sequence on. */
#ifndef VALIDATION_ENGINE_DEPTH_ROUTER_H
#define VALIDATION_ENGINE_DEPTH_ROUTER_H

#include "validation/engine/engine_methods.h"
#include "validation/engine/forward.h"

struct depth_router;
MUST_USE struct depth_router *depth_router_new(const struct depth_settings *s, const struct engine_shape *shape, const struct forward_limits *limits,
					       struct err *err);
void depth_router_free(struct depth_router *r);        /* NULL is fine */
/* Before a pass of so many rows, when they are more than ever. */
MUST_USE bool depth_router_room(struct depth_router *r, int64_t rows, struct err *err);
bool depth_router_routes(const struct depth_router *r, int64_t layer);

/* The batch of those rows of `b` that enter the layer, which are rows chosen[0 ..] of it, ascending. x: [rows][hidden], normed. Both lie
 * in the router until the next call. */
struct depth_choice {
	struct forward_batch batch;
	const int32_t *chosen;
	const float *gate;             /* [batch.rows] what the block's change of a row is multiplied by: its score; 1 when all enter */
};
void depth_router_choose(struct depth_router *r, const struct forward_batch *b, int64_t layer, const float *x, struct depth_choice *out);
int64_t depth_router_entered(const struct depth_router *r);            /* rows so far, over all routed layers */

#endif
