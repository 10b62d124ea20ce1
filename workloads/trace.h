/* Rows of a request trace in any of the known formats: told by content, read in one pass, sorted within a window. */
#ifndef WORKLOADS_TRACE_H
#define WORKLOADS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "workloads/source.h"

/* Order = order of trial; every name is a reader in workloads/readers/. */
#define TRACE_FORMATS(X)                                                                                               \
	X(azure)                                                                                                       \
	X(burstgpt) X(vidur) X(blis) X(splitwise) X(csv) X(mooncake) X(qwen) X(apex) X(aibrix) X(llmservingsim)        \
		X(distserve) X(vllm) X(sharegpt) X(servegen)
enum trace_format {
	TRACE_AUTO,
#define X(name) TRACE_##name,
	TRACE_FORMATS(X)
#undef X
		TRACE_FORMAT_COUNT
};
extern const char *const trace_format_names[]; /* "auto", then as above; NULL-terminated */

/* One row as it stands in the file. */
struct trace_row {
	double arrival_s; /* NAN: none given */
	double delay_s;   /* >= 0: arrives this long after the answer to the previous turn of its session; else NAN */
	int64_t prompt_tokens, output_tokens;
	int32_t priority, class_index, adapter, turn;
	uint64_t session;
	const uint64_t *blocks; /* valid until the next row */
	uint32_t block_count, block_tokens;
	int64_t line;
};

struct trace_options {
	int format;             /* enum trace_format */
	double chars_per_token; /* text without token counts; 0 = 4 */
	double qps;             /* servegen: wanted mean rate over all windows; NAN or 0 = as the files say */
	double from_s;          /* servegen: first window */
	uint64_t seed;          /* servegen draws its requests */
};

struct trace;
/* Detects the format, opens the file. Errors name the file and what was found there. */
MUST_USE struct trace *trace_open(const char *path, const struct trace_options *options, struct err *err);

/* Next row in order of arrival (ties in file order; with turns, in the order of the file). Rows up to TRACE_WINDOW places too late are moved; one that is
 * later still is an error that names file:line. False at the end or on error (err->kind tells). */
enum { TRACE_WINDOW = 4096 };
bool trace_next(struct trace *t, struct trace_row *row, struct err *err);

bool trace_has_times(const struct trace *t); /* rows carry arrival times */
bool trace_has_turns(const struct trace *t); /* some rows follow the answer to an earlier one (delay_s) */
bool trace_has_blocks(const struct trace *t);
int trace_format_of(const struct trace *t);
const char *trace_note(const struct trace *t); /* what a user must know ("token counts estimated ..."), or NULL */
const char *trace_class_name(const struct trace *t, int32_t index); /* "" when unknown */
int64_t trace_line(const struct trace *t);                          /* of the row last read */
const char *trace_path(const struct trace *t);

/* Rows read, and why some were dropped; rows_kept = those handed out or still in the window. */
void trace_counts(const struct trace *t, struct source_counts *out);
/* Adds one dropped row; `reason` must be a literal. */
void counts_drop(struct source_counts *c, const char *reason);
void counts_add(struct source_counts *c, const char *reason, int64_t count);
void trace_close(struct trace *t); /* NULL is fine */

/* One line about a format, for --help; NULL for TRACE_AUTO. */
const char *trace_format_help(int format);

/* The format that the first bytes of a file (or a folder) show, TRACE_AUTO when none fits. */
int trace_detect(const char *path, struct err *err);

#endif
