/* Prices one iteration of a scenario without simulating traffic: the operator table, memory and roofline of `step`. */
#ifndef SIM_STEP_H
#define SIM_STEP_H

#include "hardware/cost.h"
#include "models/memory.h"
#include "sim/scenario.h"

struct step_shape {                    /* the batch of the iteration */
	int64_t decodes, context;              /* sequences that decode, tokens attended by each */
	int64_t prefills, prompt, prior;       /* prompts in the batch, new tokens of each, tokens already cached of each */
};

struct step_row {                      /* one operator kind of one stage */
	int stage;
	const char *label;
	struct op op;                          /* as run once */
	struct op_cost cost;                   /* of one run */
	double count, seconds;                 /* runs an iteration; seconds = visible time of all runs */
};

struct step_result {
	const struct step_row *rows;
	size_t row_count;
	double seconds;                        /* of the iteration: sum of stages (one batch passing through all) */
	double stage_s;                        /* of the slowest stage: what a full pipeline needs a batch */
	double visible_host_s;                 /* of `seconds`: what the serving software adds to the device time */
	double flops, bytes, mfu, mbu;         /* of one device, over `seconds` */
	double tokens_per_pass;                /* that one decoding sequence gets from the iteration: 1 without speculation */
	int64_t verified;                      /* tokens of it that the iteration runs */
	double expected_rel_error;
	double joules, system_power_w;         /* of the iteration, all devices with PUE; at the plugs, with hosts, without PUE */
	double usd_per_hour;                   /* of the devices; NAN when no price is known */
	const char *price_kind;                /* which price, and from when */
	struct memory_plan memory;
	const struct device *device;
	const struct system *system;
	const struct stack *stack;
	int64_t devices, tp, chain;            /* of one replica; tensor ranks; groups of them in a row (SRAM pipelines), 1 = none */
};
MUST_USE bool step_price(const struct scenario *sc, const struct step_shape *shape, struct step_result *out, struct arena *arena,
			 struct err *err);

struct catalog_cache;
/* The same with catalog entries from a cache (NULL: none), which has to outlive the result. */
MUST_USE bool step_price_cached(const struct scenario *sc, const struct step_shape *shape, struct catalog_cache *cache, struct step_result *out,
				struct arena *arena, struct err *err);

#endif
