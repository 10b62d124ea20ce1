/* What runs of a kernel take on average. A step of an engine adds up hundreds of runs, so it takes as many means; runs vary to one side, and means lie
 * 1 to 5 % above medians. One point has too few samples for a mean of its own, which a single run of twice the time would move by a tenth: how far means lie
 * above medians is taken from points alike -- the same kernel, operands in the same place, runs about as long. */
#ifndef VALIDATION_RUN_MEANS_H
#define VALIDATION_RUN_MEANS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "kernels/harness/timing.h"

struct run_mean {
	const struct kernel_family *family;
	enum residency where;
	struct estimate estimate;
	double seconds;                /* filled in */
};
MUST_USE bool run_means_settle(struct run_mean *at, size_t count, struct err *err);

#endif
