/* Users' benchmark results. What is accepted has a metric, and requests that are sane and in order. */
#include <math.h>

#include "tests/fuzz/input.h"
#include "validation/measured.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct measured_file f;
	struct err err = { 0 };
	bool ok;

	if (!a)
		return 0;
	ok = measured_read(input_file(data, size), &f, a, &err);
	verdict(ok, &err);
	for (size_t i = 0; ok && i < f.count; i++)
		for (size_t k = 0; k < f.runs[i].list_count; k++) {
			const struct measured_request *q = &f.runs[i].list[k];

			if (q->prompt_tokens < 1 || q->output_tokens < 1 || q->ttft_s < 0)
				abort();
			if (f.runs[i].has_arrivals && k > 0 && !(q->arrival_s >= q[-1].arrival_s))
				abort();
		}
	arena_free(a);
	return 0;
}
