/* Runs kept in one SQLite file: a run is there whole or not at all, whatever happens to the process or the disk. */
#ifndef REPORTS_STORE_H
#define REPORTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"

/* One open database. Use it from one thread at a time; many processes may hold the same file open. */
struct store;

/* $VIBEE_SIM_DB, else $XDG_DATA_HOME/vibee-sim/runs.db, else ~/.local/share/vibee-sim/runs.db, else ./vibee-sim.db. */
void store_default_path(struct str *out);

/*
 * Opens the database, creating it (and its folder) when there is none, and brings an older one up to date. A file that
 * is not a vibee-sim database, or one written by a newer version, is refused and stays as it was.
 */
MUST_USE struct store *store_open(const char *path, struct err *err);
/* The same, but a missing file is an error: for commands that only read. */
MUST_USE struct store *store_open_existing(const char *path, struct err *err);
/* Nothing can be written through it: the file is opened read-only. One of an older schema is refused. */
MUST_USE struct store *store_open_reading(const char *path, struct err *err);
void store_close(struct store *s);                                    /* NULL is fine */
const char *store_path(const struct store *s);

/* What the result itself does not say about its run. Members may be NULL. */
struct run_origin {
	const char *kind;              /* "run" (the default), "train", "search" ... */
	const char *tool_version, *host, *command;
	const char *created_at;        /* UTC, "2026-03-01 12:34:56"; NULL: now */
};

/*
 * Stores the run in one transaction and fills r->run_id with 32 hex digits. On failure the database is as before and
 * r->run_id too. The seed is taken from the scenario input "seed" (or one that ends in ".seed").
 */
MUST_USE bool store_put_run(struct store *s, const struct run_origin *origin, struct result *r, struct err *err);

/* Errors of one group of a validation: |predicted / measured - 1|. */
struct validation_error {
	const char *name;              /* "h100/vllm/gemm/bf16/measured" */
	bool held_out;                 /* nothing compared was used to make the prediction */
	size_t count;
	double median, p90;            /* NAN: no points */
};
/* Stores a validation (a study of kind "validate") in one transaction; id gets its 32 hex digits. Read it back with SQL:
 * the view `validations`. On failure the database is as before. */
MUST_USE bool store_put_validation(struct store *s, const struct run_origin *origin, const char *title,
				   const struct validation_error *rows, size_t count, char id[33], struct err *err);

/* One variant or candidate of a study. Members may be NULL; metrics is a JSON object. */
struct study_row {
	const char *label, *status, *scenario_hash, *metrics;
};
/* Stores a study (kind "whatif", "search" ...) with the JSON that it printed, in one transaction; id gets its 32 hex digits. */
MUST_USE bool store_put_study(struct store *s, const char *kind, const struct run_origin *origin, const char *title,
			      const char *document, const struct study_row *rows, size_t count, char id[33], struct err *err);
/* A stored study. */
struct stored_study {
	char id[33];
	const char *created_at, *kind, *title, *command, *tool_version, *document;     /* document NULL: none was kept */
	int64_t rows;
};
/* The newest first, at most `limit` (0: all), of that kind (NULL: any); in the arena. */
MUST_USE bool store_list_studies(struct store *s, const char *kind, int64_t limit, struct arena *arena, const struct stored_study **rows,
				 size_t *count, struct err *err);
/* The errors of a stored validation, by its full id; none for other studies. In the arena. */
MUST_USE bool store_get_validation(struct store *s, const char *id, struct arena *arena, const struct validation_error **rows, size_t *count,
				   struct err *err);
/* The study named by a prefix of its id, "last" or "last~N", of that kind (NULL: any). Texts live in the arena. */
MUST_USE bool store_get_study(struct store *s, const char *kind, const char *name, struct arena *arena, struct stored_study *out,
			      struct err *err);

/* Outcomes of single candidates, by a key that covers all that they depend on: what a search resumes from. Each is kept as soon
 * as it is put; a key that is there already is overwritten. */
MUST_USE bool store_put_outcome(struct store *s, const char *key, const char *tool_version, const char *outcome, struct err *err);
/* *outcome is NULL when there is none. */
MUST_USE bool store_get_outcome(struct store *s, const char *key, struct arena *arena, const char **outcome, struct err *err);

/* A stored run as `db list` shows it. Texts live in the arena; figures that a run does not have are NAN. */
struct stored_run {
	char id[33], scenario_hash[33];
	const char *created_at;        /* UTC, "2026-03-01 12:34:56" */
	const char *kind, *title, *tool_version, *host, *command;
	bool has_seed;
	int64_t seed;
	double wall_s, requests, completed, output_throughput, ttft_p99_s, tpot_p99_s, usd_per_1m_output_tokens;
	int slos_met;                  /* 1, 0, or -1 when no SLO was asked for */
};

/*
 * The run named by a prefix of its id, "last" (newest), or "last~N" (N before it). Everything is restored: *r and what
 * it points to live in the arena. about may be NULL.
 */
MUST_USE bool store_get_run(struct store *s, const char *name, struct arena *arena, struct result *r,
			    struct stored_run *about, struct err *err);
/* The full id behind such a name. */
MUST_USE bool store_resolve(struct store *s, const char *name, char id[33], struct err *err);
/* The newest run of that scenario; id is "" when there is none. False only on failure. */
MUST_USE bool store_find_by_hash(struct store *s, const char *scenario_hash, char id[33], struct err *err);

/* Which runs: members that are NULL or 0 do not restrict. */
struct store_filter {
	const char *kind, *scenario_hash;
	const char *title;             /* part of the title, case-insensitive */
	const char *since;             /* "2026-03-01": created at or after, UTC */
	const char *input, *value;     /* a scenario path and its value: "deployment.tp", "4" */
	const char *order;             /* one of store_orders; NULL: the newest first */
	bool ascending;                /* of `order` */
	int64_t limit;                 /* at most so many, the first of the order */
	int64_t offset;                /* after so many; needs a limit */
};
/* Columns that a list can be ordered by: "created_at", "title", "ttft_p99_s" ...; ends with NULL. */
extern const char *const store_orders[];
/* In the arena. filter may be NULL. An unknown order is an error. */
MUST_USE bool store_list(struct store *s, const struct store_filter *filter, struct arena *arena,
			 const struct stored_run **rows, size_t *count, struct err *err);

/* How many the filter lets through, limit and offset aside. */
MUST_USE bool store_count(struct store *s, const struct store_filter *filter, int64_t *count, struct err *err);

MUST_USE bool store_delete(struct store *s, const char *name, struct err *err);
/* Deletes what is neither among the `keep` newest nor younger than older_than_s; counts what it deleted, or would. */
MUST_USE bool store_prune(struct store *s, int64_t keep, double older_than_s, bool dry_run, int64_t *deleted,
			  struct err *err);

enum store_format { STORE_JSON, STORE_CSV };
/* JSON: an array of vibee.run/1 documents. CSV: one line a run, all metrics and inputs as columns. "-": stdout. */
MUST_USE bool store_export(struct store *s, const struct store_filter *filter, enum store_format format,
			   const char *path, struct err *err);

/* Reads every page and index; false with the first fault found. */
MUST_USE bool store_check(struct store *s, struct err *err);

/* Adds the tables and views as SQL, one statement a line. */
void store_sql_schema(struct str *out);

#endif
