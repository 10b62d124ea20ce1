/* Selective scan: the linear recurrence of state-space layers with one decay a head and token (Mamba-2; Dao and Gu 2024, section 6)
 * and of gated linear attention:
 *
 *     H_t = decay_t H_{t-1} + x_t b_t^T        y_t = H_t c_t        H: [head_dim][state]
 *
 * with decay_t = exp(-dt_t) a head, x_t already times dt_t, b_t and c_t shared by all heads. */
#ifndef KERNELS_CORE_SCAN_H
#define KERNELS_CORE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct scan_call {
	int64_t sequences, tokens;     /* tokens of each sequence */
	int64_t heads, head_dim, state;
	const float *x;                /* [sequences][tokens][heads][head_dim] */
	const float *decay;            /* [sequences][tokens][heads] */
	const float *b, *c;            /* [sequences][tokens][state] */
	float *h;                      /* [sequences][heads][head_dim][state], in and out */
	float *y;                      /* as x */
	int threads;
};
struct scan_ops {
	const char *variant;
	bool (*usable)(void);
	void (*run)(const struct scan_call *call);
};
extern const struct scan_ops scan_ref, scan_avx2, scan_avx512;     /* beyond the reference: x86-64 only */

#endif
