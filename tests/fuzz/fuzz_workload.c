/* A workload file; what passes its checks and names no trace generates requests in order. */
#include <math.h>

#include "tests/fuzz/input.h"
#include "workloads/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct workload *w = a ? workload_load(input_file(data, size), a, &err) : NULL;
	struct source *s = NULL;
	struct request q;
	double last = -INFINITY;

	if (!a)
		return 0;
	verdict(w != NULL, &err);
	if (!w || w->trace)                             /* a trace would be any file of this machine */
		goto out;
	workload_qps(w);
	s = source_open(w, 1, &err);
	verdict(s != NULL, &err);
	for (int n = 0; s && n < 200 && source_next(s, &q, &err); n++) {
		if (!(q.arrival_s >= last) || q.prompt_tokens < 0 || q.output_tokens < 0)
			abort();
		last = q.arrival_s;
	}
	source_close(s);
out:
	arena_free(a);
	return 0;
}
