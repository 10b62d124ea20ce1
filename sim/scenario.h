/* Everything one serving simulation needs, as plain data: what a scenario XML file holds, what the options of `run`
 * set, what the content hash covers. One table (scenario_element) drives all of them. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "workloads/workload.h"

struct scenario_model {
	const char *name;                      /* catalog name, config.json, XML file or in-place description */
	int dtype, expert_dtype, attention_dtype, router_dtype, head_dtype, kv_dtype, activation_dtype;   /* enum dtype; NONE = the model's own */
	const char *gate_up_dtype;     /* name of a format; NULL = dtype */
	double routing_skew;                   /* power-law exponent of expert popularity, 0 = uniform; NAN = the model's kind */
};

struct scenario_hardware {
	const char *device, *system, *stack;   /* names or files; NULL: system from device, stack from scheduler */
	const char *host_overhead;             /* "default", "none" or seconds a step */
	double power_cap_w;                    /* of a device; 0 = its limit */
	const char *scale;                     /* "peak=1.2,bandwidth=0.8": factors on the device's figures; NULL = none */
	const char *op_scale;                  /* "gemm=1.05,host=0.9": factors on the times of operators; NULL = none */
	const char *provider;                  /* best provider to use: measured, fitted, analytic */
	const char *correction;                /* the user's own (sim/correction.h); NULL = none */
};

struct scenario_deployment {
	int64_t replicas, tp, pp, ep, cp, dp_attention;
	const char *router;
	int64_t prefill_replicas;              /* > 0: disaggregated; `replicas` then decode only */
	int64_t prefill_tp, prefill_pp, prefill_ep, prefill_dp_attention;     /* of the prefill pool; 0 = as the decode pool */
	double transfer_bytes_s;               /* cache transfer rate per prefill replica; NAN = from the system's links */
	double transfer_latency_s;
};

struct scenario_scheduler {
	const char *name;
	int64_t max_num_seqs, max_num_batched_tokens;   /* 0 = the scheduler's own default for this device */
	int64_t graph_max_tokens;                       /* largest step that runs as a captured graph; 0 = the stack's */
	int64_t block_size;                    /* tokens; 0 = the scheduler's default */
	double memory_utilization;             /* NAN = the scheduler's default */
	int64_t kv_blocks;                     /* 0 = what memory leaves */
	int64_t max_model_len;                 /* 0 = the model's context */
	int chunked_prefill, prefix_caching;   /* 0 default, 1 yes, 2 no */
	int64_t long_prefill_threshold;
	double watermark;                      /* share of blocks kept free at admission; NAN = default */
	int preemption;                        /* 0 default, 1 recompute, 2 swap */
	int order;                             /* sglang: fcfs, lpm, lof; vllm: fcfs, priority */
	int64_t max_waiting_iters;             /* lightllm: decode steps between prefill batches */
	double conservativeness;               /* sglang: schedule_conservativeness */
	int64_t balance_timeout;               /* trtllm: passes that attention ranks wait for prompts on all of them; 0 = none */
	int64_t recv_interval;                 /* sglang, vllm-v0: decode steps between looks at new requests */
	int64_t stream_interval;               /* tokens of a chunk that clients are sent; the first, too */
};

struct scenario_offload {
	double host_bytes;                     /* per replica: evicted prefix blocks go there; 0 = off */
	double host_bytes_s, disk_bytes_s;     /* rates per replica; NAN = the device's host link */
	double disk_bytes;
};

struct scenario_price {
	const char *kind;                      /* cloud, reserved, owned ... */
	double usd_per_device_hour;            /* NAN = from the catalog */
	double usd_per_kwh, pue;
};

struct scenario_slo {
	/* One target a metric and statistic, seconds; NAN = none. */
	double ttft_mean, ttft_p50, ttft_p90, ttft_p95, ttft_p99;
	double tpot_mean, tpot_p50, tpot_p90, tpot_p95, tpot_p99;
	double itl_p50, itl_p90, itl_p95, itl_p99;
	double e2e_mean, e2e_p50, e2e_p90, e2e_p95, e2e_p99;
	double queue_p99;
};

struct scenario_technique {
	const char *id, *params;               /* "kivi_v1821", "bits=2,group=32" */
};

struct scenario {
	struct workload workload;              /* first: its table, made for a file of its own, has offset 0 */
	const char *title;
	int64_t seed;
	bool exact_steps;                      /* every iteration is an event of its own */
	double time_scale;                     /* not an input: factor on operator times, of interval.h; 0 = 1 */
	struct scenario_model model;
	struct scenario_hardware hardware;
	struct scenario_deployment deployment;
	struct scenario_scheduler scheduler;
	struct scenario_offload offload;
	struct scenario_price price;
	struct scenario_slo slo;
	struct scenario_technique *techniques;
	size_t technique_count;
};
extern const struct element scenario_element;

/* Reads a scenario file: its <workload name="..."/> is overlaid on the catalog entry of that name. NULL + err on failure. */
MUST_USE struct scenario *scenario_load(const char *path, struct arena *arena, struct err *err);
MUST_USE struct scenario *scenario_new(struct arena *arena, struct err *err);        /* the defaults */

/* Replaces the workload by a catalog entry or file, NULL by the plain defaults (options set before are lost). */
MUST_USE bool scenario_workload(struct scenario *sc, const char *name, struct arena *arena, struct err *err);
bool scenario_has_targets(const struct scenario *sc);                                /* any SLO at all */
/* "ttft_p99=0.5,tpot_p99=0.05" */
MUST_USE bool scenario_slo(struct scenario *sc, const char *text, const char *origin, struct arena *arena, struct err *err);
/* "ID" or "ID:param=value,..." */
MUST_USE bool scenario_with(struct scenario *sc, const char *text, struct arena *arena, struct err *err);

/* Content hash (32 hex digits) over every input: the values here and the bytes of every file they name. `salt` is the
 * tool's version. */
MUST_USE bool scenario_hash(const struct scenario *sc, const char *salt, char out[33], struct err *err);

#endif
