/* MoRA's square adapter by sharing (arXiv 2405.12130): fold by additions, multiply, repeat. */
#ifndef KERNELS_LORA_MORA_H
#define KERNELS_LORA_MORA_H

#include <stdint.h>

struct mora_call {
	const float *x, *m;            /* [k]; [rank][rank] */
	float *out;                    /* [n] */
	float *folded;                 /* scratch of 2 rank + 32 */
	int64_t k, n, rank;
};
void mora_avx2(const struct mora_call *c);
void mora_avx512(const struct mora_call *c);

#endif
