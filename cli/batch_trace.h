/* The timeline of a run (--chrome-trace): batches as they lie on their replicas, requests as spans. */
#ifndef CLI_BATCH_TRACE_H
#define CLI_BATCH_TRACE_H

#include "base/attr.h"
#include "base/err.h"
#include "reports/result.h"

struct batch_trace;
MUST_USE struct batch_trace *batch_trace_open(const char *path, struct err *err);
void batch_trace_batch(struct batch_trace *t, int replica, double start_s, double end_s, int64_t steps, int64_t decodes,
		       int64_t prefills, int64_t tokens);
void batch_trace_request(struct batch_trace *t, const struct request_record *r);
MUST_USE bool batch_trace_close(struct batch_trace *t, struct err *err);       /* frees t also on failure */
void batch_trace_abandon(struct batch_trace *t);                               /* leaves no file; NULL is fine */

#endif
