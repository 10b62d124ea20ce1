/* What one candidate of a study came to: the figures that studies compare, small enough to keep by the hundred thousand. */
#ifndef SIM_PLAN_OUTCOME_H
#define SIM_PLAN_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "hardware/operator.h"
#include "reports/result.h"
#include "sim/catalog_cache.h"
#include "sim/scenario.h"
#include "sim/serve.h"

enum outcome_status {
	OUTCOME_PENDING,
	OUTCOME_DONE,                          /* simulated to the end */
	OUTCOME_IMPOSSIBLE,                    /* does not fit, or its parts do not go together: `why` */
	OUTCOME_BOUND,                         /* a bound shows that it misses a target: `why` */
	OUTCOME_DOMINATED,                     /* a bound shows that another is better in everything */
	OUTCOME_ABORTED,                       /* stopped when a target could not be met any more: `why` */
	OUTCOME_STATUSES
};
extern const char *const outcome_status_names[];       /* "pending" "done" "impossible" ... */

/* The figures, one line each in outcome.c. */
enum outcome_figure {
	FIGURE_OUTPUT_THROUGHPUT, FIGURE_TOTAL_THROUGHPUT, FIGURE_REQUEST_THROUGHPUT, FIGURE_GOODPUT, FIGURE_PER_DEVICE, FIGURE_PER_USER,
	FIGURE_TTFT_MEAN, FIGURE_TTFT_P50, FIGURE_TTFT_P90, FIGURE_TTFT_P99, FIGURE_TPOT_MEAN, FIGURE_TPOT_P50, FIGURE_TPOT_P90,
	FIGURE_TPOT_P99, FIGURE_ITL_P99, FIGURE_E2E_MEAN, FIGURE_E2E_P50, FIGURE_E2E_P90, FIGURE_E2E_P99, FIGURE_QUEUE_P99,
	FIGURE_USD_PER_HOUR, FIGURE_USD_PER_1M_OUTPUT, FIGURE_USD_PER_1M, FIGURE_JOULES_PER_OUTPUT, FIGURE_POWER,
	FIGURE_DEVICES, FIGURE_REPLICAS, FIGURE_BATCH, FIGURE_KV_PEAK, FIGURE_MFU, FIGURE_MBU, FIGURE_PREEMPTIONS, FIGURE_HIT_RATE,
	FIGURE_WEIGHTS, FIGURE_KV_PER_TOKEN, FIGURE_ERROR, FIGURE_MEASURED, FIGURE_COMPLETED, FIGURE_REJECTED, FIGURE_DURATION,
	FIGURE_CAPACITY_QPS,                   /* largest rate within the targets; NAN unless looked for */
	FIGURES
};

struct figure {
	const char *name, *unit, *title;       /* "usd_per_1m_output_tokens", "USD", "Cost of 1M output tokens" */
	size_t offset;                         /* in struct result; (size_t)-1: derived */
	int better;                            /* 1: more, -1: less, 0: neither */
	bool whole;                            /* an int64_t in struct result */
};
extern const struct figure figures[FIGURES];
/* -1 + err (nearest name) when unknown; '-' and '_' are alike. */
int figure_find(const char *name, const char *origin, struct err *err);

enum { KINDS_KEPT = OP_KIND_COUNT, WHY_ROOM = 160 };
struct outcome {
	enum outcome_status status;
	char hash[33];                         /* of the scenario; "" when it could not be compiled */
	bool slos_met;
	double value[FIGURES];                 /* NAN where there is none */
	float kind_share[KINDS_KEPT], kind_error[KINDS_KEPT];          /* of the device time; expected relative error of that */
	char why[WHY_ROOM];
};

void outcome_init(struct outcome *out);
/* Takes the figures out of a result. */
void outcome_of(const struct result *r, struct outcome *out);

/* e of sim/interval.h, from the kinds of operators that the outcome kept. */
double outcome_rel_error(const struct outcome *o);

/* Makes an outcome of what kept a scenario from running when its input was the reason; false with err for any other failure. */
MUST_USE bool outcome_impossible(struct outcome *out, const struct err *own, struct err *err);

/* Simulates the scenario to the end. What cannot be run at all (does not fit, techniques that exclude each other) is an
 * outcome, not an error: false only for failures of this program or machine. sink may be NULL. */
MUST_USE bool outcome_simulate(const struct scenario *sc, struct catalog_cache *cache, const struct serve_sink *sink, struct outcome *out,
			       struct err *err);

#endif
