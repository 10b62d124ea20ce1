/* Element-wise parts of optimizer steps: what they keep is passed through memory once. */
#ifndef KERNELS_OPTIM_UPDATE_H
#define KERNELS_OPTIM_UPDATE_H

#include <stdint.h>

struct update_call {
	const float *gradient;
	float *moment, *square, *master;       /* square: AdamW alone */
	uint16_t *weight;              /* bf16 copy that the model computes with */
	const float *direction;        /* Muon: the orthogonalised moment of the step */
	int64_t count;
};
struct update_ops {
	void (*adamw)(const struct update_call *u);    /* arXiv 1711.05101 */
	void (*muon)(const struct update_call *u);     /* arXiv 2502.16982, without Newton-Schulz */
};
extern const struct update_ops update_ref, update_avx2, update_avx512;         /* beyond the reference: x86-64 only */

/* Constants that both forms share. */
static const float UPDATE_RATE = 1e-3f, UPDATE_DECAY = 0.1f, UPDATE_BETA1 = 0.9f, UPDATE_BETA2 = 0.95f, UPDATE_EPSILON = 1e-8f;

#endif
