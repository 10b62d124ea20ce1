/* What this processor can run; each level is what a variant's file is compiled for. */
#ifndef KERNELS_CORE_CPU_H
#define KERNELS_CORE_CPU_H

#include <stdbool.h>

bool cpu_has_avx2(void);              /* with FMA and F16C */
bool cpu_has_avx512(void);            /* F, BW, DQ, VL and VNNI */

/* Whether memory is better asked for into the first cache than into the second alone. Intel's cores have 10 to 16 misses of the first cache
 * under way and 48 of the second. On AMD's (Zen 5) a request for the second cache takes 3.6 cycles of the core when the line is there
 * already, one for the first 0.9. */
bool cpu_asks_near(void);

/* Rows of a kernel's table of variants: one source compiled for AVX2 and for AVX-512, with the operations of each. Other
 * processors have neither. */
#if defined(__x86_64__)
#define KERNEL_SIMD(accepts, run, avx2, avx512) \
	{ "avx2", cpu_has_avx2, accepts, run, avx2 }, { "avx512", cpu_has_avx512, accepts, run, avx512 },
#else
#define KERNEL_SIMD(accepts, run, avx2, avx512)
#endif

#endif
