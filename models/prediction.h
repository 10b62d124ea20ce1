/* Multi-token prediction: modules behind the last layer that are trained to say one token further ahead each (DeepSeek-V3, arXiv
 * 2412.19437, section 2.2). A module norms the state before it and the embedding of the next token, projects both to one state,
 * and runs a layer like the model's last and the model's own head on it. */
#ifndef MODELS_PREDICTION_H
#define MODELS_PREDICTION_H

#include "models/model.h"
#include "models/tensors.h"

/* A module without its norms and projection is a model of one layer: that one. It borrows from `m`. */
void prediction_model(const struct model *m, struct model *out);

/* What a module owns: its layer, the projection and two norms. Embedding and head are the model's. */
void prediction_tensors(const struct model *m, tensor_visit *visit, void *ctx);

/* Parameters that a module owns, and those that multiply a token in it: its own active ones and the head's. */
void prediction_parameters(const struct model *m, double *own, double *multiplied);

#endif
