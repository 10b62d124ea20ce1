/* What a published row means: the scenario that stands for its setting, or why there is none. */
#ifndef VALIDATION_PUBLISHED_CASE_H
#define VALIDATION_PUBLISHED_CASE_H

#include "reports/result.h"
#include "validation/published_names.h"
#include "validation/rows.h"

enum published_why {
	WHY_NONE, WHY_MODEL, WHY_ACCELERATOR, WHY_LENGTHS, WHY_LOAD, WHY_FRONTIER, WHY_POWER,
	WHY_COST, WHY_METRIC, WHY_SPECULATION, WHY_ALTERED, WHY_PRODUCTION, WHY_REFUSED, WHY_SATURATED, WHY_VALUE, WHY_COUNT
};
extern const char *const published_why_text[WHY_COUNT];        /* one line each */

/* A layout that a tuned run whose row does not state it may have had; of several, the one that gets most through. */
struct published_choice {
	const char *settings;          /* attributes of a scenario beside those of the case */
	double devices;                /* of one copy */
};
enum { CHOICES_MOST = 8 };

/* Rows of equal settings (and limits) share one simulation. */
struct published_case {
	enum published_why why;
	const char *note;              /* what was assumed in reading the row (published_names.h); "" when it was taken literally */
	const char *detail;            /* the name not found, the simulator's refusal; may be NULL */
	const char *settings;          /* "deployment.tp=4 ...": attributes of a scenario, NULL when why */
	struct published_choice choices[CHOICES_MOST];
	size_t choice_count;           /* 0: `settings` hold the layout */
	double ttft_p99_s, tpot_p99_s, e2e_p99_s;      /* > 0: the rate is searched at which those that are set just hold */
	double run_s, queries;         /* of an MLPerf run: how long the whole system is sent requests, and how many, at least */
	double rate_most;              /* > 0: tokens/s of one device (without choices: copy) that the run completed: the
					* row is predicted there, or at the rate found when that is lower */
	double copies;                 /* replicas that the system has for each simulated one */
	double devices;                /* of the whole system */
	double batch, osl;             /* as the row says; 0: not said */
	double decode_seqs;            /* > 0: throughput is so many sequences over the time of a decode step; else tokens over the whole run */
	enum published_figure figure;
	double to_si;                  /* row value * to_si = figure */
};

/* Reads row `index`; others of the file are looked at for the rate of a server run. False only when memory ran out. */
MUST_USE bool published_case(const struct published_rows *rows, size_t index, const struct published_lexicon *names,
			     struct published_case *out, struct arena *arena, struct err *err);
/* The simulated figure, in the row's own unit; NAN when the result does not hold it. */
double published_predict(const struct published_case *c, const struct result *r);

#endif
