/* A model in memory, packed for the kernels. */
#ifndef VALIDATION_ENGINE_MODEL_H
#define VALIDATION_ENGINE_MODEL_H

#include "kernels/arch/ternary_matrix.h"
#include "kernels/core/weights.h"
#include "validation/engine/weight_source.h"

struct engine_layer {
	float *attention_norm, *mlp_norm;      /* [hidden] */
	float *q_norm, *k_norm;                /* [head_dim]; NULL without */
	float *qkv_bias;                       /* [(heads + 2 kv_heads) head_dim]; NULL without */
	struct weights *qkv, *o;               /* qkv: queries, keys, values one after the other */
	struct weights *gate_up, *down;        /* dense: gate rows, then up rows */
	struct ternary_matrix *ternary_qkv, *ternary_o, *ternary_gate_up, *ternary_down;      /* instead of those, where asked for */
	struct weights *router;                /* fp32: few rows, and ties would decide */
	struct weights **expert_gate_up, **expert_down;
};

struct engine_model {
	struct engine_shape shape;
	enum kernel_format format;             /* of the matrices */
	enum kernel_format embedding_format;   /* fp32, or bf16 for narrower weights */
	void *embedding;                       /* [vocab][hidden] */
	float *final_norm;
	struct weights *head;
	struct engine_layer *layers;
	double bytes;                          /* of all weights as packed */
};

/* Reads every weight from the source and packs it. NULL + err on failure. */
MUST_USE struct engine_model *engine_model_new(const struct weight_source *source, enum kernel_format format, int threads, struct err *err);
/* The same with ternary matrices in its layers; dense models. */
MUST_USE struct engine_model *engine_model_ternary(const struct weight_source *source, enum kernel_format format, int threads, struct err *err);
void engine_model_free(struct engine_model *m);        /* NULL is fine */

#endif
