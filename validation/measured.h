/* Results that a user measured himself -- a benchmark client's file or one line a request -- told by their fields, with
 * times in seconds and the metrics under one set of names, whatever the tool called them. */
#ifndef VALIDATION_MEASURED_H
#define VALIDATION_MEASURED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"

/* The metrics compared, in order of the reports: rates, then five statistics of four latencies. */
#define MEASURED_LATENCY(X, name) X(name##_mean) X(name##_p50) X(name##_p90) X(name##_p95) X(name##_p99)
#define MEASURED_METRICS(X)                                                                                            \
	X(request_throughput)                                                                                          \
	X(output_throughput) X(total_token_throughput) MEASURED_LATENCY(X, ttft) MEASURED_LATENCY(X, tpot)             \
		MEASURED_LATENCY(X, itl) MEASURED_LATENCY(X, e2e)
enum measured_metric {
#define X(name) METRIC_##name,
	MEASURED_METRICS(X)
#undef X
		METRIC_COUNT
};
extern const char *const measured_metric_names[];      /* "request_throughput" ... "e2e_p99" */

enum measured_form {
	FORM_VLLM,             /* vllm bench serve --save-result: one object, or several (--append-result) */
	FORM_SGLANG,           /* sglang bench_serving: one object a line */
	FORM_INFERENCEX,       /* InferenceX (InferenceMAX) agg_*.json: seconds, throughput a GPU */
	FORM_TRACEV2,          /* BLIS TraceV2, the CSV half: microseconds, one line a request */
	FORM_REQUESTS,         /* CSV, one line a request: this tool's own (run --requests-csv, the engine's) or another's */
	FORM_COUNT
};
extern const char *const measured_form_names[];

struct measured_request {
	double arrival_s;              /* from the first one's; NAN: not recorded */
	double ttft_s, tpot_s, e2e_s;  /* NAN: not recorded; tpot_s also for one-token answers */
	int64_t prompt_tokens, output_tokens;
};

/* One measured run. What its file does not say is NAN, 0 or NULL. Lives in the arena it was read into. */
struct measured_run {
	enum measured_form form;
	const char *label;             /* "run 2, 4 requests/s": tells the runs of one file apart */
	int64_t line;
	double metric[METRIC_COUNT];   /* NAN: not in the file */
	double rate;                   /* requests/s asked for; INFINITY: all at once */
	double burstiness;             /* of gamma gaps, 1 = Poisson */
	int64_t concurrency;           /* closed loop; 0 = none */
	bool rescaled;                 /* arrivals stretched to requests / rate, as vLLM's client does */
	int64_t requests, failed;      /* sent, without an answer */
	double duration_s;
	double prompt_mean, output_mean;
	double prompt_least, output_least;     /* uniform from here to the mean's mirror; NAN: all alike */
	struct measured_request *list; /* those answered; NULL: the file has summaries only */
	size_t list_count;
	bool has_arrivals;
	/* The deployment, as far as the file names it. */
	const char *model, *device, *precision, *framework;
	int64_t tp, ep, pp, devices;   /* devices: that the figures are the sum over */
	const char *notes[8];          /* what a reader must know */
	size_t note_count;
};

struct measured_file {
	const char *path;
	struct measured_run *runs;
	size_t count;
};

/* Reads a file, plain or gzip, of any of the forms; the form is told by the fields. An unknown form, a wrong value or
 * runs without a single metric are ERR_INPUT with file and line. */
MUST_USE bool measured_read(const char *path, struct measured_file *out, struct arena *arena, struct err *err);

/* Fills the latency metrics and rates of `out` from its list (definitions of vLLM's client: percentiles interpolate
 * linearly, TPOT leaves out one-token answers). Metrics that the file states itself stay; where the two differ by over
 * 0.1 % a note says so. */
MUST_USE bool measured_summarise(struct measured_run *run, struct arena *arena, struct err *err);

/* The percentile p (0 to 100) of sorted values, linear between ranks; 0 when empty. */
double measured_percentile(const double *sorted, size_t count, double p);

#endif
