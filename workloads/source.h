/* A stream of requests: a trace file or a generator, the same to the simulator. Constant memory. */
#ifndef WORKLOADS_SOURCE_H
#define WORKLOADS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "workloads/request.h"
#include "workloads/workload.h"

struct source;

/* Opens what the workload describes (trace file or generator). Streams depend on `seed` only. */
MUST_USE struct source *source_open(const struct workload *w, uint64_t seed, struct err *err);

/* The next request in order of arrival. False at the end or on error (err->kind tells). With a closed loop the first
 * `concurrency` requests come from here, the rest from source_completed. */
bool source_next(struct source *s, struct request *out, struct err *err);

/* A request finished at now_s: fills *next (arrival_s >= now_s) when it causes another one (closed loop; next turn of
 * its session after think time) and returns true. Called in order of now_s. */
bool source_completed(struct source *s, const struct request *done, double now_s, struct request *next, struct err *err);

bool source_causes_followups(const struct source *s);                 /* false: source_completed never returns true */
bool source_has_prefixes(const struct source *s);                     /* some request may carry blocks */

struct source_counts {
	int64_t rows_read, rows_kept, rows_dropped;
	struct { const char *reason; int64_t count; } dropped[16];     /* rows_read = rows_kept + sum of these */
	int dropped_reasons;
};
void source_counts(const struct source *s, struct source_counts *out);
void source_close(struct source *s);

/* What a user must know about the trace ("token counts are estimated ..."), or NULL. */
const char *source_note(const struct source *s);
/* Name of request.class_index: of the workload's class or of the trace's model or tenant; "" when it has none. */
const char *source_class_name(const struct source *s, int32_t index);

#endif
