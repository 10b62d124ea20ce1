/* A scenario run on the engine: the same description that the simulator takes, executed instead of predicted. */
#ifndef VALIDATION_ENGINE_RUN_H
#define VALIDATION_ENGINE_RUN_H

#include "sim/scenario.h"
#include "validation/engine/engine_replay.h"

struct engine_run_options {
	const char *weights;           /* safetensors or GGUF; NULL: random ones of the scenario's model */
	int threads;
	enum replay_pace pace;
	enum clock_kind clock;
	void (*progress)(void *ctx, size_t done);
	void *ctx;
};

struct engine_outcome {
	struct engine_log log;
	struct engine_shape shape;
	enum kernel_format format, kv_format;
	double parameters, weight_bytes, kv_bytes, load_s, wall_s;
	double op_s[FORWARD_OP_COUNT]; /* summed over the run */
	int64_t op_calls[FORWARD_OP_COUNT];
	int64_t kv_blocks, block_tokens, max_seqs, max_tokens;
};

/* What the scenario asks of the engine: number format of the weights (--dtype; bf16 without), limits of its scheduler. kv_blocks 0:
 * room for the most sequences at half the longest length, at most 1 GB. */
MUST_USE bool engine_run(const struct scenario *sc, const struct engine_run_options *o, struct engine_outcome *out, struct err *err);
/* The same in two steps, for several runs of one model. */
MUST_USE struct engine_model *engine_load(const struct scenario *sc, const struct engine_run_options *o, struct err *err);
MUST_USE bool engine_run_loaded(const struct scenario *sc, const struct engine_run_options *o, const struct engine_model *m, struct engine_outcome *out,
				struct err *err);
/* One answer: `count` tokens (the most probable each time) after `prompt`, into out. */
MUST_USE bool engine_generate(const struct scenario *sc, const struct engine_run_options *o, const int32_t *prompt, int64_t length, int64_t count,
			      int32_t *out, struct err *err);

/* The scheduler and the limits that the simulator would use for this scenario, as the engine takes them. */
MUST_USE bool engine_limits(const struct scenario *sc, const struct engine_shape *shape, enum kernel_format kv, const struct scheduler_ops **scheduler,
			    struct batcher_limits *out, struct arena *arena, struct err *err);

void engine_outcome_release(struct engine_outcome *o);

#endif
