/* Matrix units that take no 8-bit floats: kernels widen such operands on the vector units, inside or between products. */
#ifndef HARDWARE_CASTS_H
#define HARDWARE_CASTS_H

#include "hardware/device.h"
#include "hardware/operator.h"

/* Whether 8-bit floats run at another format's rate, so that activations stay as they are and only weights are read narrow. */
bool casts_fp8(const struct device *d);

/* Time of the vector units to widen an 8-bit cache in attention, one after the other with the matrix units' work; 0 where the
 * device takes the format or nobody counted the instructions (units cast8_ops). */
double cast_seconds(const struct device *d, const struct op *op);

#endif
