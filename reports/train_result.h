/* What a training simulation says: plain data, filled by sim/train, read by tables, JSON, HTML and the store. */
#ifndef REPORTS_TRAIN_RESULT_H
#define REPORTS_TRAIN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/result.h"

struct train_memory_row {
	double weights, gradients, optimizer, activations, buffers, peak_bytes, capacity_bytes;        /* per device, fullest stage */
	double last_peak_bytes;        /* of the last stage */
	double layer_states;           /* weights, gradients and optimizer without those of embedding and head */
	double host_bytes, host_capacity_bytes;        /* offloaded, of a device's share of its host; INFINITY: not known */
};

/* Seconds of one step on the busiest rank; they add up to the step. */
struct train_breakdown {
	double compute, tp_comm, ep_comm, cp_comm, pp_bubble, dp_comm, optimizer, data, recompute, host, straggler, offload;
};

struct train_part_row {
	const char *name;              /* "forward gemm" */
	double seconds, share;
};

/* A pass of the step's pipeline, for the Gantt chart. kind: 0 forward, 1 backward, 2 weight gradients, 3 reduction. */
struct train_span {
	int rank, kind, chunk, micro;
	double start_s, end_s;
};

struct train_reliability {
	double mtbf_s;                 /* of the whole job; INFINITY: no failures */
	double checkpoint_bytes, checkpoint_s, interval_s, recovery_s;
	double effective;              /* productive over wall time */
	double effective_p5, effective_p95;            /* of the Monte Carlo runs */
	double closed_form;            /* Young and Daly's estimate of `effective` */
	double failures;               /* expected over the job; NAN without tokens */
	double hours_p5, hours_p95;
};

struct train_result {
	char run_id[33], scenario_hash[33];
	const char *title, *model, *device, *system, *stack, *schedule, *optimizer;
	const struct key_value *scenario;
	size_t scenario_count;
	const char *const *notes;
	size_t note_count;
	const char *const *not_modelled;
	size_t not_modelled_count;

	int64_t devices, tp, pp, vp, cp, ep, dp, zero, micros, global_batch, micro_batch, sequence;
	double step_s, step_low_s, step_high_s;
	double tokens_per_step, tokens_per_s, tokens_per_s_device, samples_per_s;
	double model_flops_step, hardware_flops_step;  /* of the whole job; attention causal */
	double tflops_per_device, hardware_tflops_per_device, mfu, hfu;
	double tflops_6n, tflops_full;                 /* the same by the conventions 6N and 6N + unmasked attention */
	double peak_flop_s;                            /* of the format that mfu is taken of */
	const char *peak_format;
	double tokens, steps, hours, device_hours;     /* NAN without a number of tokens */
	double loss;                                   /* that the scaling law gives; NAN */

	struct train_memory_row memory;
	struct train_breakdown breakdown;
	struct train_reliability reliability;
	double usd, usd_per_hour, usd_per_1m_tokens;
	const char *price_kind;
	double joules, kwh, mean_power_w, joules_per_token;
	double share_measured, share_fitted, share_analytic, expected_rel_error;

	const struct train_part_row *parts;
	size_t part_count;
	const struct train_span *spans;                /* NULL unless asked for */
	size_t span_count;
	double wall_s, events;
};

#endif
