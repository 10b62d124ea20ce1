/* From logits to a token. */
#ifndef KERNELS_CORE_SAMPLING_H
#define KERNELS_CORE_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

struct sampling {
	float temperature;             /* 0: the largest */
	int64_t top_k;                 /* 0: all */
	float top_p;                   /* 1: all; else the fewest, most probable first, whose probabilities reach it */
};
/* One token for each of m rows of n logits. `uniform` holds one number in [0, 1) a row. scratch: sampling_scratch_bytes. */
void sample(const float *logits, int64_t m, int64_t n, const struct sampling *s, const float *uniform, int32_t *out, void *scratch,
	    int threads);
size_t sampling_scratch_bytes(int64_t n, int threads);
int32_t sample_largest(const float *logits, int64_t n);             /* the lower number on ties */

#endif
