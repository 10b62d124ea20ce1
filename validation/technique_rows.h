/* Published figures of the technology tree's modules, each a scenario that the simulator is asked: validation/published/
 * AREA.csv. A row names a quantity, the scenario and, for ratios, the baseline that it is divided by. */
#ifndef VALIDATION_TECHNIQUE_ROWS_H
#define VALIDATION_TECHNIQUE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct technique_row {
	const char *id, *module, *figure, *unit, *quantity, *scenario, *baseline, *source;
	const char *reason;            /* why it is known to be off, or cannot be asked; NULL */
	const char *held_out;          /* "no" for a figure that parameters were taken from; such rows are not counted */
	double published;
	double simulated, rel_error;   /* NAN until technique_rows_run, and where it cannot be simulated */
	const char *error;             /* why it could not be simulated; NULL */
};
struct catalog_cache;
struct technique_rows {
	struct technique_row *at;      /* all of it in the arena */
	size_t count;
};

/* Rows of one area (folder word), or of all (NULL). Areas without a file have none. */
MUST_USE bool technique_rows_load(const char *area, struct technique_rows *out, struct arena *arena, struct err *err);
/* Simulates every row; one that fails says why. False only when memory is short. */
MUST_USE bool technique_rows_run(struct technique_rows *rows, struct arena *arena, struct err *err);
/* One figure: "tokens_s" of "model=llama-2-7b device=a100 decodes=24 context=2048 with=kivi_v1821:bits=4". cache: catalog entries shared
 * between questions; NULL = none. */
MUST_USE bool technique_quantity(const char *quantity, const char *scenario, struct catalog_cache *cache, double *out, struct arena *arena,
				 struct err *err);

/* The operators of one step of such a scenario, priced. What it points to lives in the arena and, with a cache, as long as that. */
struct step_result;
MUST_USE bool technique_step(const char *scenario, struct catalog_cache *cache, struct step_result *out, struct arena *arena, struct err *err);

/* Days, memory of a device and cost of a training job, from one simulation. */
MUST_USE bool technique_training_figures(const char *scenario, double *days, double *memory_gb, double *usd, struct arena *arena, struct err *err);

/* Of the rows that are held out and simulated: how many, median absolute error, share within 15 %, beyond a factor 2 without
 * a reason. */
struct technique_summary {
	size_t rows, simulated, within_15, beyond_2x;
	double median;
};
void technique_rows_summary(const struct technique_rows *rows, struct technique_summary *out);
MUST_USE bool technique_rows_text(const struct technique_rows *rows, struct str *out, struct err *err);
MUST_USE bool technique_rows_json(const struct technique_rows *rows, struct str *out, struct err *err);

#endif
