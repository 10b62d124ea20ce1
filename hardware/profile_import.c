/* From raw files to table files: read all, sort, merge, make monotone, thin, write, measure, write the figures. */
#include "hardware/profile_import.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "base/sketch.h"
#include "hardware/profile_rows.h"

int profile_row_compare(const void *a, const void *b)
{
	const struct profile_row *p = a, *q = b;
	int order;

	if (p->shape != q->shape)
		return p->shape < q->shape ? -1 : 1;
	order = strcmp(p->stack, q->stack);
	for (int i = 0; i < p->shape->keys && order == 0; i++)
		order = (p->key[i] > q->key[i]) - (p->key[i] < q->key[i]);
	for (int i = 0; i < p->shape->axes && order == 0; i++)
		order = (p->x[i] > q->x[i]) - (p->x[i] < q->x[i]);
	return order;
}

/* Orders repetitions of a shape by time too, so that the result does not depend on the order of files. */
static int compare_all(const void *a, const void *b)
{
	const struct profile_row *p = a, *q = b;
	int order = profile_row_compare(a, b);

	return order ? order : (p->seconds > q->seconds) - (p->seconds < q->seconds);
}

static bool same_site(const struct profile_row *a, const struct profile_row *b)
{
	if (a->shape != b->shape || strcmp(a->stack, b->stack) != 0)
		return false;
	for (int i = 0; i < a->shape->keys; i++)
		if (a->key[i] != b->key[i])
			return false;
	return true;
}

/* Repetitions of a shape become their median. */
static void merge(struct profile_rows *rows, struct profile_import_report *report)
{
	size_t kept = 0;

	for (size_t low = 0, high; low < rows->count; low = high) {
		struct profile_row *a = &rows->row[low];
		double median;
		size_t n;

		for (high = low + 1; high < rows->count && profile_row_compare(a, &rows->row[high]) == 0;)
			high++;
		n = high - low;
		median = rows->row[low + n / 2].seconds;
		if (n % 2 == 0)
			median = (rows->row[low + n / 2 - 1].seconds + median) / 2;
		rows->row[kept] = rows->row[low + n / 2];
		rows->row[kept].seconds = median;
		report->rows_merged += n - 1;
		kept++;
	}
	rows->count = kept;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_path(const struct profile_import_options *options, const char *path, struct profile_rows *rows,
		      struct profile_import_report *report, struct err *err);

static bool read_folder(const struct profile_import_options *options, const char *path, struct profile_rows *rows,
			struct profile_import_report *report, struct err *err)
{
	DIR *dir = opendir(path);
	char **names = NULL;
	size_t n = 0, capacity = 0;
	bool ok = true;

	if (!dir)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	for (struct dirent *entry; ok && (entry = readdir(dir));) {
		struct str inside = { 0 };

		if (entry->d_name[0] == '.')
			continue;
		str_addf(&inside, "%s/%s", path, entry->d_name);
		if (inside.failed || !mem_grow(&names, &capacity, n + 1, sizeof(*names))) {
			ok = err_memory(err);
			str_release(&inside);
		} else {
			names[n++] = inside.text;
		}
	}
	closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		if (ok && (paths_is_folder(names[i]) || text_ends(names[i], ".csv") || text_ends(names[i], ".csv.gz")))
			ok = read_path(options, names[i], rows, report, err);
		mem_free(names[i]);
	}
	mem_free(names);
	return ok;
}

static bool read_path(const struct profile_import_options *options, const char *path, struct profile_rows *rows,
		      struct profile_import_report *report, struct err *err)
{
	return paths_is_folder(path) ? read_folder(options, path, rows, report, err)
				     : profile_read(options, path, rows, report, err);
}

static void add_number(struct str *out, double v)
{
	char buf[48];

	snprintf(buf, sizeof(buf), "%.4g", v);
	str_add(out, buf);
}

static void add_cell(struct str *out, enum column column, const struct profile_row *row)
{
	const struct table_shape *s = row->shape;

	for (int i = 0; i < s->keys; i++) {
		if (s->key[i] != column)
			continue;
		if (column == COL_DTYPE || column == COL_KV_DTYPE)
			str_add(out, dtype_names[row->key[i]]);
		else if (column == COL_SKEW)
			str_addf(out, "%g", (double)row->key[i] / 1000);
		else
			str_addf(out, "%lld", (long long)row->key[i]);
		return;
	}
	for (int i = 0; i < s->axes; i++)
		if (s->axis[i] == column)
			str_addf(out, "%.10g", row->x[i]);
	if (column == COL_KV_LEN && s->axis[0] == COL_PRIOR)
		str_addf(out, "%.10g", row->x[0] + row->x[1]);
}

/* Columns of a table file: those of the site, then those of the axes, outermost first. */
static int file_columns(const struct table_shape *s, enum column *columns)
{
	int n = 0;

	for (int i = 0; i < s->keys; i++)
		columns[n++] = s->key[i];
	for (int i = 0; i < s->axes; i++)
		columns[n++] = s->axis[i] == COL_PRIOR ? COL_KV_LEN : s->axis[i];
	return n;
}

static void add_figure(struct str *out, const char *name, double median, double p90)
{
	if (isnan(median))
		return;
	str_addf(out, "# %s: %.3g\n", name, median);
	str_addf(out, "# %s_p90: %.3g\n", name, p90);
}

static void add_of_dtype(struct str *out, const char *name, int dtype, double median)
{
	if (!isnan(median))
		str_addf(out, "# %s/%s: %.3g\n", name, dtype_names[dtype], median);
}

/* Which of the files read the rows came from. */
static void add_files(const struct profile_rows *all, const struct profile_row *rows, size_t count, struct str *out)
{
	bool used[PROFILE_FILES_MOST] = { false }, first = true;

	for (size_t i = 0; i < count; i++)
		used[rows[i].file] = true;
	for (int i = 0; i < all->file_count; i++) {
		if (!used[i])
			continue;
		str_addf(out, "%s%s", first ? "# files: " : " ", all->files[i]);
		first = false;
	}
	str_add(out, "\n");
}

/* What no benchmark says and somebody wrote into the file that the import replaces: the experts that the software is tuned for. */
static bool tuned_before(const char *path, struct str *out, struct err *err)
{
	size_t length;
	char *text, *end;

	if (!paths_is_file(path))
		return true;
	text = paths_read(path, (size_t)256 << 20, &length, err);
	for (char *line = text; line && *line == '#'; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (text_starts(line, "# tuned/"))
			str_add_bytes(out, line, end ? (size_t)(end - line) + 1 : strlen(line));
	}
	mem_free(text);
	return text && (!out->failed || err_memory(err));
}

static void write_text(const struct profile_import_options *o, const struct profile_rows *all,
		       const struct profile_row *rows, size_t count, const struct profile_table_report *r, const char *tuned, bool figures,
		       struct str *out)
{
	enum column columns[KEY_MOST + AXIS_MOST];
	int n = file_columns(rows->shape, columns);
	bool marked = false;

	for (size_t i = 0; i < count; i++)
		marked = marked || rows[i].outlier;
	str_addf(out, "# vibee-sim operator table: %s on %s, software %s\n", r->op, o->device, r->stack);
	str_addf(out, "# source: %s\n# licence: %s\n", o->source ? o->source : "not stated",
		 o->licence ? o->licence : "unknown");
	add_files(all, rows, count, out);
	str_add(out, "# changes: columns renamed, repeated shapes merged to their median, times made monotone, "
		     "reproducible rows left out\n");
	str_add(out, "# units: seconds, bytes, elements\n");
	str_add(out, tuned);
	if (figures) {
		str_addf(out, "# rows: %zu of %zu measured shapes, %zu sites\n", r->rows_kept, r->rows_full, r->sites);
		add_figure(out, "rel_error_exact", r->exact_median, r->exact_p90);
		add_figure(out, "rel_error_between", r->between_median, r->between_p90);
		add_figure(out, "rel_error_site", r->site_median, r->site_p90);
		add_figure(out, "rel_error_outside", r->outside_median, r->outside_p90);
		for (int t = 0; t < DTYPE_COUNT; t++) {
			add_of_dtype(out, "rel_error_site", t, r->site_of[t]);
			add_of_dtype(out, "rel_error_outside", t, r->outside_of[t]);
		}
	}
	for (int i = 0; i < n; i++)
		str_addf(out, "%s,", column_names[columns[i]]);
	str_add(out, marked ? "outlier,seconds\n" : "seconds\n");
	for (size_t i = 0; i < count; i++) {
		if (!rows[i].keep)
			continue;
		for (int c = 0; c < n; c++) {
			add_cell(out, columns[c], &rows[i]);
			str_add(out, ",");
		}
		if (marked)
			str_add(out, rows[i].outlier ? "1," : "0,");
		add_number(out, rows[i].even);
		str_add(out, "\n");
	}
}

static bool make_folders(const char *path, struct err *err)
{
	struct str part = { 0 };
	bool ok = true;

	for (const char *p = path; ok; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		if (p > path) {
			str_clear(&part);
			str_add_bytes(&part, path, (size_t)(p - path));
			ok = !part.failed || err_memory(err);
			if (ok && mkdir(part.text, 0777) != 0 && errno != EEXIST)
				ok = err_set(err, ERR_IO, "%s: %s", part.text, strerror(errno));
		}
		if (*p == '\0')
			break;
	}
	str_release(&part);
	return ok;
}

/* Rows of one operator and one stack: thin, measure what that costs, write the file. */
static bool write_table(const struct profile_import_options *o, const struct profile_rows *all,
			struct profile_row *rows, size_t count, struct profile_import_report *report, struct err *err)
{
	struct profile_table_report *r = &report->tables[report->table_count];
	struct str text = { 0 }, path = { 0 }, file = { 0 }, tuned = { 0 };
	struct table *table = NULL;
	bool ok = true;

	if (report->table_count == PROFILE_TABLES_MOST)
		return err_set(err, ERR_INPUT, "%s: over %d tables in one import", o->path, PROFILE_TABLES_MOST);
	count = profile_drop_misrouted(rows, count, report);
	count = profile_drop_disturbed(rows, count, report);
	count = profile_drop_untuned(&o->limits, rows, count, report);
	*r = (struct profile_table_report){ .op = op_kind_names[rows->shape->kind], .rows_full = count };
	snprintf(r->stack, sizeof(r->stack), "%s", rows->stack);
	for (size_t low = 0, high; low < count && ok; low = high) {
		for (high = low + 1; high < count && same_site(&rows[low], &rows[high]);)
			high++;
		for (size_t i = low; i < high; i++)
			rows[i].even = rows[i].seconds;
		if (!o->tiles || rows->shape->kind != OP_GEMM)
			ok = profile_even(&rows[low], high - low, err);
		if (ok)
			profile_thin(&rows[low], high - low, o->tolerance > 0 ? o->tolerance : 0.03);
		r->sites++;
	}
	profile_outliers(rows, count);
	for (size_t i = 0; i < count; i++)
		r->rows_kept += rows[i].keep;
	if (!ok)
		goto out;
	str_addf(&path, "%s/%s/%s", o->out_folder, o->device, r->stack);
	str_addf(&file, "%s/%s.csv", str_text(&path), r->op);
	ok = path.failed || file.failed || tuned_before(file.text, &tuned, err);
	if (!ok)
		goto out;
	write_text(o, all, rows, count, r, str_text(&tuned), false, &text);
	if (path.failed || text.failed || file.failed) {
		ok = err_memory(err);
		goto out;
	}
	table = table_read_text(path.text, text.text, text.length, r->stack, rows->shape->kind, err);
	ok = table && profile_check(table, &o->limits, rows, count, r, err) && make_folders(path.text, err);
	if (!ok)
		goto out;
	str_clear(&text);
	write_text(o, all, rows, count, r, str_text(&tuned), true, &text);
	ok = paths_write_str(file.text, &text, err);
	r->bytes = text.length;
	report->rows_kept += r->rows_kept;
	report->rows_thinned += count - r->rows_kept;
	report->table_count++;
out:
	table_release(table);
	str_release(&text);
	str_release(&path);
	str_release(&file);
	str_release(&tuned);
	return ok;
}

bool profile_import(const struct profile_import_options *options, struct profile_import_report *report, struct err *err)
{
	struct profile_rows *rows = mem_calloc(1, sizeof(*rows));
	struct err local = { 0 };
	bool ok;

	memset(report, 0, sizeof(*report));
	ok = rows ? read_path(options, options->path, rows, report, &local) : err_memory(&local);
	if (ok && rows->count == 0)
		ok = err_set(&local, ERR_INPUT, "%s: no usable rows in %zu files", options->path, report->files);
	if (ok) {
		qsort(rows->row, rows->count, sizeof(*rows->row), compare_all);
		merge(rows, report);
	}
	for (size_t low = 0, high; ok && low < rows->count; low = high) {
		for (high = low + 1; high < rows->count && rows->row[high].shape == rows->row[low].shape &&
				     strcmp(rows->row[high].stack, rows->row[low].stack) == 0;)
			high++;
		ok = write_table(options, rows, &rows->row[low], high - low, report, &local);
	}
	if (rows)
		mem_free(rows->row);
	mem_free(rows);
	return ok || err_set(err, local.kind, "%s", local.text);
}
