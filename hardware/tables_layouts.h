/* Prefill of head layouts that were not measured, by a law of the measured ones. */
#ifndef HARDWARE_TABLES_LAYOUTS_H
#define HARDWARE_TABLES_LAYOUTS_H

#include "hardware/tables_choice.h"
#include "hardware/tables_written.h"

/* The whole site: at each place what the choice's neighbours say, and what a law of the layouts of [low, high) with that head size
 * and how the nearest of them differ from it say, in the geometric mean with the weight of either. `trust` is that of the neighbours, the
 * sum of 1 / expected error squared; 0: as much as the law's. The neighbours alone where the head size is another, or layouts are
 * few. NULL: no memory. */
struct table *layout_write(const struct question *q, const int64_t *key, int64_t head_dim, size_t low, size_t high,
			   const struct choice *choice, double trust);

#endif
