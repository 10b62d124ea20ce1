#include "cli/batch_trace.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "reports/chrome_trace.h"

/* Batches that overlap (stages of a pipeline) go to lanes of their own: spans of one lane must follow each other. */
enum { LANES = 16 };

struct replica_lanes {
	bool named;
	double end_s[LANES];
};

struct batch_trace {
	struct chrome_trace *file;
	struct replica_lanes *replicas;
	size_t count, capacity;
};

struct batch_trace *batch_trace_open(const char *path, struct err *err)
{
	struct batch_trace *t = mem_calloc(1, sizeof(*t));

	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->file = chrome_trace_open(path, err);
	if (!t->file) {
		mem_free(t);
		return NULL;
	}
	return t;
}

static struct replica_lanes *lanes_of(struct batch_trace *t, int replica)
{
	size_t i = replica < 0 ? 0 : (size_t)replica;
	struct replica_lanes *lanes;
	char name[32];

	if (!mem_grow(&t->replicas, &t->capacity, i + 1, sizeof(*t->replicas)))
		return NULL;
	for (; t->count <= i; t->count++)
		t->replicas[t->count] = (struct replica_lanes){ 0 };
	lanes = &t->replicas[i];
	if (!lanes->named) {
		snprintf(name, sizeof(name), "replica %zu", i);
		chrome_trace_process(t->file, (int64_t)i, name);
		lanes->named = true;
	}
	return lanes;
}

void batch_trace_batch(struct batch_trace *t, int replica, double start_s, double end_s, int64_t steps, int64_t decodes,
		       int64_t prefills, int64_t tokens)
{
	struct replica_lanes *lanes = lanes_of(t, replica);
	const struct trace_arg args[] = {
		{ "steps", NULL, (double)steps }, { "decodes", NULL, (double)decodes }, { "prefills", NULL, (double)prefills },
		{ "tokens", NULL, (double)tokens },
	};
	const char *name = prefills == 0 ? "decode" : decodes == 0 ? "prefill" : "mixed";
	int lane = 0;

	if (!lanes)
		return;
	/* Times of neighbours differ by rounding. */
	while (lane + 1 < LANES && lanes->end_s[lane] > start_s + 1e-9)
		lane++;
	lanes->end_s[lane] = end_s;
	chrome_trace_complete(t->file, replica, lane, name, "batch", start_s, end_s - start_s, args, COUNT_OF(args));
	chrome_trace_counter(t->file, replica, "batch", start_s, args + 1, 2);
}

void batch_trace_request(struct batch_trace *t, const struct request_record *r)
{
	const struct trace_arg args[] = {
		{ "prompt_tokens", NULL, (double)r->prompt_tokens }, { "output_tokens", NULL, (double)r->output_tokens },
		{ "ttft_s", NULL, r->ttft_s }, { "preemptions", NULL, (double)r->preemptions },
	};

	if (!lanes_of(t, r->replica))
		return;
	chrome_trace_span(t->file, r->replica, r->id, "request", "request", r->arrival_s, r->e2e_s, args, COUNT_OF(args));
	chrome_trace_span(t->file, r->replica, r->id, "queue", "request", r->arrival_s, r->queue_s, NULL, 0);
	chrome_trace_span(t->file, r->replica, r->id, "first token", "request", r->arrival_s + r->queue_s,
			  fmax(r->ttft_s - r->queue_s, 0), NULL, 0);
}

bool batch_trace_close(struct batch_trace *t, struct err *err)
{
	bool ok = chrome_trace_close(t->file, err);

	mem_free(t->replicas);
	mem_free(t);
	return ok;
}

void batch_trace_abandon(struct batch_trace *t)
{
	if (!t)
		return;
	chrome_trace_abandon(t->file);
	mem_free(t->replicas);
	mem_free(t);
}
