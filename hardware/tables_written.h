/* Sites that were not measured, written out like measured ones. */
#ifndef HARDWARE_TABLES_WRITTEN_H
#define HARDWARE_TABLES_WRITTEN_H

#include "hardware/tables_data.h"

/* Seconds at x[axes]; raises *grade to GRADE_OUTSIDE where neighbours went beyond what was measured of them. */
typedef double predictor(const void *context, const double *x, enum grade *grade);

/* A table (of three axes) whose site is what `seconds` says wherever the given sites of q's table have a place along
 * every axis, raised so that more work never takes less. The caller's, by table_release. NULL: no memory, or no place. */
struct table *site_write(const struct question *q, const int64_t *key, const size_t *sites, int count, predictor *seconds,
			 const void *context);
/* Seconds of such a site at x; raises *grade as its predictor did around there. */
double site_read(const struct question *q, const struct table *written, const double *x, enum grade *grade);

#endif
