#include "validation/engine/engine_log.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"

void engine_log_release(struct engine_log *log)
{
	mem_free(log->requests);
	mem_free(log->iterations);
	*log = (struct engine_log){ 0 };
}

bool engine_log_request(struct engine_log *log, const struct engine_request *r)
{
	if (!mem_grow(&log->requests, &log->request_capacity, log->request_count + 1, sizeof(*log->requests)))
		return false;
	log->requests[log->request_count++] = *r;
	return true;
}

bool engine_log_iteration(struct engine_log *log, const struct engine_iteration *i)
{
	if (!mem_grow(&log->iterations, &log->iteration_capacity, log->iteration_count + 1, sizeof(*log->iterations)))
		return false;
	log->iterations[log->iteration_count++] = *i;
	return true;
}

double engine_tpot_s(const struct engine_request *r)
{
	return r->output_tokens > 1 ? (r->last_token_s - r->first_token_s) / (double)(r->output_tokens - 1) : NAN;
}

static bool finish(struct str *out, const char *path, struct err *err)
{
	bool ok = paths_write_str(path, out, err);

	str_release(out);
	return ok;
}

bool engine_log_write_requests(const struct engine_log *log, const char *path, struct err *err)
{
	struct str out = { 0 };

	str_add(&out, "request_id,arrival_s,prompt_tokens,output_tokens,queue_s,ttft_s,tpot_s,e2e_s,replica,preemptions,cached_tokens,scheduled_s,first_token_s,last_token_s\n");
	for (size_t i = 0; i < log->request_count; i++) {
		const struct engine_request *r = &log->requests[i];
		double tpot = engine_tpot_s(r);

		str_addf(&out, "%" PRId64 ",%.9f,%" PRId64 ",%" PRId64 ",%.9f,%.9f,", r->id, r->arrival_s, r->prompt_tokens, r->output_tokens,
			 r->scheduled_s - r->arrival_s, engine_ttft_s(r));
		if (!isnan(tpot))
			str_addf(&out, "%.9f", tpot);
		str_addf(&out, ",%.9f,0,%d,%" PRId64 ",%.9f,%.9f,%.9f\n", engine_e2e_s(r), (int)r->preemptions, r->cached_tokens, r->scheduled_s, r->first_token_s,
			 r->last_token_s);
	}
	return finish(&out, path, err);
}

bool engine_log_write_iterations(const struct engine_log *log, const char *path, struct err *err)
{
	struct str out = { 0 };

	str_add(&out, "start_s,end_s,form_s,op_s,decodes,prefills,prefill_tokens,running,waiting,kv_blocks\n");
	for (size_t i = 0; i < log->iteration_count; i++) {
		const struct engine_iteration *t = &log->iterations[i];

		str_addf(&out, "%.9f,%.9f,%.9f,%.9f,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n", t->start_s, t->end_s, t->form_s, t->op_s, t->decodes,
			 t->prefills, t->prefill_tokens, t->running, t->waiting, t->kv_blocks);
	}
	return finish(&out, path, err);
}
