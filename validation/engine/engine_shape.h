/* The transformer that the engine runs: Llama's blocks (RMSNorm, rotary positions, grouped queries, SwiGLU), dense or with routed
 * experts. Plain numbers, from the simulator's own model description or from a file of weights. */
#ifndef VALIDATION_ENGINE_SHAPE_H
#define VALIDATION_ENGINE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "models/model.h"

struct engine_shape {
	int64_t layers, hidden, heads, kv_heads, head_dim, intermediate, vocab, context;
	int64_t experts, top_k, expert_width;  /* experts 0: dense */
	int64_t window;                        /* each token sees this many before it; 0: all */
	bool tied, qkv_bias, qk_norm;          /* qk_norm: RMSNorm of each head's query and key */
	bool renormalise;                      /* weights of the chosen experts add up to 1 */
	bool interleaved;                      /* rotary pairs (2i, 2i+1): GGUF files of the llama family */
	double rope_theta, eps;
};

/* ERR_INPUT names what the engine does not run (latent attention, recurrent layers, LayerNorm ...). rope_theta and eps are
 * 10000 and 1e-5: a description of costs does not hold them. */
MUST_USE bool engine_shape_of(const struct model *m, struct engine_shape *out, struct err *err);
/* Sizes that contradict each other or that no machine holds: ERR_INPUT; `origin` begins the text. */
MUST_USE bool engine_shape_check(const struct engine_shape *s, const char *origin, struct err *err);
double engine_shape_parameters(const struct engine_shape *s);

#endif
