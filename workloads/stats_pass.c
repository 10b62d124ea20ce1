/* One pass over a source or a trace file for workloads/stats.h. */
#include <math.h>

#include "workloads/replay.h"
#include "workloads/stats.h"

bool stats_of_source(struct source *source, int64_t most, struct workload_stats *out, struct err *err)
{
	struct stats *s = stats_new();
	struct replay *r = s ? replay_new(source, err) : NULL;
	struct request q;
	int64_t n = 0;
	bool ok = r != NULL;

	if (!s)
		return err_memory(err);
	while (ok && (most == 0 || n < most) && replay_next(r, &q, err)) {
		ok = stats_add(s, &q, true, err);
		n++;
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok)
		stats_finish(s, out);
	replay_free(r);
	stats_free(s);
	return ok;
}

bool stats_of_trace(const char *path, const struct trace_options *options, struct workload_stats *out,
		    struct source_counts *counts, struct err *err)
{
	struct stats *s = stats_new();
	struct trace *t = s ? trace_open(path, options, err) : NULL;
	struct trace_row row;
	bool ok = t != NULL;

	if (!s)
		return err_memory(err);
	while (ok && trace_next(t, &row, err)) {
		struct request q = { .arrival_s = row.arrival_s,
				     .prompt_tokens = row.prompt_tokens,
				     .output_tokens = row.output_tokens,
				     .priority = row.priority,
				     .class_index = row.class_index,
				     .adapter = row.adapter,
				     .turn = row.turn,
				     .session = row.session,
				     .blocks = row.blocks,
				     .block_count = row.block_count,
				     .block_tokens = row.block_tokens };

		ok = stats_add(s, &q, !isnan(row.arrival_s), err);
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok) {
		stats_finish(s, out);
		if (counts)
			trace_counts(t, counts);
	}
	trace_close(t);
	stats_free(s);
	return ok;
}
