/* Recurrent layers over a whole prompt, chunk by chunk: between chunks the state is passed on, inside a chunk tokens meet by their
 * products (xLSTM, arXiv 2405.04517; TTT-Linear's dual form, arXiv 2407.04620; Infini-attention's memory, arXiv 2404.07143). */
#ifndef KERNELS_ARCH_CHUNK_FORMS_H
#define KERNELS_ARCH_CHUNK_FORMS_H

#include <stdint.h>

enum { CHUNK_MOST = 64, CHUNK_DIM_MOST = 512 };

/* One head; widths are multiples of 16, chunks of at most CHUNK_MOST tokens. */
struct chunk_call {
	const float *q, *k, *v;        /* [tokens][keys], the same, [tokens][values] */
	const float *gates;            /* mLSTM: input gate (its exponent) and forget gate (before its sigmoid) a token */
	float *out;                    /* [tokens][values] */
	float *state;                  /* keys x values and keys more, zero at the start; TTT: and chunk x values more */
	int64_t tokens, keys, values, chunk;
	float rate;                    /* TTT's */
};
struct chunk_ops {
	void (*mlstm)(const struct chunk_call *c);
	void (*ttt)(const struct chunk_call *c);
	void (*infini)(const struct chunk_call *c);
};
extern const struct chunk_ops chunk_avx2, chunk_avx512;        /* x86-64 only */

#endif
