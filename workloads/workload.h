/* What traffic a serving simulation gets: a trace file or a generator, described by one XML file or by options. */
#ifndef WORKLOADS_WORKLOAD_H
#define WORKLOADS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"

/* A distribution of one quantity; the unit is that of the element it stands in (tokens, turns, seconds, shares). */
enum spread_kind {
	SPREAD_NONE,        /* not given */
	SPREAD_FIXED,       /* value */
	SPREAD_UNIFORM,     /* least .. most */
	SPREAD_LOGNORMAL,   /* mu, sigma of the natural logarithm, clipped to least .. most */
	SPREAD_EXPONENTIAL, /* mean, clipped */
	SPREAD_GEOMETRIC,   /* mean, on 1, 2, 3 ..., clipped */
	SPREAD_ZIPF,        /* least .. most, P(least + k - 1) ~ 1 / k^theta */
	SPREAD_EMPIRICAL    /* quantiles, linear between them */
};
struct spread {
	int kind; /* enum spread_kind */
	double value, mean, least, most, mu, sigma, theta;
	const char *quantiles; /* "0:12 0.5:300 1:4096": share:value, both non-decreasing, from 0 to 1 */
};

enum arrival_kind {
	ARRIVAL_AUTO,        /* as the trace says; without a trace or when it has no times: poisson */
	ARRIVAL_ALL_AT_ONCE, /* all at time 0 */
	ARRIVAL_POISSON,
	ARRIVAL_GAMMA,         /* gaps gamma distributed with coefficient of variation cv */
	ARRIVAL_WEIBULL,       /* same, Weibull */
	ARRIVAL_DETERMINISTIC, /* equal gaps */
	ARRIVAL_MMPP,          /* two rates, exponential stays: burst_ratio, burst_share, burst_s */
	ARRIVAL_DIURNAL,       /* 1 + amplitude * sin over period_s */
	ARRIVAL_BURST,         /* burst_s seconds at burst_ratio times the base rate every period_s */
	ARRIVAL_EMPIRICAL,     /* gaps from gap_s */
	ARRIVAL_RAMP,          /* start_qps to end_qps over ramp_s, then end_qps */
	ARRIVAL_STAGES,        /* <stage duration_s qps/> one after the other, then the end */
	ARRIVAL_PROFILE        /* rates of consecutive windows of window_s, repeated */
};
struct stage {
	double duration_s, qps;
};
struct arrivals {
	int kind;     /* enum arrival_kind */
	double cv;    /* of gaps: gamma, weibull, and inside every varying rate (1 = Poisson) */
	bool rescale; /* scale the first `requests` gaps so that the last arrival is at requests / qps */
	double burst_ratio, burst_share, burst_s;
	double period_s, amplitude, phase_s;
	double start_qps, end_qps, ramp_s;
	const char *profile; /* "3.1 4.4 ...": rates, any unit when qps is set (only their ratios count) */
	double window_s;
	double quantum_s; /* arrivals are reported in steps of this length; 0 = exact */
	struct spread gap_s;
	struct stage *stages;
	size_t stage_count;
};

struct workload_class {
	const char *name;
	double share; /* of requests; shares are normalised by their sum */
	int64_t priority;
	double cv;                    /* own arrival stream with this cv; NAN = drawn from the common stream */
	struct spread prompt, output; /* kind none: those of the workload */
};

struct sessions {
	struct spread turns;   /* requests of one session; kind none = no sessions */
	struct spread think_s; /* end of an answer to the next question */
	bool grows;            /* a turn's prompt holds all earlier prompts and answers */
	int64_t users;         /* > 0: this many sessions take turns at the arrivals, nobody thinks */
	bool waits;            /* users only: a user's next request waits for the answer to the one before */
	bool repeats;          /* users only: each sends one and the same prompt at every turn, of the lengths first drawn */
	int64_t max_context;   /* a session ends before its context passes this; 0 = no limit */
};

struct prefixes {
	int64_t block_tokens;   /* length of a block of prompt identity */
	double shared_tokens;   /* system prompt at the start; 0 = none */
	int64_t shared_prompts; /* how many different ones */
	double shared_zipf;     /* popularity exponent among them; 0 = all alike */
	double shared_share;    /* share of requests (or sessions) that begin with one */
	bool shared_added;      /* yes: added to the drawn prompt length; no: part of it */
	double reuse_share;     /* share of requests that repeat the start of an earlier one */
	struct spread overlap;  /* repeated part, as a share of the prompt */
	struct spread distance; /* how many requests ago */
};

/* How well the generator reproduces the trace it was fitted to (workloads/fit.h computes all of them). */
struct fit_record {
	const char *trace, *licence, *source, *method;
	int64_t rows;
	double prompt_ks, output_ks, gap_ks;         /* Kolmogorov-Smirnov distances, generated against trace */
	double prompt_mean_error, output_mean_error; /* relative */
	double prompt_p95_error, output_p95_error;
	double gap_cv_trace, gap_cv_fit;
	double window_cv_trace, window_cv_fit;     /* of request counts in windows of 10 s */
	double correlation_trace, correlation_fit; /* rank correlation of prompt and output */
	double hit_share_trace, hit_share_fit;     /* prompt tokens found in an unbounded prefix cache */
};

enum over_length { OVER_DROP, OVER_CLIP };
struct workload {
	const char *name, *title, *source;
	double qps;          /* mean rate of requests; NAN = as the trace or the arrivals say */
	int64_t requests;    /* at most; 0 = all of a trace, REQUESTS_DEFAULT of a generator */
	int64_t concurrency; /* > 0: closed loop of this many */
	bool paced;          /* closed loop only: requests also wait for their arrival time */
	double duration_s;   /* no arrival after this; NAN = no limit */
	const char *trace;   /* file (or ServeGen folder); NULL = generator */
	int trace_format;    /* enum trace_format; 0 = told by content */
	double time_scale, prompt_scale, output_scale;
	double from_s;          /* skip what a trace holds before this */
	int64_t max_model_len;  /* prompt + output at most; 0 = no limit */
	int over_length;        /* enum over_length: what happens to longer ones */
	bool repeat;            /* start a trace again at its end, until `requests` or duration_s */
	double chars_per_token; /* estimate for text without token counts */
	struct arrivals arrivals;
	struct spread prompt, output;
	struct spread total; /* prompt + output together, split by prompt_share; kind none = not used */
	double prompt_share;
	double correlation; /* Gaussian copula between prompt and output lengths, -1 .. 1 */
	int64_t adapters;   /* LoRA adapters; 0 = none */
	double adapter_zipf;
	struct sessions sessions;
	struct prefixes prefixes;
	struct workload_class *classes;
	size_t class_count;
	struct fit_record fit;
	const char *folder; /* of the XML file, for relative trace paths; not an attribute */
};

enum { REQUESTS_DEFAULT = 1000 }; /* of a generator that has neither requests nor duration_s nor stages */

extern const struct element workload_element;
extern const char *const spread_names[], *const arrival_names[];

/* Fills *w with defaults: no trace, Poisson arrivals without a rate, no lengths. */
MUST_USE bool workload_defaults(struct workload *w, struct arena *arena, struct err *err);

/* Reads workloads/catalog/NAME.xml, or the file when `name` is a path (it holds a '/' or ends in ".xml"). Result and
 * texts live in the arena; the caller may change it with schema_set before source_open. NULL + err on failure. */
MUST_USE struct workload *workload_load(const char *name, struct arena *arena, struct err *err);

/* Names of the catalog, sorted, NULL-terminated. */
MUST_USE const char *const *workload_names(size_t *count, struct arena *arena, struct err *err);

/* Refuses values that contradict each other, or a generator without lengths or rate. source_open calls it. */
MUST_USE bool workload_check(const struct workload *w, struct err *err);

/* Mean rate in requests/s that the description asks for (stages, profile and ramp included); NAN when it has none. */
double workload_qps(const struct workload *w);

#endif
