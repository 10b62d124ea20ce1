/* A training job as plain data: what a training XML file holds, what the options of `train` set, what the hash covers. */
#ifndef SIM_TRAIN_JOB_H
#define SIM_TRAIN_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"

struct job_model {
	const char *name;
	int dtype, attention_dtype, head_dtype;        /* enum dtype of the matrix products; NONE = bf16 */
	double routing_skew;
	double trainable;              /* share of weights that get gradients; 1 = all, below: frozen base */
	const char *adapter;           /* NULL: none; else the base is frozen */
	int64_t adapter_rank;
	int64_t predictions;           /* modules of multi-token prediction trained with the model */
};

struct job_hardware {
	const char *device, *system, *stack, *provider;
	int64_t devices;
};

struct job_layout {
	int64_t tp, pp, vp, cp, ep, etp;       /* etp 0 = tp (or what ep leaves) */
	int64_t dp;                    /* 0 = devices / (tp pp cp) */
	int64_t zero, shard;           /* ZeRO stage; ranks over which is sharded, 0 = all data ranks (HSDP: fewer) */
	const char *schedule;
	int sequence_parallel;         /* default (with tp > 1), yes, no */
	int recompute;                 /* enum recompute */
	int64_t recompute_layers;      /* full: of a chunk; 0 = all */
	bool offload_optimizer;        /* state and step in host memory */
	bool offload_weights, offload_activations;     /* kept in host memory, streamed beside every pass */
	int gather_again;              /* default (with sequence parallelism), yes, no */
	bool scatter_sends;            /* pipeline messages cut over the tensor ranks, gathered behind */
	int tp_overlap;                /* enum tp_overlap */
	int exchange;                  /* enum exchange */
	int ep_overlap;                /* beside the arithmetic of another micro-batch: default (as the schedule does), yes, no */
	int dp_overlap;                /* default (the stack's), yes, no */
	int tp_network, pp_network, dp_network;        /* enum network */
	bool regather;                 /* ZeRO-3: weights are gathered again for the backward pass and every micro-batch, gradients
					* reduced after each; else both once a step, and both are whole meanwhile */
};

struct job_batch {
	int64_t global, micro, sequence;
	double tokens;                 /* of the whole job; NAN: from target loss, or one step */
	double target_loss, unique_tokens, critical_batch_tokens;
	const char *law;
};

struct job_optimizer {
	const char *name;
	double weight_bytes, grad_bytes;       /* NAN: 2, and the stack's */
};

struct job_run {
	double mtbf_h;                 /* of one device; NAN = no failures */
	double recovery_s;             /* detect, reschedule, load */
	double checkpoint_bytes_s;     /* storage rate of the whole job; NAN: 2 GB/s a device */
	bool checkpoint_async;         /* only the copy to host memory blocks */
	double checkpoint_interval_s;  /* NAN: Young and Daly's optimum */
	int64_t trials;                /* Monte Carlo runs */
	double data_s_per_token;       /* loader time not hidden */
	double straggler_sigma;        /* NAN: the stack's */
};

struct job_price {
	const char *kind;
	double usd_per_device_hour, pue;
};

struct job_technique {
	const char *id, *params;
};

struct job {
	const char *title;
	int64_t seed;
	struct job_model model;
	struct job_hardware hardware;
	struct job_layout layout;
	struct job_batch batch;
	struct job_optimizer optimizer;
	struct job_run run;
	struct job_price price;
	struct job_technique *techniques;
	size_t technique_count;
};
extern const struct element job_element;

MUST_USE struct job *job_new(struct arena *arena, struct err *err);
MUST_USE struct job *job_load(const char *path, struct arena *arena, struct err *err);
struct train_parts;
/* Covers the job, and the content of the catalog entries that it names: parts are those it was loaded to. */
MUST_USE bool job_hash(const struct job *job, const struct train_parts *parts, const char *salt, char out[33], struct err *err);

#endif
