/* Reads a table file in one pass: the file is sorted, so that each row extends the site and nodes before it. */
#include "hardware/tables_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"

const char *const column_names[] = { "dtype",   "kv_dtype",         "m",        "n",       "k",       "batch",
				     "heads",   "kv_heads",         "head_dim", "q_len",   "kv_len",  "window",
				     "experts", "experts_total",    "top_k",    "gated",   "skew",    "bytes",
				     "devices", "devices_per_node", "outlier",  "seconds", "power_w", NULL };

#define ATTENTION_KEY                                                                                                  \
	{                                                                                                              \
		COL_DTYPE, COL_KV_DTYPE, COL_WINDOW, COL_HEAD_DIM, COL_HEADS, COL_KV_HEADS                             \
	}
#define PREFILL_AXES                                                                                                   \
	{                                                                                                              \
		COL_PRIOR, COL_Q_LEN, COL_BATCH                                                                        \
	}
#define ROWS(op)                                                                                                       \
	{                                                                                                              \
		op, 2, 1, { COL_DTYPE, COL_N }, { COL_M },                                                             \
		{                                                                                                      \
			BLEND_LINEAR                                                                                   \
		}                                                                                                      \
	}
#define MESSAGE(op)                                                                                                    \
	{                                                                                                              \
		op, 2, 1, { COL_DEVICES_PER_NODE, COL_DEVICES }, { COL_BYTES },                                        \
		{                                                                                                      \
			BLEND_LINEAR                                                                                   \
		}                                                                                                      \
	}

/* Work is affine in m, batch and kv_len, hence straight lines there; it is quadratic in q_len, hence logarithms. */
static const struct table_shape shapes[] = {
	{ OP_GEMM, 4, 1, { COL_DTYPE, COL_BATCH, COL_K, COL_N }, { COL_M }, { BLEND_LINEAR } },
	{ OP_ATTENTION_PREFILL, 6, 3, ATTENTION_KEY, PREFILL_AXES, { BLEND_LINEAR, BLEND_LOG, BLEND_LINEAR } },
	{ OP_ATTENTION_DECODE, 6, 2, ATTENTION_KEY, { COL_BATCH, COL_KV_LEN }, { BLEND_LINEAR, BLEND_LINEAR } },
	{ OP_MLA_PREFILL,
	  4,
	  3,
	  { COL_DTYPE, COL_KV_DTYPE, COL_K, COL_HEADS },
	  PREFILL_AXES,
	  { BLEND_LINEAR, BLEND_LOG, BLEND_LINEAR } },
	{ OP_MLA_DECODE,
	  4,
	  2,
	  { COL_DTYPE, COL_KV_DTYPE, COL_K, COL_HEADS },
	  { COL_BATCH, COL_KV_LEN },
	  { BLEND_LINEAR, BLEND_LINEAR } },
	{ OP_MOE,
	  8,
	  1,
	  { COL_DTYPE, COL_GATED, COL_SKEW, COL_TOP_K, COL_EXPERTS_TOTAL, COL_K, COL_N, COL_EXPERTS },
	  { COL_M },
	  { BLEND_LINEAR } },
	MESSAGE(OP_ALL_REDUCE),
	MESSAGE(OP_ALL_GATHER),
	MESSAGE(OP_REDUCE_SCATTER),
	MESSAGE(OP_ALL_TO_ALL),
	MESSAGE(OP_SEND_RECV),
	MESSAGE(OP_BROADCAST),
	ROWS(OP_NORM),
	ROWS(OP_ROPE),
	ROWS(OP_ACTIVATION),
	ROWS(OP_ADD),
	ROWS(OP_EMBEDDING),
	{ OP_KV_APPEND, 3, 1, { COL_DTYPE, COL_KV_DTYPE, COL_N }, { COL_M }, { BLEND_LINEAR } },
	ROWS(OP_SAMPLING),
};

const struct table_shape *table_shape(enum op_kind kind)
{
	for (size_t i = 0; i < COUNT_OF(shapes); i++)
		if (shapes[i].kind == kind)
			return &shapes[i];
	return NULL;
}

struct reader {
	const char *path;
	char *p;
	int line;
	int columns, column[COL_COUNT]; /* place in the file -> column */
	double row[COL_COUNT];
	const char *dtype_text[2]; /* the last spelling seen of dtype and kv_dtype, and what it meant */
	size_t dtype_length[2];
	double dtype_value[2];
	/* Rows of one site begin with the same text: its columns are read once. */
	const char *site_text;
	size_t site_length;
	int site_columns; /* leading columns of the file that name the site */
	bool same_site, plain_rest; /* plain_rest: no number formats among the others */
};

/* Numbers as tables hold them: up to 15 digits and a small power of ten make the nearest double exactly; anything else
 * goes to strtod. Returns the first character after the number, or NULL. */
static inline char *fast_number(char *p, double *out)
{
	static const double ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
				      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	char *start = p, *end;
	uint64_t mantissa = 0;
	int digits = 0, power = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		mantissa = mantissa * 10 + (uint64_t)(*p - '0');
	digits = (int)(p - start);
	if (*p == ',' && digits > 0 && digits <= 15) { /* the most of a table are whole numbers */
		*out = (double)(int64_t)mantissa;
		return p;
	}
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits++, power--)
			mantissa = mantissa * 10 + (uint64_t)(*p - '0');
	if (digits == 0)
		return NULL;
	if (*p == 'e' || *p == 'E') {
		bool minus = p[1] == '-';
		int e = 0;

		p += p[1] == '-' || p[1] == '+' ? 2 : 1;
		if (*p < '0' || *p > '9')
			return NULL;
		for (; *p >= '0' && *p <= '9' && e < 10000; p++)
			e = e * 10 + (*p - '0');
		power += minus ? -e : e;
	}
	if (digits <= 15 && power >= -22 && power <= 22) {
		double whole = (double)(int64_t)mantissa;

		*out = power < 0 ? whole / ten[-power] : whole * ten[power];
		return p;
	}
	*out = strtod(start, &end);
	return end == p && isfinite(*out) ? p : NULL;
}

static bool read_dtype(struct reader *r, int which, size_t length, struct err *err)
{
	char name[32];
	int t;

	if (r->dtype_text[which] && r->dtype_length[which] == length && memcmp(r->dtype_text[which], r->p, length) == 0)
		return true;
	if (length == 0 || length >= sizeof(name))
		return err_set(err, ERR_INPUT, "%s:%d: expected a number format such as bf16", r->path, r->line);
	memcpy(name, r->p, length);
	name[length] = '\0';
	t = dtype_parse(name);
	if (t < 0) {
		const char *near = text_nearest(name, dtype_names, DTYPE_COUNT);

		return err_set(err, ERR_INPUT, "%s:%d: %s=\"%s\": expected a number format such as bf16%s%s", r->path,
			       r->line, column_names[which], name, near ? "; nearest is " : "", near ? near : "");
	}
	r->dtype_text[which] = r->p;
	r->dtype_length[which] = length;
	r->dtype_value[which] = t;
	return true;
}

/* The rest of a row of the same site as most are: numbers, commas, a newline. False: it is another, nothing has happened. */
static bool read_plain_rest(struct reader *r)
{
	char *p = r->p;

	for (int i = r->site_columns; i < r->columns; i++, p++) {
		p = fast_number(p, &r->row[r->column[i]]);
		if (!p || *p != (i + 1 < r->columns ? ',' : '\n'))
			return false;
	}
	r->p = p;
	return true;
}

static bool read_row(struct reader *r, struct err *err)
{
	char *start = r->p;

	r->same_site = r->site_length > 0 && strncmp(r->p, r->site_text, r->site_length) == 0;
	if (r->same_site) {
		r->p += r->site_length;
		if (r->plain_rest && read_plain_rest(r))
			return true;
	}
	for (int i = r->same_site ? r->site_columns : 0; i < r->columns; i++) {
		char *end = r->p, last = i + 1 < r->columns ? ',' : '\n';
		int column = r->column[i];

		if (column == COL_DTYPE || column == COL_KV_DTYPE) {
			int which = column == COL_DTYPE ? 0 : 1;

			while (*end && *end != ',' && *end != '\n' && *end != '\r')
				end++;
			if (!read_dtype(r, which, (size_t)(end - r->p), err))
				return false;
			r->row[column] = r->dtype_value[which];
		} else {
			end = fast_number(r->p, &r->row[column]);
			if (!end)
				return err_set(err, ERR_INPUT,
					       "%s:%d: %s: expected a number that is not negative, found \"%.*s\"",
					       r->path, r->line, column_names[column], (int)strcspn(r->p, ",\r\n") & 63,
					       r->p);
		}
		if (*end == '\r' && end[1] == '\n')
			end++;
		if (*end != last && !(last == '\n' && *end == '\0'))
			return err_set(err, ERR_INPUT, "%s:%d: expected %d columns, found something else after %s",
				       r->path, r->line, r->columns, column_names[column]);
		r->p = *end ? end + 1 : end;
		if (i + 1 == r->site_columns) {
			r->site_text = start;
			r->site_length = (size_t)(r->p - start);
		}
	}
	return true;
}

/* "rel_error_site/bf16": the figure of one number format; NULL for other names. */
static double *figure_of_dtype(struct table *t, const char *name)
{
	const char *slash = strchr(name, '/');
	int dtype = slash ? dtype_parse(slash + 1) : -1;

	if (dtype >= 0 && text_starts(name, "rel_error_site/"))
		return &t->error_site_of[dtype];
	if (dtype >= 0 && text_starts(name, "rel_error_outside/"))
		return &t->error_outside_of[dtype];
	return NULL;
}

/* "8x14336 128x192": experts a device holds and their width. */
static bool read_tuned(struct table *t, enum dtype dtype, const char *value, const char *path, int number, struct err *err)
{
	while (*value != '\0') {
		struct tuned_experts it = { .dtype = dtype };
		char *end;

		it.experts = strtoll(value, &end, 10);
		if (*end == 'x')
			it.n = strtoll(end + 1, &end, 10);
		if (it.experts <= 0 || it.n <= 0 || (*end != ' ' && *end != '\0'))
			return err_set(err, ERR_INPUT, "%s:%d: tuned: expected experts and widths such as 8x14336, found \"%s\"", path, number,
				       value);
		if (!mem_grow(&t->tuned, &t->tuned_capacity, t->tuned_count + 1, sizeof(*t->tuned)))
			return err_memory(err);
		t->tuned[t->tuned_count++] = it;
		value = end + strspn(end, " ");
	}
	return true;
}

/* "# name: value" lines before the column names. */
static bool read_comment(struct table *t, char *line, int number, const char *path, struct err *err)
{
	static const char *const names[] = { "rel_error_exact", "rel_error_between", "rel_error_site",
					     "rel_error_outside" };
	double *const figures[] = { &t->error_exact, &t->error_between, &t->error_site, &t->error_outside };
	char *colon = strchr(line, ':'), *name = text_trim(line + 1), *value;
	double *figure;

	if (!colon)
		return true;
	*colon = '\0';
	value = text_trim(colon + 1);
	figure = figure_of_dtype(t, name);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		figure = text_equal(name, names[i]) ? figures[i] : figure;
	if (figure && (!text_to_double(value, figure) || *figure < 0))
		return err_set(err, ERR_INPUT, "%s:%d: %s: expected a share such as 0.05, found \"%s\"", path, number, name,
			       value);
	if (text_starts(name, "tuned/") && dtype_parse(name + 6) >= 0)
		return read_tuned(t, (enum dtype)dtype_parse(name + 6), value, path, number, err);
	if (text_equal(name, "source") && !t->source) {
		t->source = mem_strdup(value);
		return t->source || err_memory(err);
	}
	if (text_equal(name, "licence") && !t->licence) {
		t->licence = mem_strdup(value);
		return t->licence || err_memory(err);
	}
	return true;
}

static bool has_column(const struct reader *r, int column)
{
	for (int i = 0; i < r->columns; i++)
		if (r->column[i] == column)
			return true;
	return false;
}

static bool read_columns(struct reader *r, char *line, const struct table_shape *shape, struct err *err)
{
	for (char *name = line, *next; name; name = next) {
		int column = 0;

		next = strchr(name, ',');
		if (next)
			*next++ = '\0';
		while (column_names[column] && !text_equal(column_names[column], name))
			column++;
		if (!column_names[column] || r->columns == COL_COUNT) {
			const char *near = text_nearest(name, column_names, (size_t)COL_PRIOR);

			return err_set(err, ERR_INPUT, "%s:%d: no column is called \"%s\"%s%s", r->path, r->line, name,
				       near ? "; nearest is " : "", near ? near : "");
		}
		if (has_column(r, column))
			return err_set(err, ERR_INPUT, "%s:%d: column %s twice", r->path, r->line, name);
		r->column[r->columns++] = column;
	}
	for (int i = 0; i < shape->keys + shape->axes; i++) {
		int column = i < shape->keys ? (int)shape->key[i] : (int)shape->axis[i - shape->keys];

		if (column == COL_PRIOR)
			column = COL_KV_LEN;
		/* A column that all rows would leave at its usual value may be absent. */
		if (!has_column(r, column) &&
		    (i >= shape->keys || column == COL_DTYPE || column == COL_N || column == COL_HEADS))
			return err_set(err, ERR_INPUT, "%s:%d: no column %s, which %s tables need", r->path, r->line,
				       column_names[column], op_kind_names[shape->kind]);
	}
	if (!has_column(r, COL_SECONDS))
		return err_set(err, ERR_INPUT, "%s:%d: no column seconds", r->path, r->line);
	for (bool key = true; key && r->site_columns < r->columns; r->site_columns += key) {
		key = false;
		for (int i = 0; i < shape->keys; i++)
			key = key || (int)shape->key[i] == r->column[r->site_columns];
	}
	r->plain_rest = true;
	for (int i = r->site_columns; i < r->columns; i++)
		r->plain_rest = r->plain_rest && r->column[i] != COL_DTYPE && r->column[i] != COL_KV_DTYPE;
	return true;
}

static bool node_add(struct table *t, int level, double x, struct err *err)
{
	size_t below = level + 1 < t->shape->axes - 1 ? t->node_count[level + 1] : t->point_count;
	struct table_node node = { .x = x, .first = (uint32_t)below };

	if (!mem_grow(&t->nodes[level], &t->node_capacity[level], t->node_count[level] + 1, sizeof(node)))
		return err_memory(err);
	t->nodes[level][t->node_count[level]++] = node;
	return true;
}

static bool site_add(struct table *t, const int64_t *key, bool outlier, struct err *err)
{
	struct table_site site = { .first = (uint32_t)(t->shape->axes > 1 ? t->node_count[0] : t->point_count) };

	if (!mem_grow(&t->sites, &t->site_capacity, t->site_count + 1, sizeof(site)))
		return err_memory(err);
	memcpy(site.key, key, sizeof(site.key));
	site.outlier = outlier;
	t->sites[t->site_count++] = site;
	return true;
}

static int key_compare(const int64_t *a, const int64_t *b, int keys)
{
	for (int i = 0; i < keys; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static bool row_key(const struct table_shape *s, const struct reader *r, int64_t *key, struct err *err)
{
	for (int i = 0; i < s->keys; i++) {
		double v = r->row[s->key[i]] * (s->key[i] == COL_SKEW ? 1000 : 1) + 0.5;

		if (v > 9e15)
			return err_set(err, ERR_INPUT, "%s:%d: %s=%g: too large", r->path, r->line,
				       column_names[s->key[i]], v);
		key[i] = (int64_t)v;
		if (s->key[i] == COL_KV_DTYPE && key[i] == DTYPE_NONE)
			key[i] = key[0];
		if (s->key[i] == COL_DEVICES_PER_NODE && r->row[COL_DEVICES_PER_NODE] >= r->row[COL_DEVICES])
			key[i] = 0; /* one scale-up domain holds all ranks */
	}
	return true;
}

/* Opens the row's site unless the last one is it: *fresh. */
static bool row_site(struct table *t, const struct reader *r, bool *fresh, struct err *err)
{
	int64_t key[KEY_MOST] = { 0 };
	int order;

	*fresh = false;
	if (r->same_site)
		return true;
	if (!row_key(t->shape, r, key, err))
		return false;
	order = t->site_count ? key_compare(t->sites[t->site_count - 1].key, key, t->shape->keys) : -1;
	if (order > 0)
		return err_set(err, ERR_INPUT, "%s:%d: rows are not sorted by site; catalog import-profile sorts them",
			       r->path, r->line);
	*fresh = order < 0;
	return !*fresh || site_add(t, key, r->row[COL_OUTLIER] > 0, err);
}

/* Adds the row at its place: everything from the outermost difference on is new. */
static bool add_row(struct table *t, const struct reader *r, struct err *err)
{
	const struct table_shape *s = t->shape;
	double x[AXIS_MOST], last;
	size_t format;
	int level = 0;
	bool fresh, rising = true;

	for (int i = 0; i < s->axes; i++)
		x[i] = s->axis[i] == COL_PRIOR ? r->row[COL_KV_LEN] - r->row[COL_Q_LEN] : r->row[s->axis[i]];
	if (r->row[COL_SECONDS] <= 0 || x[0] < 0)
		return err_set(err, ERR_INPUT, "%s:%d: %s", r->path, r->line,
			       x[0] < 0 ? "kv_len below q_len" : "seconds: expected more than 0");
	if (!row_site(t, r, &fresh, err))
		return false;
	for (level = 0; level < s->axes - 1; level++) {
		last = t->node_count[level] ? t->nodes[level][t->node_count[level] - 1].x : -1;
		if (!fresh && x[level] == last)
			continue;
		rising = rising && (fresh || x[level] > last);
		fresh = true;
		if (!node_add(t, level, x[level], err))
			return false;
		if (level == 0)
			t->sites[t->site_count - 1].count++;
		else
			t->nodes[level - 1][t->node_count[level - 1] - 1].count++;
	}
	last = t->point_count ? t->x[t->point_count - 1] : -1;
	if (!rising || (!fresh && x[level] <= last))
		return err_set(err, ERR_INPUT, "%s:%d: rows of a site are not rising, or a shape comes twice", r->path,
			       r->line);
	if (t->point_count == t->x_capacity && (!mem_grow(&t->x, &t->x_capacity, t->point_count + 1, sizeof(*t->x)) ||
						!mem_grow(&t->seconds, &t->seconds_capacity, t->x_capacity, sizeof(*t->seconds))))
		return err_memory(err);
	t->x[t->point_count] = x[level];
	t->seconds[t->point_count++] = r->row[COL_SECONDS];
	format = (size_t)t->sites[t->site_count - 1].key[0] % DTYPE_COUNT;
	t->rows_of[format]++;
	if (r->row[COL_SECONDS] < t->floor_s[format])
		t->floor_s[format] = r->row[COL_SECONDS];
	if (s->axes == 1)
		t->sites[t->site_count - 1].count++;
	else
		t->nodes[level - 1][t->node_count[level - 1] - 1].count++;
	return true;
}

static bool read_rows(struct table *t, struct reader *r, const char *end, struct err *err)
{
	while (*r->p) {
		if (*r->p == '\n') {
			r->p++;
		} else {
			if (!read_row(r, err) || !add_row(t, r, err))
				return false;
		}
		r->line++;
	}
	if (r->p != end)
		return err_set(err, ERR_INPUT, "%s:%d: a NUL byte in a text file", r->path, r->line);
	return t->point_count > 0 || err_set(err, ERR_INPUT, "%s:%d: no rows", r->path, r->line);
}

struct table *table_read_text(const char *path, char *text, size_t length, const char *stack, enum op_kind kind,
			      struct err *err)
{
	struct reader r = { .path = path, .p = text, .line = 1 };
	struct table *t = mem_calloc(1, sizeof(*t));
	bool ok = false;

	if (!t || !(t->path = mem_strdup(path)) || !(t->stack = mem_strdup(stack)) || !(t->choices = choices_new())) {
		err_memory(err);
		goto out;
	}
	t->shape = table_shape(kind);
	if (kind == OP_MOE && !(t->laws = expert_laws_new(err)))
		goto out;
	for (int i = 0; i < DTYPE_COUNT; i++)
		t->floor_s[i] = INFINITY;
	t->error_exact = 0.01; /* when the header does not say */
	t->error_between = 0.03;
	t->error_site = 0.10;
	t->error_outside = 0.20;
	r.row[COL_BATCH] = r.row[COL_GATED] = 1;
	for (bool header = true; header; r.line++) {
		char *line = r.p, *end = strchr(r.p, '\n');

		if (*line == '\0') {
			err_set(err, ERR_INPUT, "%s:%d: expected a line of column names", path, r.line);
			goto out;
		}
		r.p = end ? end + 1 : r.p + strlen(r.p);
		if (end)
			end[end > line && end[-1] == '\r' ? -1 : 0] = '\0';
		header = *line == '#' || *line == '\0';
		if (!(header ? *line == '\0' || read_comment(t, line, r.line, path, err)
			     : read_columns(&r, line, t->shape, err)))
			goto out;
	}
	ok = read_rows(t, &r, text + length, err);
out:
	if (!ok) {
		table_release(t);
		t = NULL;
	}
	return t;
}

struct table *table_read(const char *path, const char *stack, enum op_kind kind, struct err *err)
{
	size_t length;
	char *text = paths_read(path, (size_t)256 << 20, &length, err);
	struct table *t = text ? table_read_text(path, text, length, stack, kind, err) : NULL;

	mem_free(text);
	return t;
}

void table_release(struct table *t)
{
	if (!t)
		return;
	for (int i = 0; i < AXIS_MOST - 1; i++)
		mem_free(t->nodes[i]);
	choices_free(t->choices);
	mem_free(t->sites);
	mem_free(t->x);
	mem_free(t->seconds);
	mem_free(t->path);
	mem_free(t->stack);
	mem_free(t->source);
	mem_free(t->licence);
	mem_free(t->tuned);
	expert_laws_free(t->laws);
	mem_free(t);
}
