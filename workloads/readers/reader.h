/* What a trace format must offer. A reader turns its file into rows; trace.c drops, sorts and counts them. */
#ifndef WORKLOADS_READERS_READER_H
#define WORKLOADS_READERS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/csv.h"
#include "base/err.h"
#include "workloads/trace.h"

/* The start of a file, for detection. */
struct trace_head {
	const char *text; /* first bytes, NUL-terminated */
	size_t length;
	const char *const *columns; /* header cells when the first line looks like CSV */
	size_t column_count;
	bool is_folder;
};
bool head_has_column(const struct trace_head *h, const char *name); /* case-insensitive */
bool head_has_key(const struct trace_head *h, const char *key);     /* "key" followed by a colon */

enum read_status { READ_ROW, READ_DROP, READ_END, READ_ERROR };

/* Names of classes (models, tenants, SLO classes) and adapters, numbered as they come. */
struct name_list {
	char **names;
	size_t count, capacity;
	char *last; /* the name asked for last, for the common case of runs */
	int32_t last_index;
};
/* Index of the name; past 4,096 names all share the last index. -1 when memory ran out. */
MUST_USE int32_t name_index(struct name_list *l, const char *name, size_t length);

struct reader;
struct reader_ops {
	const char *name, *help;
	size_t state_bytes;
	bool (*match)(const struct trace_head *head);
	bool (*open)(struct reader *r, struct err *err);
	/* Fills *row (preset to defaults); on READ_DROP sets r->drop. */
	enum read_status (*next)(struct reader *r, struct trace_row *row, struct err *err);
	void (*close)(struct reader *r); /* also after a failed open */
};

struct reader {
	const struct reader_ops *ops;
	void *state;
	const char *path;
	struct trace_options options;
	const struct trace_head *head; /* during open only */
	struct name_list classes, adapters;
	const char *drop; /* reason of the last READ_DROP, a literal */
	const char *note;
	bool has_times, has_turns, has_blocks;
	bool sorted; /* the reader hands rows out in order */
};

/* Shared field checks. Zero tokens are dropped with a reason, as real traces hold them for failed calls; anything else
 * that is not a whole number of 0 to 1e9 is an input error that names file, line and column. */
enum { TOKENS_MOST = 1000000000 };
enum read_status row_tokens(struct reader *r, struct trace_row *row);
bool cell_error(const struct reader *r, int64_t line, const char *column, const char *text, size_t length,
		const char *expected, struct err *err);

/* Fast decimal parsing of a cell of known length. False: not a finite number. */
bool cell_number(const char *text, size_t length, double *out);
bool cell_tokens(const char *text, size_t length, int64_t *out); /* whole, 0 to TOKENS_MOST; accepts 12.0 */
/* "2023-11-16 18:17:03.9799600", optional T and zone, as nanoseconds since 1970. */
bool cell_calendar(const char *text, size_t length, int64_t *out_ns);

#define X(name) extern const struct reader_ops reader_##name;
TRACE_FORMATS(X)
#undef X

#endif
