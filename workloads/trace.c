#include "workloads/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "workloads/readers/reader.h"

const char *const trace_format_names[] = { "auto",
#define X(name) #name,
					   TRACE_FORMATS(X)
#undef X
						   NULL };
static const struct reader_ops *const readers[] = { NULL,
#define X(name) &reader_##name,
						    TRACE_FORMATS(X)
#undef X
};

enum { HEAD_BYTES = 1 << 16, HEAD_COLUMNS = 512 };

/* A row waiting for its turn, with its own copy of the blocks. */
struct waiting {
	struct trace_row row;
	uint64_t *blocks;
	size_t capacity;
};

struct trace {
	struct reader reader;
	int format;
	char *path;
	bool at_end, failed;
	struct err late_err;    /* found while reading ahead: told when the rows before it are out */
	struct waiting *window; /* ring, sorted by arrival: begin .. begin + count - 1 */
	size_t begin, count;
	double passed_s; /* arrival of the row last handed out */
	int64_t line;
	struct source_counts counts;
};

void counts_drop(struct source_counts *c, const char *reason)
{
	counts_add(c, reason, 1);
}

void counts_add(struct source_counts *c, const char *reason, int64_t count)
{
	int i = 0, most = (int)COUNT_OF(c->dropped);

	while (i < c->dropped_reasons && strcmp(c->dropped[i].reason, reason) != 0)
		i++;
	if (i == most)
		i = most - 1; /* more reasons than places: they share the last one */
	else if (i == c->dropped_reasons)
		c->dropped[c->dropped_reasons++].reason = reason;
	c->dropped[i].count += count;
	c->rows_dropped += count;
}

const char *trace_format_help(int format)
{
	return format > TRACE_AUTO && format < TRACE_FORMAT_COUNT ? readers[format]->help : NULL;
}

/* ---- detection ---- */

struct head_buffer {
	char text[HEAD_BYTES + 1], header[HEAD_BYTES + 1];
	char *columns[HEAD_COLUMNS];
	struct trace_head head;
};

static bool read_head(const char *path, struct head_buffer *b, struct err *err)
{
	struct trace_head *h = &b->head;
	gzFile file;
	char *line = b->header;
	int got;

	h->text = b->text;
	h->is_folder = paths_is_folder(path);
	if (h->is_folder)
		return true;
	file = gzopen(path, "rb");
	if (!file)
		return err_set(err, ERR_INPUT, "%s: cannot be read: %s", path, errno ? strerror(errno) : "no memory");
	got = gzread(file, b->text, HEAD_BYTES);
	gzclose(file);
	if (got < 0)
		return err_set(err, ERR_INPUT, "%s:1: not readable (damaged gzip file?)", path);
	h->length = (size_t)got;
	b->text[got] = '\0';
	if (got == 0)
		return err_set(err, ERR_INPUT, "%s:1: empty file, expected a request trace", path);
	memcpy(b->header, b->text, h->length + 1);
	if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	while (*line == '#' || *line == '\n' ||
	       *line == '\r') { /* as base/csv.h: comments may stand before the header */
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	if (*line == '{' || *line == '[')
		return true;
	line[strcspn(line, "\r\n")] = '\0';
	h->column_count = csv_split(line, b->columns, HEAD_COLUMNS);
	if (h->column_count > HEAD_COLUMNS)
		h->column_count = HEAD_COLUMNS;
	for (size_t i = 0; i < h->column_count; i++)
		b->columns[i] = text_trim(b->columns[i]);
	h->columns = (const char *const *)b->columns;
	return true;
}

static int detect(const struct trace_head *h)
{
	for (int i = 1; i < TRACE_FORMAT_COUNT; i++)
		if (readers[i]->match(h))
			return i;
	return TRACE_AUTO;
}

int trace_detect(const char *path, struct err *err)
{
	struct head_buffer *b = mem_calloc(1, sizeof(*b));
	int format = TRACE_AUTO;

	if (!b)
		err_memory(err);
	else if (read_head(path, b, err))
		format = detect(&b->head);
	mem_free(b);
	return format;
}

/* Nothing fits: show what the first line holds, and the nearest thing to a known column. */
static bool unknown_format(const char *path, const struct trace_head *h, struct err *err)
{
	char shown[81];
	size_t n = strcspn(h->text, "\r\n");

	snprintf(shown, sizeof(shown), "%.*s", (int)(n > 80 ? 80 : n), h->text);
	for (char *p = shown; *p; p++)
		if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
			*p = '?';
	if (h->column_count > 1 || head_has_column(h, "arrival_s"))
		return err_set(err, ERR_INPUT,
			       "%s:1: no known trace has the columns \"%s\"; expected at least "
			       "arrival_s,prompt_tokens,output_tokens",
			       path, shown);
	return err_set(
		err, ERR_INPUT,
		"%s:1: \"%s\": no known trace format; expected a CSV header with arrival_s,prompt_tokens,output_tokens "
		"or JSON with timestamp, input_length, output_length",
		path, shown);
}

struct trace *trace_open(const char *path, const struct trace_options *options, struct err *err)
{
	struct trace *t = mem_calloc(1, sizeof(*t));
	struct head_buffer *b = mem_calloc(1, sizeof(*b));
	struct reader *r = t ? &t->reader : NULL;

	if (!t || !b || !(t->path = mem_strdup(path))) {
		err_memory(err);
		goto fail;
	}
	t->format = options->format;
	t->passed_s = -INFINITY;
	if (strcmp(path, "-") == 0) {
		if (t->format == TRACE_AUTO)
			t->format = TRACE_csv; /* standard input cannot be looked at first */
	} else {
		if (!read_head(path, b, err))
			goto fail;
		r->head = &b->head;
		if (t->format == TRACE_AUTO)
			t->format = detect(&b->head);
		if (t->format == TRACE_AUTO) {
			unknown_format(path, &b->head, err);
			goto fail;
		}
	}
	r->ops = readers[t->format];
	r->path = t->path;
	r->options = *options;
	r->state = mem_calloc(1, r->ops->state_bytes);
	if (!r->state) {
		err_memory(err);
		goto fail;
	}
	if (!r->ops->open(r, err))
		goto fail;
	r->head = NULL;
	if (r->has_times && !r->sorted && !r->has_turns &&
	    !(t->window = mem_calloc(TRACE_WINDOW, sizeof(*t->window)))) {
		err_memory(err);
		goto fail;
	}
	mem_free(b);
	return t;
fail:
	mem_free(b);
	trace_close(t);
	return NULL;
}

/* ---- rows ---- */

/* The next row that is not dropped, in file order. */
static bool read_row(struct trace *t, struct trace_row *row, struct err *err)
{
	struct reader *r = &t->reader;

	for (;;) {
		enum read_status got;

		*row = (struct trace_row){ .arrival_s = NAN, .delay_s = NAN, .adapter = -1 };
		got = r->ops->next(r, row, err);
		if (got == READ_END || got == READ_ERROR)
			return false;
		t->counts.rows_read++;
		if (got == READ_ROW) {
			t->counts.rows_kept++;
			return true;
		}
		counts_drop(&t->counts, r->drop);
	}
}

static struct waiting *slot(struct trace *t, size_t i)
{
	return &t->window[(t->begin + i) & (TRACE_WINDOW - 1)];
}

/* Sorted insertion from the back: rows that come in order, the usual case, cost one comparison. */
static bool insert(struct trace *t, const struct trace_row *row, struct err *err)
{
	size_t i = t->count++;
	struct waiting *free_slot = slot(t, i);
	struct waiting moved = *free_slot;

	while (i > 0 && slot(t, i - 1)->row.arrival_s > row->arrival_s) {
		*slot(t, i) = *slot(t, i - 1);
		i--;
	}
	if (row->block_count > 0) {
		if (!mem_grow(&moved.blocks, &moved.capacity, row->block_count, sizeof(*moved.blocks))) {
			*slot(t, i) = moved;
			return err_memory(err);
		}
		memcpy(moved.blocks, row->blocks, row->block_count * sizeof(*moved.blocks));
	}
	moved.row = *row;
	moved.row.blocks = row->block_count ? moved.blocks : NULL;
	*slot(t, i) = moved;
	return true;
}

static bool fill_window(struct trace *t, struct err *err)
{
	struct trace_row row;

	while (!t->at_end && t->count < TRACE_WINDOW - 1) {
		if (!read_row(t, &row, &t->late_err)) {
			t->at_end = true;
			break;
		}
		if (row.arrival_s < t->passed_s) {
			t->at_end = true;
			return err_set(
				err, ERR_INPUT,
				"%s:%" PRId64
				": arrival %.9g s comes over %d rows after one at %.9g s: sort the file by arrival",
				t->path, row.line, row.arrival_s, TRACE_WINDOW, t->passed_s);
		}
		if (!insert(t, &row, err))
			return false;
	}
	return true;
}

bool trace_next(struct trace *t, struct trace_row *row, struct err *err)
{
	if (!t->window) {
		if (!read_row(t, row, err))
			return false;
		t->line = row->line;
		return true;
	}
	if (t->failed || !fill_window(t, err))
		return false;
	if (t->count == 0) {
		if (t->late_err.kind != ERR_NONE)
			err_set(err, t->late_err.kind, "%s", t->late_err.text);
		return false;
	}
	*row = t->window[t->begin].row; /* its slot stays untouched: the window keeps one free */
	t->begin = (t->begin + 1) & (TRACE_WINDOW - 1);
	t->count--;
	t->passed_s = row->arrival_s;
	t->line = row->line;
	return true;
}

bool trace_has_times(const struct trace *t)
{
	return t->reader.has_times;
}

bool trace_has_turns(const struct trace *t)
{
	return t->reader.has_turns;
}

bool trace_has_blocks(const struct trace *t)
{
	return t->reader.has_blocks;
}

int trace_format_of(const struct trace *t)
{
	return t->format;
}

const char *trace_note(const struct trace *t)
{
	return t->reader.note;
}

const char *trace_class_name(const struct trace *t, int32_t index)
{
	const struct name_list *l = &t->reader.classes;

	return index >= 0 && (size_t)index < l->count ? l->names[index] : "";
}

int64_t trace_line(const struct trace *t)
{
	return t->line;
}

const char *trace_path(const struct trace *t)
{
	return t->path;
}

void trace_counts(const struct trace *t, struct source_counts *out)
{
	*out = t->counts;
}

static void release_names(struct name_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		mem_free(l->names[i]);
	mem_free(l->names);
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	if (t->reader.state) {
		t->reader.ops->close(&t->reader);
		mem_free(t->reader.state);
	}
	for (size_t i = 0; t->window && i < TRACE_WINDOW; i++)
		mem_free(t->window[i].blocks);
	mem_free(t->window);
	release_names(&t->reader.classes);
	release_names(&t->reader.adapters);
	mem_free(t->path);
	mem_free(t);
}
