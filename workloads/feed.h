/* A trace as a workload wants it: cut, scaled, repeated, stretched to a rate. */
#ifndef WORKLOADS_FEED_H
#define WORKLOADS_FEED_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "workloads/trace.h"
#include "workloads/workload.h"

struct feed;
MUST_USE struct feed *feed_open(const struct workload *w, uint64_t seed, struct err *err);
/* The next row that passes the filters, arrival scaled. With turns: first rows of sessions only. */
bool feed_next(struct feed *f, struct trace_row *row, struct err *err);
/* The next turn of a session (delay_s set). False when there is none. */
bool feed_next_turn(struct feed *f, uint64_t session, struct trace_row *row);
bool feed_has_times(const struct feed *f); /* arrivals come from the trace */
bool feed_has_turns(const struct feed *f);
bool feed_has_blocks(const struct feed *f);
const char *feed_note(const struct feed *f);
const char *feed_class_name(const struct feed *f, int32_t index);
void feed_counts(const struct feed *f, struct source_counts *out); /* rows handed out so far and all dropped */
void feed_close(struct feed *f);                                   /* NULL is fine */

/* Applies prompt_scale, output_scale and max_model_len. False: dropped, *reason says why. */
bool fit_lengths(const struct workload *w, int64_t *prompt, int64_t *output, const char **reason);

#endif
