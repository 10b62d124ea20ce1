/* Software that captures no graphs hands each kernel to the device by itself: while the host prepares the next one the device
 * runs the last, and a series of operators takes the longer of the two times. */
#ifndef HARDWARE_SUBMISSION_H
#define HARDWARE_SUBMISSION_H

#include "hardware/device.h"
#include "hardware/operator.h"

/* Host time to submit the kernels of an operator on the device itself; 0 where graphs hide it (no <submission>). */
double submission_s(const struct device *d, const struct op *op);

#endif
