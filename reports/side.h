/* One side of a comparison: named cases -- runs, variants of a study, benches -- each with its figures, wherever they come from. */
#ifndef REPORTS_SIDE_H
#define REPORTS_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "reports/result.h"
#include "reports/store.h"

/* Simulated figures are exact; measured ones are samples, and their value is the median of them. */
struct side_figure {
	const char *name, *unit;       /* "ttft_s.p99", "s" */
	int better;                    /* 1: more is better, -1: less, 0: neither */
	double value;
	const double *samples;         /* ascending; NULL: simulated */
	size_t sample_count;
};

struct side_case {
	const char *name, *title;      /* "chat", "llama-3.1-8b on 1 x h100 ..."; title may be NULL */
	const char *file;              /* the scenario's, for annotations; NULL: unknown */
	const char *version, *created_at;      /* of the program that simulated it; may be NULL */
	const struct key_value *inputs;
	size_t input_count;
	struct side_figure *figures;
	size_t figure_count, figure_room;
	int64_t run;                   /* number in its database; 0: not from one */
};

struct side {
	const char *name;              /* as asked for: "last~1", "runs.db", "git:v1" */
	const char *what;              /* "run 3f9a0c21d4 of 2026-03-01 12:00:00", "7 scenarios simulated now" */
	struct side_case **cases;
	size_t count, room;
	struct arena *arena;           /* where all of it lives */
};

/* Figures that say 1 or 0: whether all SLOs of a run, or the bars of a validation, were met. */
#define SIDE_SLOS_MET "slos_met"
#define SIDE_BARS_MET "bars_met"

void side_init(struct side *side, const char *name, struct arena *arena);
/* A new case; NULL when memory ran out. The texts are copied. */
MUST_USE struct side_case *side_add(struct side *side, const char *name, const char *title, struct err *err);
/* A simulated figure; one that is not finite is left out. Direction and unit are those of the metric of that name, if there is one. */
MUST_USE bool side_figure_add(struct side *side, struct side_case *c, const char *name, double value, struct err *err);
/* A measured one; the samples are copied. */
MUST_USE bool side_samples_add(struct side *side, struct side_case *c, const char *name, const char *unit, int better, const double *samples,
			       size_t count, struct err *err);
/* 1 for rates, -1 for times and sizes, by their unit ("requests/s", "s", "bytes"). */
int side_unit_better(const char *unit);
/* Every simulated metric and all inputs of a result; how fast it was simulated is left out. Borrows the inputs. */
MUST_USE bool side_result_add(struct side *side, struct side_case *c, const struct result *r, struct err *err);

/* When all figures of a simulated case are in: drops those of serving from a training run, where all of them are 0. */
void side_case_done(struct side_case *c);

const char *side_input(const struct side_case *c, const char *path);   /* NULL: absent */
/* As a person would say: "4" and "4.0", yes and true are. NULL is absent: equal to itself only. */
bool side_same_value(const char *a, const char *b);
/* No input that both have differs. */
bool side_alike(const struct side_case *a, const struct side_case *b);
/* Cases that share a name get the inputs in which they differ added to it: "chat (deployment.tp=4)". */
MUST_USE bool side_name_apart(struct side *side, struct err *err);

/* From a database: one run; one study with its variants; the newest run of each scenario and the newest study of each title. */
MUST_USE bool side_of_run(struct side *side, struct store *s, const char *name, struct err *err);
MUST_USE bool side_of_study(struct side *side, struct store *s, const char *name, struct err *err);
MUST_USE bool side_of_store(struct side *side, struct store *s, struct err *err);
/* All runs (the newest `most`) with one figure each, oldest first: a history. Title, a part of it, may be NULL. */
MUST_USE bool side_of_history(struct side *side, struct store *s, const char *figure, const char *title, int64_t most, struct err *err);

/* From JSON that a command wrote: a run, a training run, an array of them, a bench, a what-if, a search, a validation, kept figures. */
MUST_USE bool side_of_json(struct side *side, const char *path, struct err *err);
MUST_USE bool side_of_json_text(struct side *side, const char *origin, const char *text, size_t length, struct err *err);
/* Writes all of it as "vibee.figures/1": what side_of_json reads, one figure a line, made to be committed. */
MUST_USE bool side_json(const struct side *side, struct str *out, struct err *err);

#endif
