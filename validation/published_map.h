/* Names that published rows use, and what they are in our catalogs. Tables, so that a new name is one line. */
#ifndef VALIDATION_PUBLISHED_MAP_H
#define VALIDATION_PUBLISHED_MAP_H

#include <stdbool.h>
#include <stddef.h>

enum published_figure {
	FIGURE_TTFT_MEAN, FIGURE_TTFT_P50, FIGURE_TTFT_P90, FIGURE_TTFT_P95, FIGURE_TTFT_P99,
	FIGURE_TPOT_MEAN, FIGURE_TPOT_P50, FIGURE_TPOT_P90, FIGURE_TPOT_P95, FIGURE_TPOT_P99,
	FIGURE_E2E_MEAN, FIGURE_E2E_P50, FIGURE_E2E_P90, FIGURE_E2E_P95, FIGURE_E2E_P99, FIGURE_E2E_MAX,
	FIGURE_OUTPUT, FIGURE_TOTAL, FIGURE_INPUT, FIGURE_REQUESTS, FIGURE_OUTPUT_DEVICE, FIGURE_TOTAL_DEVICE, FIGURE_INPUT_DEVICE, FIGURE_INPUT_NODE, FIGURE_OUTPUT_NODE,
	FIGURE_USER, FIGURE_SYSTEM_POWER, FIGURE_POWER, FIGURE_COST, FIGURE_COUNT
};

struct accelerator_name {
	const char *name, *device, *system;    /* system NULL: the device's own */
};
/* How quantised checkpoints of a model are made. */
enum checkpoint {
	CHECKPOINT_PLAIN,              /* every matrix product alike */
	CHECKPOINT_BLOCK,              /* fp8 in blocks of 128; fp4 and int4 for experts, attention wider */
	CHECKPOINT_NATIVE,             /* one published form, that of the catalog */
	CHECKPOINT_COUNT,
	CHECKPOINT_UNKNOWN = CHECKPOINT_COUNT          /* as the architecture says: experts in blocks, else plain */
};
struct model_name {
	const char *name, *catalog;
	enum checkpoint checkpoint;
};
struct precision_name {
	const char *name;
	const char *settings[CHECKPOINT_COUNT];        /* attributes of a scenario */
};
struct metric_name {
	const char *metric, *unit;     /* unit: how it begins */
	enum published_figure figure;
	double to_si;
};
/* Lengths that a data set has and a row does not say in full. */
struct dataset_lengths {
	const char *model, *source;    /* model of the catalog, "": any; how the row's source begins */
	double prompt, prompt_sigma;   /* mean tokens; sigma of the logarithm */
	double output, output_sigma;   /* output 0: as the row says */
	double most, output_most;      /* tokens at most */
	double beams;                  /* beam search of this width; 0: none */
	const char *evidence;
	const char *prompts;           /* quantiles of the prompts ("0:48,0.5:150,1:1021"), instead of prompt_sigma and most; NULL: not known */
};
/* trtllm-bench sends a number of requests that its authors chose by lengths. */
struct bench_requests {
	double prompt, output, requests;
};
/* The load of a named profile of open-loop runs: stages of requests/s, prompts repeated by each user. */
struct load_profile {
	const char *name;
	double stage_s, qps[2];        /* qps[1] 0: one stage */
	double users, prompt, output;
};

extern const struct accelerator_name published_accelerators[];
extern const struct model_name published_models[];
extern const size_t published_accelerator_count, published_model_count;

/* Rows of these tables, NULL when there is none: names word for word (published_names.h reads others), `_of` by what they
 * are in the catalogs. */
const struct accelerator_name *published_accelerator(const char *name);
const struct accelerator_name *published_accelerator_of(const char *device);
const struct model_name *published_model(const char *name);
const struct model_name *published_model_of(const char *catalog);
const struct precision_name *published_precision(const char *name);
const struct metric_name *published_metric(const char *metric, const char *unit);
const struct dataset_lengths *published_dataset(const char *model, const char *source);
double published_bench_requests(double prompt, double output);          /* 0: not one of these */
const struct load_profile *published_profile(const char *scenario);

#endif
