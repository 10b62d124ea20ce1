/* Batching policies: what joins the next batch, who is thrown out when memory is short. One file a policy, one line
 * in schedulers.c. A policy sees only the batcher, so that the simulator and the engine run the same code. */
#ifndef SIM_SERVE_SCHEDULER_H
#define SIM_SERVE_SCHEDULER_H

#include "sim/serve/batcher.h"

/* What a policy's defaults depend on. */
struct scheduler_host {
	double device_memory_bytes;
	const char *device;                    /* "a100" ... */
	bool is_cpu, is_tpu, offline;          /* offline: all requests are there from the start */
	int64_t world;                         /* devices of the replica */
	int64_t max_context;                   /* of the model */
};

struct scheduler_defaults {
	int64_t max_seqs, max_tokens, block_tokens;
	double memory_utilization, watermark;  /* shares */
	bool chunked, prefix_caching;
	bool of_free;                          /* memory_utilization is the cache's share of what weights and activations leave */
};

/* Whether a policy splits prompts over batches: as the scenario asks, or its own way whatever is asked. */
enum chunking { CHUNKING_ASKED, CHUNKING_NEVER, CHUNKING_ALWAYS };

struct scheduler_ops {
	const char *name, *help;
	const char *stack;                     /* serving software it stands for, when --stack is absent */
	size_t state_bytes;
	enum reserve reserve;
	enum chunking chunking;
	bool whole_prompts;                    /* takes the blocks of the whole prompt with its first chunk */
	enum wait_order order;                 /* default order of the waiting queue */
	void (*defaults)(const struct scheduler_host *host, struct scheduler_defaults *out);
	void (*form)(struct batcher *b, int lane, double now_s);                 /* fills the lane's batch through batcher.h */
	bool (*may_admit)(const struct batcher *b);                            /* (optional) see batcher_may_admit */
};
extern const struct scheduler_ops *const schedulers[];                  /* NULL-terminated */
const struct scheduler_ops *scheduler_find(const char *name);           /* NULL when unknown */
MUST_USE const struct scheduler_ops *scheduler_require(const char *name, struct err *err);     /* unknown: nearest name in err */

#endif
