/* The draft layer of EAGLE-3 (arXiv 2503.01840, section 3) in the engine: one decoder layer that reads, side by side, the embedding of a
 * token and a feature of the model at the position before it -- fused from three of the model's layers where the model has been, its own
 * result beyond -- and a head over the more common words. Its keys and values lie in the slots of the model's, in a cache of its own.
 * Weights are random, in fp32 as the engine's activations are: they cost what trained ones cost, and guess next to nothing. */
#ifndef VALIDATION_ENGINE_DRAFT_HEAD_H
#define VALIDATION_ENGINE_DRAFT_HEAD_H

#include "validation/engine/engine_methods.h"
#include "validation/engine/forward.h"

struct draft_head;
/* Borrows the model. NULL + err on failure. */
MUST_USE struct draft_head *draft_head_new(const struct draft_settings *s, const struct engine_model *m, const struct forward_limits *limits, uint64_t seed,
					   struct err *err);
void draft_head_free(struct draft_head *d);    /* NULL is fine */

/*
 * Runs over rows whose fields are those of a forward_batch; ids[r] is the token after position positions[r], logit_rows those whose next
 * token is to be guessed. features: [rows][fused hidden] of the model, NULL: what the last call computed for its logit rows, one row each.
 * timer: takes the time spent. Guesses stay until the next call. False when memory runs out.
 */
MUST_USE bool draft_head_run(struct draft_head *d, const struct forward_batch *rows, const float *features, struct forward *timer, struct err *err);
const int32_t *draft_head_guesses(const struct draft_head *d);         /* [logits] */

#endif
