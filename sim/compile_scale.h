/* Factors on the figures of the device and on the times of operators: what sensitivities are measured with. Inside of
 * compile.c. */
#ifndef SIM_COMPILE_SCALE_H
#define SIM_COMPILE_SCALE_H

#include "sim/compile.h"

/* Replaces c->device and c->system by copies changed as hardware.scale says ("peak=1.2,bandwidth=0.8"), and reads
 * hardware.op_scale ("gemm=1.05,host=0.9") into c->op_factor. ERR_INPUT names what is unknown. */
MUST_USE bool compile_scale(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err);

/* The names that hardware.scale knows, NULL-terminated. */
extern const char *const scale_names[];

#endif
