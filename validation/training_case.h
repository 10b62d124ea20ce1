/* What a published training row means: the job that stands for its setting, or why there is none. */
#ifndef VALIDATION_TRAINING_CASE_H
#define VALIDATION_TRAINING_CASE_H

#include "reports/train_result.h"
#include "sim/train/job.h"
#include "validation/rows.h"

enum training_figure {
	TRAIN_STEP, TRAIN_TOKENS, TRAIN_TOKENS_DEVICE, TRAIN_SAMPLES, TRAIN_TFLOPS, TRAIN_HARDWARE_TFLOPS, TRAIN_MFU, TRAIN_HFU,
	TRAIN_DEVICE_HOURS, TRAIN_MINUTES, TRAIN_KWH, TRAIN_NODE_W, TRAIN_PEAK_BYTES, TRAIN_ACTIVATIONS, TRAIN_STATES, TRAIN_FIGURE_COUNT
};

/* Evaluations that a run's clock runs through. */
struct training_exams {
	double count, sequences;       /* of them, and in each */
	double share;                  /* a forward pass over a micro-batch's training time */
	double pass_least_s;           /* that its host needs */
};

struct training_case {
	const char *why;               /* NULL: simulated */
	const char *detail;
	const char *settings;          /* "layout.tp=4 ...": attributes of a job; the key of shared simulations */
	bool search;                   /* the layout is not stated: the best one that fits is taken */
	bool free_chunks;              /* a pipeline whose chunks a stage are not stated: the fastest number is taken */
	bool free_micro;               /* the micro-batch is not stated: the fastest that fits is taken */
	enum training_figure figure;
	double to_si;                  /* row value * to_si = figure */
	double peak_flop_s;            /* shares: of this peak; 0 = the result's */
	bool causal, plain;            /* what its FLOP counts hold of attention */
	bool last_stage;               /* memory is that of the last stage, not of the fullest */
	bool bridge_count;             /* they hold the gates of SiLU activations and of no other, and windows as full attention */
	double steps;                  /* TRAIN_MINUTES, TRAIN_KWH: steps of the run */
	struct training_exams exams;
};

/* Reads row `index`; other rows of the file are looked at for the number of samples that a run took. */
MUST_USE bool training_case(const struct published_rows *rows, size_t index, struct training_case *out, struct arena *arena, struct err *err);
/* A job of those settings. */
MUST_USE struct job *training_case_job(const struct training_case *c, struct arena *arena, struct err *err);
/* The simulated figure, in the row's own unit; NAN when the result does not hold it. */
double training_predict(const struct training_case *c, const struct train_result *r);

#endif
