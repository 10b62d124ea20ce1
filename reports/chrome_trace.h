/* A timeline for Perfetto (ui.perfetto.dev) and chrome://tracing, written while the simulation runs: --chrome-trace. */
#ifndef REPORTS_CHROME_TRACE_H
#define REPORTS_CHROME_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct chrome_trace;

struct trace_arg {                     /* text when not NULL, else the number */
	const char *key, *text;
	double number;
};

/*
 * Trace Event Format, JSON object form. A process is a replica (pid), a thread a lane in it (tid). Times are simulated
 * seconds from the start of the run. Failures to write are kept until the close. The file is there whole or not at all;
 * "-" is standard output, a name ending in ".gz" is compressed.
 */
MUST_USE struct chrome_trace *chrome_trace_open(const char *path, struct err *err);
void chrome_trace_process(struct chrome_trace *t, int64_t pid, const char *name);
void chrome_trace_thread(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name);
/* Something that lasts: an iteration, an operator. Spans of one thread must nest or follow each other. */
void chrome_trace_complete(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name, const char *category,
			   double start_s, double duration_s, const struct trace_arg *args, size_t arg_count);
/* Something that lasts and may overlap others of its kind, told apart by id: a request, a transfer. */
void chrome_trace_span(struct chrome_trace *t, int64_t pid, int64_t id, const char *name, const char *category,
		       double start_s, double duration_s, const struct trace_arg *args, size_t arg_count);
/* Something that happens: a preemption, a scale-up. */
void chrome_trace_instant(struct chrome_trace *t, int64_t pid, int64_t tid, const char *name, double at_s,
			  const struct trace_arg *args, size_t arg_count);
/* Values from now on; each argument is one line of the chart `name`. */
void chrome_trace_counter(struct chrome_trace *t, int64_t pid, const char *name, double at_s,
			  const struct trace_arg *args, size_t arg_count);
MUST_USE bool chrome_trace_close(struct chrome_trace *t, struct err *err);          /* frees t also on failure */
void chrome_trace_abandon(struct chrome_trace *t);                                  /* leaves no file; NULL is fine */

#endif
