/* `validate engine`: scenarios executed on the engine and simulated from this host's calibration, request by request and
 * iteration by iteration. */
#ifndef VALIDATION_ENGINE_STUDY_H
#define VALIDATION_ENGINE_STUDY_H

#include "validation/engine/engine_cases.h"
#include "validation/engine/engine_devices.h"
#include "validation/engine/engine_host.h"
#include "validation/engine/engine_pace.h"
#include "validation/engine/engine_report.h"
#include "reports/store.h"
#include "validation/pulse.h"

/* A point of the batch's course over time. */
struct engine_point {
	double t_s, batch, kv_share;
};

enum { ENGINE_WALKS_MOST = 64 };
struct engine_comparison {
	const char *name, *what, *model, *dtype;
	int threads;
	double parameters;
	int64_t requests, iterations;
	double measured[METRIC_COUNT], predicted[METRIC_COUNT];        /* measured: medians over the repeats */
	double batch_measured, batch_predicted, kv_measured, kv_predicted, preemptions_measured, preemptions_predicted;
	double *request_error;         /* signed, of E2E latency, one a request; the measured one is the median of its repeats */
	size_t request_count;
	double request_median, request_p90;
	double spread;                 /* (most - least) / median of the repeats' mean E2E: how steady the machine was */
	double pace;                   /* of the steadiest repeat: time of a fixed stretch of arithmetic over the best seen */
	double *e2e_measured, *e2e_predicted;          /* sorted */
	struct engine_point *course_measured, *course_predicted;
	size_t course_measured_count, course_predicted_count;
	double op_measured[FORWARD_OP_COUNT];          /* seconds of one repeat */
	double op_predicted[FORWARD_OP_COUNT];
	double op_calls_measured[FORWARD_OP_COUNT], op_calls_predicted[FORWARD_OP_COUNT];
	double share_measured, expected_error;         /* of the prediction: time priced by measured tables; its own expected error */
	double host_s;                 /* measured time outside operators, one repeat */
	struct pulse now, then;        /* of the host: around the repeats, and when the device was calibrated (0: it left none) */
	double stolen_s;               /* processor time that the host gave to others during the repeats; NAN where nobody tells */
	const char *device;            /* predicted with */
	double cache_share;            /* of its weights that the last-level cache serves, median over the walks; NAN: not asked */
	double shares[ENGINE_WALKS_MOST];      /* sorted */
	int walks;
	double tokens;                 /* of a batch, as predicted first: those choose experts together */
	int replays, counted, disturbed;       /* that ran; that count; of those, that were disturbed (engine_study_run) */
	double taken;                  /* most that others had of the processors during one that counts, over its time */
};

struct engine_study_options {
	const char *device;            /* to predict with, whatever threads and model; NULL: calibrations of this host */
	struct engine_devices *devices;        /* where those come from */
	const char *only;              /* cases whose name holds this; NULL: all */
	const char *with;              /* a module of engine_modules: its load without it, then with it, and no cases; NULL */
	int repeats;                   /* runs of each case */
	enum clock_kind clock;         /* CLOCK_OF_PROCESSOR: cases of one thread only */
	double scale;                  /* of the numbers of requests; 0 = 1 */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
};

struct engine_study {
	struct engine_comparison *cases;
	size_t count, skipped;
	struct stack *hosts;           /* measured host time by number of threads */
	int host_count;
};
/* What the machine did during a replay. */
struct engine_watch {
	double pace;                   /* the worse of before and after it */
	double taken;                  /* share of its time that others had a processor; NAN where nobody tells */
	struct pulse pulse;            /* mean of before and after it */
};
/* A replay is disturbed, above 1, when the pace is above PACE_NOTED, when others had the processors for more than a share of its time, or when two reference
 * kernels took that much longer or shorter than at calibration (`then`; all zero: unknown). It is taken again then, up to so many tries, and the least
 * disturbed one counts; what it measured has no part in that. */
#define ENGINE_TAKEN_MOST 0.02
#define ENGINE_DRIFT_MOST 0.15
enum { ENGINE_TRIES = 3 };
double engine_disturbance(const struct engine_watch *w, const struct pulse *then);
/* Lives in the arena. */
MUST_USE bool engine_study_run(const struct engine_study_options *o, struct engine_study *out, struct arena *arena, struct err *err);

/* With options.with: output tokens a second with the module over those without, predicted and measured. */
struct engine_gain {
	const char *module;
	double predicted, measured;
};
struct engine_gain engine_study_gain(const struct engine_study *s, const char *module);

/* Over all cases: what the targets speak of. */
struct engine_summary {
	double request_median, request_p90, e2e_p95, ttft_p95, throughput_median, throughput_worst;     /* absolute relative errors; *_p95: medians over the cases */
	double e2e_p95_worst;
};
struct engine_summary engine_study_summary(const struct engine_study *s, struct arena *arena);

/* Case by case and operator by operator: seconds and calls, measured and simulated; "of the run": what the difference is of a case's time. */
MUST_USE bool engine_study_operators(const struct engine_study *s, const struct term *term, struct str *out, struct err *err);
MUST_USE bool engine_study_text(const struct engine_study *s, const struct term *term, struct str *out, struct arena *arena, struct err *err);
MUST_USE bool engine_study_json(const struct engine_study *s, struct str *out, struct arena *arena, struct err *err);
/* Adds one figure of a case: quantiles of the E2E latency and the batch over time, measured and simulated. */
MUST_USE bool engine_study_plot(const struct engine_study *s, size_t i, struct str *out, struct err *err);
MUST_USE const struct validation_error *engine_study_errors(const struct engine_study *s, size_t *count, struct arena *arena, struct err *err);

#endif
