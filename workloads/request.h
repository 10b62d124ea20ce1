/* One request of a workload. Plain data. */
#ifndef WORKLOADS_REQUEST_H
#define WORKLOADS_REQUEST_H

#include <stdint.h>

struct request {
	int64_t id;                    /* 0, 1, 2 ... in order of first arrival */
	double arrival_s;
	int64_t prompt_tokens, output_tokens;   /* both >= 1 */
	int32_t priority;              /* smaller = more urgent */
	int32_t class_index;           /* SLO class / client of the mix */
	int32_t adapter;               /* LoRA adapter, -1 = none */
	int32_t turn;                  /* 0 = first of its session */
	uint64_t session;              /* 0 = none */
	/* Prefix identity: chained hashes of consecutive blocks of block_tokens tokens of prompt (and, beyond the prompt,
	 * of the output when later turns reuse it). Equal leading hashes = reusable prefix. NULL = nothing shared.
	 * Valid until the next call into the source that filled it. */
	const uint64_t *blocks;
	uint32_t block_count, block_tokens;
};

#endif
