/* Fits the law of energy.h to measured board power.
 *
 * Points come from kernels that ran in a loop while the board's power was sampled. Short loops are measured too low (the
 * sampler averages gaps in), so points are gathered in cells of 5 % of the peak memory rate by 5 % of the peak arithmetic
 * rate, and a cell's upper quartile counts. The law is fitted to the cells of one half of the shape sites (GSL, nonlinear
 * least squares with the limit as its cap, three rounds of Huber weights) and judged on the cells of the other. */
#ifndef HARDWARE_POWER_FIT_H
#define HARDWARE_POWER_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/device.h"

struct power_point {
	double compute, memory;        /* shares of peak */
	double watts;
	uint64_t site;                 /* a hash: points of one site are fitted or left out together */
};

struct power_fit {
	double busy_w, memory_w, compute_w, top_w;     /* struct device_power; top_w: where the cap was seen */
	double median, p90;            /* |law / cell - 1| on the cells left out */
	double present_median, present_p90;            /* the same of the law that the device's file gives now */
	size_t points, cells, cells_left_out;
};

/* Fits one device's points. busy_w > 0 is kept as given; else it is fitted too. ERR_INPUT with fewer than 8 cells. */
MUST_USE bool power_fit(const struct device *d, const struct power_point *points, size_t count, double busy_w, struct power_fit *out,
			struct err *err);

/* Reads points: columns compute,memory,watts (shares of peak), or those of AIConfigurator's GEMM tables (gemm_dtype, m, n, k,
 * latency_us, power_w). Adds to *points, which grows (mem_free it); rows without power are skipped. */
MUST_USE bool power_read(const char *path, const struct device *d, struct power_point **points, size_t *count, struct err *err);

#endif
