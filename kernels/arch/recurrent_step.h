/* One decoded token through a recurrent state that lies in memory: matrix-memory LSTM (xLSTM, arXiv 2405.04517), TTT-Linear
 * (arXiv 2407.04620), compressive memory (Infini-attention, arXiv 2404.07143). */
#ifndef KERNELS_ARCH_RECURRENT_STEP_H
#define KERNELS_ARCH_RECURRENT_STEP_H

#include <stdint.h>

/* One head. The state is a matrix, keys x values (TTT: values x keys, and the gradient of the current mini-batch beside it), and a
 * vector of keys after it (TTT: none). */
struct step_head {
	const float *q, *k, *v;
	float *state, *out;
	int64_t keys, values;
	float keep, add, rate;         /* mLSTM's gates; TTT's learning rate */
};
enum { STEP_DIM_MOST = 512 };

struct step_ops {
	void (*mlstm)(const struct step_head *h);      /* C = f C + i k v', n = f n + i k, out = C' q / max(|n q|, 1) */
	void (*ttt)(const struct step_head *h);        /* e = W k - v, G += e k', out = W q - 2 rate G q */
	void (*infini)(const struct step_head *h);     /* out = sigma(q)' M / sigma(q) z: read only, updates come once a segment */
};
extern const struct step_ops step_ref, step_avx2, step_avx512;         /* beyond the reference: x86-64 only */

#endif
