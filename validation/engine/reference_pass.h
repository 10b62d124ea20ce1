/* The plain forward pass: one sequence, no cache, no batches, loops that say what the model is. What the engine must equal. */
#ifndef VALIDATION_ENGINE_REFERENCE_PASS_H
#define VALIDATION_ENGINE_REFERENCE_PASS_H

#include "validation/engine/engine_model.h"

/* Logits after each of n tokens, [n][vocab] of the caller's. Weights are the values that the packed forms stand for; everything else
 * is fp32 with sums in double. */
MUST_USE bool reference_pass(const struct engine_model *m, const int32_t *ids, int64_t n, float *logits, struct err *err);

#endif
