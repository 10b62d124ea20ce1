/* Request traces: the format told by content, and one more that the input's length picks. Rows come sane, and in order but for
 * turns of sessions, which stand as in the file. */
#include <math.h>

#include "tests/fuzz/input.h"
#include "workloads/trace.h"

enum { ROWS_MOST = 20000 };

static void read_all(const char *path, int format)
{
	struct trace_options options = { .format = format, .qps = NAN };
	struct err err = { 0 };
	struct trace *t = trace_open(path, &options, &err);
	struct source_counts counts;
	struct trace_row row;
	double last = -INFINITY;

	verdict(t != NULL, &err);
	if (!t)
		return;
	for (int n = 0; n < ROWS_MOST && trace_next(t, &row, &err); n++) {
		if (row.prompt_tokens < 0 || row.output_tokens < 0 || isinf(row.arrival_s) || (!trace_has_turns(t) && row.arrival_s < last))
			abort();
		if (!isnan(row.arrival_s))
			last = row.arrival_s;
		for (uint32_t i = 0; i < row.block_count; i++)
			last += (double)(row.blocks[i] & 0);    /* touch what is promised to be there */
		if (strlen(trace_class_name(t, row.class_index)) > 1 << 24)
			abort();
	}
	trace_counts(t, &counts);
	trace_note(t);
	trace_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = input_file(data, size);

	read_all(path, TRACE_AUTO);
	read_all(path, 1 + (int)(size % (TRACE_FORMAT_COUNT - 1)));
	return 0;
}
