#include "kernels/core/scan.h"

/* The recurrence as it stands, one head after another. */
static void run(const struct scan_call *k)
{
	int64_t size = k->head_dim * k->state;

#pragma omp parallel for collapse(2) num_threads(k->threads) if (k->threads > 1) schedule(static)
	for (int64_t s = 0; s < k->sequences; s++) {
		for (int64_t h = 0; h < k->heads; h++) {
			float *state = k->h + (s * k->heads + h) * size;

			for (int64_t t = s * k->tokens; t < (s + 1) * k->tokens; t++) {
				for (int64_t p = 0; p < k->head_dim; p++) {
					int64_t at = (t * k->heads + h) * k->head_dim + p;
					double y = 0;

					for (int64_t n = 0; n < k->state; n++) {
						float *cell = state + p * k->state + n;

						*cell = k->decay[t * k->heads + h] * *cell + k->x[at] * k->b[t * k->state + n];
						y += (double)*cell * (double)k->c[t * k->state + n];
					}
					k->y[at] = (float)y;
				}
			}
		}
	}
}
const struct scan_ops scan_ref = { .variant = "ref", .run = run };
