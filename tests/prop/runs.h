/* Running a scenario and keeping what it says about its requests, for the property tests. */
#ifndef TESTS_PROP_RUNS_H
#define TESTS_PROP_RUNS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/serve.h"

/* VIBEE_SEEDS, or the default; a tenth under sanitizers. */
static inline int seed_count(int otherwise)
{
	const char *text = getenv("VIBEE_SEEDS");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	otherwise = otherwise / 10 > 0 ? otherwise / 10 : 1;
#endif
	return text && atoi(text) > 0 ? atoi(text) : otherwise;
}

/* Everything a run says about its requests, in order of id. */
struct records {
	struct request_record *at;
	size_t count, capacity;
	double last_end_s;
	bool backwards;                        /* a request ended before one that was reported earlier */
};

static inline void keep_record(void *ctx, const struct request_record *record)
{
	struct records *k = ctx;

	if (k->count == k->capacity) {
		k->capacity = k->capacity ? 2 * k->capacity : 256;
		k->at = realloc(k->at, k->capacity * sizeof(*k->at));
	}
	k->at[k->count++] = *record;
	if (record->arrival_s + record->e2e_s < k->last_end_s * (1 - 1e-12))
		k->backwards = true;
	k->last_end_s = record->arrival_s + record->e2e_s;
}

static inline int by_id(const void *x, const void *y)
{
	const struct request_record *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

static inline void sort_records(struct records *k)
{
	if (k->count)
		qsort(k->at, k->count, sizeof(*k->at), by_id);
}

/* Runs sc to its end; fills *k (the caller frees k->at) and *out (in the arena). */
static inline bool run_scenario(const struct scenario *sc, struct records *k, struct result *out, struct arena *a, struct err *err)
{
	struct serve_sink sink = { .ctx = k, .request = keep_record };
	struct sim *sim = sim_new(sc, &sink, err);
	bool ok = sim && sim_run(sim, INFINITY, err) && sim_result(sim, a, out, err);

	sim_free(sim);
	sort_records(k);
	return ok;
}

static inline bool close_to(double a, double b, double relative)
{
	return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= relative * fmax(fabs(a), fabs(b));
}

/* One line that finds a failing seed again. */
static inline void describe(int seed, const char *what, const struct scenario *sc, const struct err *err)
{
	if (!sc) {
		printf("  seed %d: %s: %s\n", seed, what, err->text);
		return;
	}
	printf("  seed %d (%s, %s, %s, pp %lld, replicas %lld + %lld, blocks %lld x %lld, seqs %lld): %s %s\n", seed, sc->model.name,
	       sc->scheduler.name, sc->deployment.router, (long long)sc->deployment.pp, (long long)sc->deployment.replicas,
	       (long long)sc->deployment.prefill_replicas, (long long)sc->scheduler.kv_blocks, (long long)sc->scheduler.block_size,
	       (long long)sc->scheduler.max_num_seqs, what, err->text);
}

#endif
