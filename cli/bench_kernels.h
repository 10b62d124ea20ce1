/* `bench kernels`: the kernels of this host, against OpenBLAS, triad and the peak. */
#ifndef CLI_BENCH_KERNELS_H
#define CLI_BENCH_KERNELS_H

#include "cli/options.h"

extern const struct command bench_kernels;

#endif
