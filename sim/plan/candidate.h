/* One candidate of a search: bounds without a simulation, and the simulation itself, given up as soon as a target is out of
 * reach. */
#ifndef SIM_PLAN_CANDIDATE_H
#define SIM_PLAN_CANDIDATE_H

#include "sim/plan/axis.h"
#include "sim/plan/demand.h"
#include "sim/plan/outcome.h"

/*
 * A batch that ends before its queue could grow meets targets at any rate. So the run that decides a capacity lasts at least
 * SPANS_LEAST times as long as its slow requests (P99) take from end to end: requests are added until it does, from those of the
 * scenario up to REQUESTS_MOST_CAPACITY.
 */
enum { SPANS_LEAST = 30, REQUESTS_MOST_CAPACITY = 400000 };

struct limits {
	double usd_per_hour;                   /* at most; INFINITY = no limit */
	double devices;                        /* at most; INFINITY = no limit */
};

struct evaluating {
	const struct space *space;
	const struct scenario *base;
	const struct demand *demand;           /* of the base; fixed only if no axis changes the workload */
	struct catalog_cache *cache;
	struct limits limits;
	bool bounds, abort;                    /* false: only what brute force would do */
	bool capacity;                         /* find the largest rate within the targets */
	double tolerance;                      /* of that rate, relative */
	double time_scale;                     /* on all operator times; 1 */
	const char *salt;                      /* version of the program and settings: part of the keys */
};

/* What is known of a candidate before it is simulated. Bounds hold for the simulator's own answers. */
struct bounds {
	enum outcome_status status;            /* PENDING: it may be good */
	char key[33];                          /* content hash of scenario, catalog entries and settings; "" when impossible */
	double usd_per_hour, devices;          /* exact; NAN: not known */
	double cost;                           /* usd_per_1m_output_tokens is at least */
	double quick_s;                        /* tpot of a batch of one token: the floor is at most this; NAN: no floor */
	double floor_s;                        /* every tpot is at least; 0 until asked for */
	char why[WHY_ROOM];
};

/* exact: floor_s, too. False only for failures of this program or machine. */
MUST_USE bool candidate_bound(const struct evaluating *e, int64_t index, bool exact, struct bounds *out, struct err *err);
MUST_USE bool candidate_evaluate(const struct evaluating *e, int64_t index, struct outcome *out, struct err *err);

/* Of a capacity's outcome: its arrivals last so many times as long as its slow requests. Below SPANS_LEAST the workload has no more
 * requests, and the capacity is an upper bound. */
double capacity_spans(const struct outcome *o);

/* "device=h200 tp=8"; in the arena. */
const char *candidate_label(const struct space *s, int64_t index, struct arena *arena);
MUST_USE struct scenario *candidate_scenario(const struct evaluating *e, int64_t index, struct arena *arena, struct err *err);

#endif
