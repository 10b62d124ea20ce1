/* Every weight tensor of a model, one visit each: parameter counts, memory and (by test) the operator graph agree
 * because all are read off this list. */
#ifndef MODELS_TENSORS_H
#define MODELS_TENSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "models/model.h"

enum tensor_class {
	TENSOR_EMBEDDING, TENSOR_HEAD, TENSOR_ATTENTION, TENSOR_MLP, TENSOR_ROUTER, TENSOR_EXPERTS, TENSOR_SHARED,
	TENSOR_NORM, TENSOR_RECURRENT, TENSOR_CLASS_COUNT
};

struct tensor {
	const char *label;
	enum tensor_class class;
	double rows, cols;             /* of one matrix; a vector has rows = 1 */
	double copies;                 /* experts: how many of them */
	double active;                 /* of the copies, those that one token uses */
	int64_t units;                 /* what tensor parallelism deals out (heads, columns); 0 = every rank holds it whole */
	bool matrix;                   /* multiplied with activations: quantised, and 2 FLOPs an element and token */
};
typedef void tensor_visit(const struct tensor *t, void *ctx);

/* Tensors of one layer, and those outside the layers (embedding side: first stage; head side: last stage). */
void layer_tensors(const struct model *m, const struct layer *l, tensor_visit *visit, void *ctx);
void embedding_tensors(const struct model *m, tensor_visit *visit, void *ctx);
void head_tensors(const struct model *m, tensor_visit *visit, void *ctx);   /* the tied matrix is not visited again */

/* Elements of recurrent state that one sequence keeps in one recurrent layer: the state proper (of state_bytes each)
 * and the inputs that the short convolution or token shift still needs (activations). */
void recurrent_state(const struct model *m, double *state, double *tail);

static inline double tensor_elements(const struct tensor *t)
{
	return t->rows * t->cols * t->copies;
}

/* Share of a tensor that the fullest of `ways` ranks holds: units are dealt out whole, and each rank holds at least one
 * (so that kv heads are replicated when there are fewer of them than ranks). */
static inline double shard_share(int64_t units, int64_t ways)
{
	return units > 0 && ways > 1 ? (double)((units + ways - 1) / ways) / (double)units : 1;
}

#endif
