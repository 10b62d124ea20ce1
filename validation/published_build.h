/* A case while it is built: what its parts (names, layout, lengths, load) have found so far. Only for published_*.c. */
#ifndef VALIDATION_PUBLISHED_BUILD_H
#define VALIDATION_PUBLISHED_BUILD_H

#include "base/str.h"
#include "hardware/device.h"
#include "validation/published_case.h"
#include "validation/published_layout.h"

enum published_load { LOAD_CLOSED, LOAD_BATCH, LOAD_OFFLINE, LOAD_SERVER, LOAD_PROFILE, LOAD_SESSIONS, LOAD_NONE };

struct scenario_kind {
	const char *text;              /* in the row's scenario */
	enum published_load load;
	enum published_why why;
	const char *scheduler;         /* NULL: told by the source */
};

/*
 * Who ran a closed loop, told by the id in the source. InferenceX draws lengths from 80 to 100 % of the nominal ones.
 * NVIDIA's own runs (ids of Hugging Face names that end in "epnone_1") hold them fixed, so that requests that started
 * together stay together.
 */
enum benchmark { BENCHMARK_OTHER, BENCHMARK_INFERENCEX, BENCHMARK_NVIDIA };

struct builder {
	const struct published_rows *rows;
	const struct published_row *row;
	struct published_case *out;
	struct arena *arena;
	const struct published_lexicon *names;
	struct str settings, notes;
	const struct model_name *model;
	enum checkpoint checkpoint;            /* of the model, never CHECKPOINT_UNKNOWN */
	const struct accelerator_name *accelerator;
	const struct precision_name *precision;
	const struct device *device;
	struct published_layout layout;
	double isl, osl;
	double metal_copies;                   /* of a demonstration of tt-metal: as the row says; 0: another row */
};

/* Notes why there is no scenario; false. */
bool published_refuse(struct builder *b, enum published_why why, const char *detail);
/* "8192", "~547", "~780 (CNN/DM)", "mean~9.4k"; 0 when it is anything else ("<=1024" is a limit, not a length). */
double published_length(const char *text);
enum benchmark published_benchmark(const struct published_row *row);
/* The scheduler of the engine that the row names. */
const char *published_engine(const struct published_row *row);
bool published_blackwell(const struct builder *b);                      /* of data centers: B200, B300, GB200, GB300 */
/* "backend=vllm 0.17.0", "vLLM v0.9.2": 17, 9; 0 when no version stands there. */
long published_vllm_minor(const struct published_row *row);

/* Batch limits of a saturated benchmark: sequences and tokens. */
enum { PUBLISHED_TUNED_SEQS = 2048 };
double published_tuned_tokens(const struct builder *b);

/* A run of trtllm-bench, as NVIDIA's performance overview of TensorRT-LLM has them: its own batch limits. */
struct bench_engine {
	const struct model *model;
	int64_t tp, pp;
	double memory_bytes, weight_bytes, kv_bytes;   /* of a device; of all weights; of a cache element */
	double prompt, output;                         /* tokens */
};
bool published_is_bench(const struct published_row *row);
void published_bench_limits(const struct bench_engine *e, double *seqs, double *tokens);
void published_bench(struct builder *b);

/* Batch limits and length of an MLPerf run; false when no configuration of it is known: those of a tuned run. */
bool published_mlperf(struct builder *b);
/* Whether its code stores 8-bit weights, whatever the form says. */
bool published_mlperf_quantised(const struct builder *b);
/* Adds multi-token prediction where a run of InferenceX with so many requests in flight drafted. Returns tokens drafted in a pass, 0: none. */
int published_drafted(struct builder *b, double batch);

/* Demonstrations of tt-metal (published_metal.c): number formats, layout, sequences of one copy. */
bool published_is_metal(const struct builder *b);
void published_metal_formats(struct builder *b);
bool published_metal_alone(const struct builder *b);     /* copies of one chip each */
void published_metal_layout(struct builder *b);
double published_metal_batch(struct builder *b, double batch);

/* Arrivals, concurrency and batch limits; false when the row does not say (the case's `why` is set). */
bool published_load(struct builder *b, const struct scenario_kind *kind);
/* What InferenceX's scripts set beside that, for `batch` requests in flight. */
void published_recipe(struct builder *b, double batch);

#endif
