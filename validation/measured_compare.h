/* Measured runs beside their simulation: the same load on the scenario that the user names, metric by metric. */
#ifndef VALIDATION_MEASURED_COMPARE_H
#define VALIDATION_MEASURED_COMPARE_H

#include "sim/correction.h"
#include "sim/scenario.h"
#include "validation/measured.h"

struct measured_prediction {
	double metric[METRIC_COUNT];           /* NAN: the simulation has none */
	double before[METRIC_COUNT];           /* with --fit: what it was without the correction */
	size_t paired;                         /* requests compared one by one (open loop with recorded arrivals) */
	double pair_median, pair_p90;          /* |predicted / measured - 1| of their E2E latency, else of their TTFT */
	const char *const *sim_notes;
	size_t sim_note_count;
};

struct measured_study {
	const struct measured_file *file;
	struct measured_prediction *predictions;       /* one a run */
	const char *title;                     /* "llama-3.1-8b on h100" */
	const char *load;                      /* where the traffic comes from */
	bool fitted;                           /* the correction was fitted to these very runs */
	const struct correction *correction;   /* applied; NULL = none */
};

/* The deployment that a file names (InferenceX; SGLang's server_info), for what the user left open. Adds notes. */
MUST_USE bool measured_layout(struct measured_run *run, struct scenario *sc, bool model, bool layout, struct arena *arena, struct err *err);

/* Simulates every run. own_load: the traffic is what the file says was sent (else the scenario's own). */
MUST_USE bool measured_compare(const struct measured_file *file, const struct scenario *sc, bool own_load, struct measured_study *out,
			       struct arena *arena, struct err *err);

/* Fits a correction of this name to all runs, keeps it, and fills *out with the predictions before and after. */
MUST_USE bool measured_fit(const struct measured_file *file, const struct scenario *sc, bool own_load, const char *name,
			   struct measured_study *out, const char **path, struct arena *arena, struct err *err);

#endif
