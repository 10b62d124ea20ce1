/* The pulse of this host: two reference kernels, taken while a device is calibrated and again whenever it predicts something that is then
 * measured. Their ratio tells a machine that has changed meanwhile (clocks, neighbours on its memory) from a prediction that is wrong. It is
 * reported, a measurement that it calls disturbed may be taken again, and it corrects nothing. */
#ifndef VALIDATION_PULSE_H
#define VALIDATION_PULSE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "kernels/harness/timing.h"

struct pulse {
	double stream_s, product_s;    /* triad over three times 16 MiB from memory; a product of 256 x 1024 x 1024 in fp32 */
};

/* By so many threads: medians of three runs each, from two places. */
MUST_USE bool pulse_take(int threads, struct timing *t, struct pulse *out, struct err *err);
void pulse_mean(const struct pulse *a, const struct pulse *b, struct pulse *out);
/* The larger of what the two kernels' times differ by. */
double pulse_drift(const struct pulse *now, const struct pulse *then);

/* In the folder of a device's tables, as calibration left it. */
MUST_USE bool pulse_write(const char *home, const struct pulse *p, struct err *err);
/* False where there is none, or none that can be read. */
MUST_USE bool pulse_read(const char *home, struct pulse *out);
/* "memory stream +3 %, product -1 % against the calibration's" (time now over time then). */
void pulse_text(const struct pulse *now, const struct pulse *then, struct str *out);

#endif
