/* Modules of the technology tree that the engine really runs: what --with asks, as the engine takes it. */
#ifndef VALIDATION_ENGINE_METHODS_H
#define VALIDATION_ENGINE_METHODS_H

#include "models/technique_data.h"
#include "sim/scenario.h"

struct cache_ops;                      /* validation/engine/engine_cache.h */
struct cache_settings {
	int64_t residual;              /* KIVI: most recent tokens in full precision, a multiple of 64 */
	double heavy, recent;          /* H2O: shares of the tokens that stay */
	int64_t budget;                /* tokens that stay instead; 0: by share */
};

/* Mixture of depths: in one layer of `every` this share of the tokens is computed. */
struct depth_settings {
	int64_t every;                 /* 0: in none */
	double capacity;
};

/* A draft layer on features of the model, whose chain of guesses the next pass verifies (EAGLE-3, arXiv 2503.01840). */
struct draft_settings {
	int depth;                     /* guesses a round; 0: none are made */
	int64_t fused;                 /* features of the model that are joined, 1 to 8 */
	int64_t vocab;                 /* words of the draft's head; 0: all */
	/* An untrained layer guesses next to nothing. drawn: whether guess i + 1 is right, those before it being so, is a matter of this
	 * probability, and an accepted guess is the answer's token. Else the model's own choices decide, and the answer is the model's. */
	bool drawn;
	double right[DRAFT_DEPTH_MOST];
};

struct engine_methods {
	bool ternary;                  /* matrices of layers in -1, 0, 1, activations in 8 bits (BitNet b1.58) */
	const struct cache_ops *cache; /* instead of the plain paged one; NULL: that */
	struct cache_settings cache_settings;
	struct depth_settings depth;
	struct draft_settings draft;
};
/* ERR_INPUT names a module or parameter that the engine does not run. Modules that only change policies are the scheduler's matter. */
MUST_USE bool engine_methods_of(const struct scenario *sc, struct engine_methods *out, struct arena *arena, struct err *err);

#endif
