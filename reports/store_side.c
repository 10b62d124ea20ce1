/* Sides of a comparison out of the database. Only inputs, figures and samples are read: not the tables and curves of a run. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "reports/metric.h"
#include "reports/side.h"
#include "reports/store_private.h"

static bool take_inputs(struct side *side, struct side_case *c, struct store *s, struct err *err)
{
	void *rows;

	if (!rows_get(s, c->run, &table_scenario, SIZE_MAX, side->arena, &rows, &c->input_count, err))
		return false;
	c->inputs = rows;
	return true;
}

/* All figures, or the one of that name. */
static bool take_metrics(struct side *side, struct side_case *c, struct store *s, const char *only, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT name, value FROM run_metrics WHERE run = ?1 AND value IS NOT NULL AND"
					    " (?2 IS NULL OR name = ?2) UNION ALL SELECT '" SIDE_SLOS_MET "', slos_met FROM runs"
					    " WHERE run = ?1 AND slos_met IS NOT NULL AND ?2 IS NULL", err);
	bool ok = st != NULL;
	int code = SQLITE_DONE;

	if (!st)
		return false;
	sqlite3_bind_int64(st, 1, c->run);
	bind_text(st, 2, only);
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 0);

		ok = !name || (!only && text_starts(name, "sim.")) || side_figure_add(side, c, name, sqlite3_column_double(st, 1), err);
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	if (!only)
		side_case_done(c);
	return ok;
}

/* Samples of one name stand together: a figure each. */
static bool take_samples(struct side *side, struct side_case *c, struct store *s, struct err *err)
{
	const struct sample_row *rows;
	void *read;
	size_t count;
	double *values;
	bool ok = rows_get(s, c->run, &table_samples, SIZE_MAX, side->arena, &read, &count, err);

	if (!ok || count == 0)
		return ok;
	rows = read;
	values = mem_alloc(count * sizeof(*values));
	if (!values)
		return err_memory(err);
	for (size_t i = 0, n; ok && i < count; i += n) {
		for (n = 0; i + n < count && text_equal(rows[i + n].name, rows[i].name); n++)
			values[n] = rows[i + n].value;
		ok = side_samples_add(side, c, rows[i].name ? rows[i].name : "value", rows[i].unit, side_unit_better(rows[i].unit), values, n, err);
	}
	mem_free(values);
	return ok;
}

/* The metrics of a bench are those of its medians: its samples say more. */
static bool take_figures(struct side *side, struct side_case *c, struct store *s, struct err *err)
{
	return take_samples(side, c, s, err) && (c->figure_count > 0 || take_metrics(side, c, s, NULL, err));
}

/* Heads of runs, newest first: run, id, created_at, title, tool_version. */
static struct side_case *head(struct side *side, sqlite3_stmt *st, struct err *err)
{
	const char *title = (const char *)sqlite3_column_text(st, 3);
	struct side_case *c = side_add(side, title ? title : "run", title, err);
	bool ok = true;

	if (!c)
		return NULL;
	c->run = sqlite3_column_int64(st, 0);
	c->created_at = column_text(st, 2, side->arena, &ok);
	c->version = column_text(st, 4, side->arena, &ok);
	if (!ok)
		err_memory(err);
	return ok ? c : NULL;
}

bool side_of_run(struct side *side, struct store *s, const char *name, struct err *err)
{
	sqlite3_stmt *st = NULL;
	sqlite3_int64 run;
	struct side_case *c = NULL;
	char id[33];

	if (!store_find(s, name, &run, id, err) ||
	    !(st = store_prepare(s, "SELECT run, id, created_at, title, tool_version FROM runs WHERE run = ?", err)))
		return false;
	sqlite3_bind_int64(st, 1, run);
	if (sqlite3_step(st) == SQLITE_ROW)
		c = head(side, st, err);
	else
		store_fail(s, "read the run", err);
	sqlite3_finalize(st);
	if (!c || !take_inputs(side, c, s, err) || !take_figures(side, c, s, err))
		return false;
	side->what = arena_printf(side->arena, "run %.10s  %s  %s  %s", id, c->created_at, c->version ? c->version : "", c->name);
	return side->what || err_memory(err);
}

static bool validation_rows(struct side *side, struct store *s, const char *id, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT name, median_abs_rel_error, p90_abs_rel_error, count FROM validations WHERE id = ?", err);
	bool ok = st != NULL;
	int code = SQLITE_DONE;

	if (!st)
		return false;
	bind_text(st, 1, id);
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct side_case *c = side_add(side, (const char *)sqlite3_column_text(st, 0), NULL, err);

		ok = c && side_figure_add(side, c, "median_abs_rel_error", column_number(st, 1), err) &&
		     side_figure_add(side, c, "p90_abs_rel_error", column_number(st, 2), err) &&
		     side_figure_add(side, c, "count", column_number(st, 3), err);
		for (size_t i = 0; ok && i < c->figure_count; i++)
			c->figures[i].better = strstr(c->figures[i].name, "error") ? -1 : 0;
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

static bool study(struct side *side, struct store *s, const struct stored_study *about, struct err *err)
{
	char origin[64];

	if (!about->document)
		return validation_rows(side, s, about->id, err);
	snprintf(origin, sizeof(origin), "study %.10s", about->id);
	return side_of_json_text(side, origin, about->document, strlen(about->document), err);
}

bool side_of_study(struct side *side, struct store *s, const char *name, struct err *err)
{
	struct stored_study about;

	if (!store_get_study(s, NULL, name, side->arena, &about, err) || !study(side, s, &about, err))
		return false;
	if (side->count == 0)
		return err_set(err, ERR_INPUT, "study '%s': holds nothing to compare", name);
	side->what = arena_printf(side->arena, "study %.10s  %s  %s  %s", about.id, about.created_at, about.kind, about.title ? about.title : "");
	return side->what || err_memory(err);
}

/* The newest study of each kind and title; its cases carry the title. */
static bool newest_studies(struct side *side, struct store *s, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT id FROM studies WHERE study IN (SELECT max(study) FROM studies GROUP BY kind, title)"
					    " ORDER BY study", err);
	bool ok = st != NULL;
	int code = SQLITE_DONE;

	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct stored_study about;
		struct err unfit = { 0 };
		struct side inner;

		side_init(&inner, "study", side->arena);
		ok = store_get_study(s, NULL, (const char *)sqlite3_column_text(st, 0), side->arena, &about, err);
		/* A study without figures to compare, or of a kind unknown here, is no reason to leave the others. */
		if (ok && !study(&inner, s, &about, &unfit)) {
			ok = unfit.kind == ERR_INPUT || err_set(err, unfit.kind, "%s", unfit.text);
			continue;
		}
		for (size_t i = 0; ok && i < inner.count; i++) {
			struct side_case *c = side_add(side, arena_printf(side->arena, "%s: %s", about.title ? about.title : about.kind,
									  inner.cases[i]->name), NULL, err);
			const char *name = c ? c->name : NULL;

			ok = c != NULL;
			if (ok) {
				*c = *inner.cases[i];
				c->name = name;
			}
		}
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

/* Heads and inputs of the newest `most` runs (0: all), newest first. */
static bool heads(struct side *side, struct store *s, const char *title, int64_t most, struct err *err)
{
	sqlite3_stmt *st = store_prepare(s, "SELECT run, id, created_at, title, tool_version FROM runs WHERE"
					    " (?1 IS NULL OR instr(lower(title), lower(?1))) ORDER BY run DESC LIMIT ?2", err);
	bool ok = st != NULL;
	int code = SQLITE_DONE;

	if (!st)
		return false;
	bind_text(st, 1, title);
	sqlite3_bind_int64(st, 2, most > 0 ? most : -1);
	while (ok && (code = sqlite3_step(st)) == SQLITE_ROW) {
		struct side_case *c = head(side, st, err);

		ok = c && take_inputs(side, c, s, err);
	}
	if (ok && code != SQLITE_DONE)
		ok = store_fail(s, "be read", err);
	sqlite3_finalize(st);
	return ok;
}

/* Drops a run of which a newer one (before it in the list) has the same title and inputs. */
static void keep_newest(struct side *side)
{
	size_t kept = 0;

	for (size_t i = 0; i < side->count; i++) {
		bool newer = false;

		for (size_t k = 0; k < kept && !newer; k++)
			newer = strcmp(side->cases[k]->name, side->cases[i]->name) == 0 && side_alike(side->cases[k], side->cases[i]);
		if (!newer)
			side->cases[kept++] = side->cases[i];
	}
	side->count = kept;
}

bool side_of_store(struct side *side, struct store *s, struct err *err)
{
	bool ok = heads(side, s, NULL, 0, err);
	size_t runs = side->count;

	if (ok)
		keep_newest(side);
	for (size_t i = 0; ok && i < side->count; i++)
		ok = take_figures(side, side->cases[i], s, err);
	if (!ok || !side_name_apart(side, err) || !newest_studies(side, s, err))
		return false;
	if (side->count == 0)
		return err_set(err, ERR_INPUT, "%s: holds no runs yet", store_path(s));
	side->what = arena_printf(side->arena, "%s, %zu runs, %zu cases", store_path(s), runs, side->count);
	return side->what || err_memory(err);
}

/* Medians of samples of that name, when it is no metric. */
static bool take_history(struct side *side, struct side_case *c, struct store *s, const char *figure, struct err *err)
{
	if (metric_find(figure))
		return take_metrics(side, c, s, metric_name(metric_find(figure)), err);
	if (!take_samples(side, c, s, err))
		return false;
	for (size_t i = 0; i < c->figure_count; i++)
		if (strcmp(c->figures[i].name, figure) == 0) {
			c->figures[0] = c->figures[i];
			c->figure_count = 1;
			return true;
		}
	c->figure_count = 0;
	return true;
}

bool side_of_history(struct side *side, struct store *s, const char *figure, const char *title, int64_t most, struct err *err)
{
	size_t kept = 0;

	if (!heads(side, s, title, most, err))
		return false;
	for (size_t i = 0; i < side->count; i++) {
		if (!take_history(side, side->cases[i], s, figure, err))
			return false;
		if (side->cases[i]->figure_count > 0)
			side->cases[kept++] = side->cases[i];
	}
	side->count = kept;
	for (size_t i = 0; i < kept / 2; i++) {        /* newest first, as read: oldest first, as told */
		struct side_case *c = side->cases[i];

		side->cases[i] = side->cases[kept - 1 - i];
		side->cases[kept - 1 - i] = c;
	}
	return true;
}
