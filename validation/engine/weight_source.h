/* Where the engine's weights come from: a seeded generator or a file, asked for by what they are. */
#ifndef VALIDATION_ENGINE_WEIGHT_SOURCE_H
#define VALIDATION_ENGINE_WEIGHT_SOURCE_H

#include "validation/engine/engine_shape.h"

enum weight_role {
	WEIGHT_EMBEDDING, WEIGHT_HEAD, WEIGHT_FINAL_NORM,                       /* outside the layers */
	WEIGHT_ATTENTION_NORM, WEIGHT_Q, WEIGHT_K, WEIGHT_V, WEIGHT_Q_BIAS, WEIGHT_K_BIAS, WEIGHT_V_BIAS, WEIGHT_Q_NORM, WEIGHT_K_NORM, WEIGHT_O,
	WEIGHT_MLP_NORM, WEIGHT_GATE, WEIGHT_UP, WEIGHT_DOWN, WEIGHT_ROUTER,
	WEIGHT_EXPERT_GATE, WEIGHT_EXPERT_UP, WEIGHT_EXPERT_DOWN, WEIGHT_ROLES
};

struct weight_source;
/* Values of standard deviation 1/sqrt(columns), norms near 1: activations keep their size through any depth. */
MUST_USE struct weight_source *weight_source_random(const struct engine_shape *shape, uint64_t seed, struct err *err);
/* safetensors with a config.json beside it (Hugging Face names of llama, mistral, qwen2, qwen3, mixtral, qwen3_moe) or GGUF of the same
 * families. Checks that every tensor of the shape is there. */
MUST_USE struct weight_source *weight_source_file(const char *path, struct err *err);
void weight_source_free(struct weight_source *s);      /* NULL is fine */
const struct engine_shape *weight_source_shape(const struct weight_source *s);

/* Rows first .. first + rows - 1 of [..][cols]; norms and biases are one row. layer and expert are ignored where they mean nothing. */
MUST_USE bool weight_source_read(const struct weight_source *s, enum weight_role role, int64_t layer, int64_t expert, int64_t first,
				 int64_t rows, int64_t cols, float *out, struct err *err);

#endif
