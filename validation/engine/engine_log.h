/* What the engine noted: one line a request and one an iteration, times in seconds since the replay began. */
#ifndef VALIDATION_ENGINE_LOG_H
#define VALIDATION_ENGINE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct engine_request {
	int64_t id, prompt_tokens, output_tokens, cached_tokens;
	double arrival_s, scheduled_s, first_token_s, last_token_s;
	int32_t preemptions;
};

struct engine_iteration {
	double start_s, end_s, form_s; /* form_s: of that, the scheduler and the layout of the batch */
	double op_s;                   /* of that, inside operators: what is left is the engine's own */
	int64_t decodes, prefills, prefill_tokens, running, waiting, kv_blocks;
};

struct engine_log {
	struct engine_request *requests;       /* in order of completion */
	struct engine_iteration *iterations;
	size_t request_count, request_capacity, iteration_count, iteration_capacity;
	int64_t refused;                       /* requests too long for the limits */
	int64_t preemptions;
	int64_t recomputed_tokens;             /* of prefixes that the scheduler counted on (kv_pages.h) */
};
void engine_log_release(struct engine_log *log);
MUST_USE bool engine_log_request(struct engine_log *log, const struct engine_request *r);
MUST_USE bool engine_log_iteration(struct engine_log *log, const struct engine_iteration *i);

static inline double engine_ttft_s(const struct engine_request *r)
{
	return r->first_token_s - r->arrival_s;
}
static inline double engine_e2e_s(const struct engine_request *r)
{
	return r->last_token_s - r->arrival_s;
}
double engine_tpot_s(const struct engine_request *r);   /* NAN for one-token answers */

/* CSV, whole file or none; "-" is standard output. Requests: the columns of `run --requests-csv` and the four times. */
MUST_USE bool engine_log_write_requests(const struct engine_log *log, const char *path, struct err *err);
MUST_USE bool engine_log_write_iterations(const struct engine_log *log, const char *path, struct err *err);

#endif
