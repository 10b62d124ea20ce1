/* scan.inc for the instruction set of this file's name. */
#include "kernels/core/cpu.h"
#include "kernels/core/scan.inc"

const struct scan_ops scan_avx2 = { .variant = "avx2", .usable = cpu_has_avx2, .run = run };
