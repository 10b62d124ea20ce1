/* Optimizers as physics: what they keep for each parameter, what a step reads and writes, what it computes beside.
 * One row of a table an optimizer; a technique that brings a new one adds its row. */
#ifndef MODELS_OPTIMIZER_H
#define MODELS_OPTIMIZER_H

#include "base/attr.h"
#include "base/err.h"

struct optimizer_ops {
	const char *name, *help;
	const char *source;
	/* Bytes of state for a rows x cols matrix (a vector: rows = 1), without the fp32 master copy. */
	double (*state_bytes)(double rows, double cols);
	bool master;                           /* keeps an fp32 copy of 16-bit weights */
	double traffic_bytes;                  /* through memory, a parameter and step, besides twice the state: gradient in, weight in and out */
	double flops;                          /* element-wise, a parameter and step */
	/* (optional) FLOPs of matrix products a step for one matrix. */
	double (*matrix_flops)(double rows, double cols);
};

extern const struct optimizer_ops *const optimizers[];                  /* NULL-terminated */
/* Unknown: NULL, with the nearest name in err. */
MUST_USE const struct optimizer_ops *optimizer_require(const char *name, struct err *err);

/* Bytes that one step moves through the device's memory for a parameter of a rows x cols matrix: the state read and
 * written, the master copy too, the gradient (grad_bytes) read, the 16-bit weight (weight_bytes) written. */
double optimizer_step_bytes(const struct optimizer_ops *o, double rows, double cols, double grad_bytes, double weight_bytes);

#endif
