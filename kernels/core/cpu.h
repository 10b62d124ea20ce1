/* What this processor can run; each level is what a variant's file is compiled for. */
#ifndef KERNELS_CORE_CPU_H
#define KERNELS_CORE_CPU_H

#include <stdbool.h>

bool cpu_has_avx2(void);              /* with FMA and F16C */
bool cpu_has_avx512(void);            /* F, BW, DQ, VL and VNNI */
bool cpu_has_avx512bf16(void);        /* and products of bf16 pairs */

#endif
