/* What a run says: plain data, filled by sim/, read by tables, JSON, SQLite, plots and HTML. */
#ifndef REPORTS_RESULT_H
#define REPORTS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dist {                          /* one value a request (ITL: one a gap) */
	double count, mean, min, p50, p90, p95, p99, max;
};

struct key_value {
	const char *key, *value;
};

struct operator_row {                  /* where the device time goes, summed over the run */
	const char *label, *kind, *bound, *provider;
	double seconds, flops, bytes, calls, rel_error;
	double share;                  /* of all device seconds */
};

struct memory_row {
	const char *what;              /* "weights", "kv cache", "activations" ... */
	double bytes;
};

enum { SERIES_MOST = 512, CDF_POINTS = 201 };

struct series {                        /* time-bucketed means over the run */
	double bucket_s;
	size_t count;
	struct series_point {
		double t_s, batch_size, batch_tokens, kv_utilization, waiting, running;
		double ttft_s, tpot_s;         /* means of requests finishing in the bucket, NAN when none */
		double output_tokens_s, arrivals_s;
	} at[SERIES_MOST];
};

struct class_row {                     /* per SLO class / client of the mix */
	const char *name;
	double requests, completed, goodput_rps;
	struct dist ttft_s, tpot_s, e2e_s;
};

struct replica_row {
	int64_t replica, requests, preemptions;
	double busy_share, kv_peak;
	const char *pool;
};

struct request_record {                /* kept only when asked for */
	int64_t id, prompt_tokens, output_tokens, cached_tokens;
	double arrival_s, queue_s, ttft_s, tpot_s, e2e_s;      /* tpot_s NAN for one-token outputs */
	int32_t replica, preemptions, class_index;
};

struct slo_row {                       /* one target of --slo */
	const char *name;              /* "ttft_p99" */
	double target_s, value_s;
	bool met;
};

struct sample_row {                    /* one measured value: samples of one name are of one kind */
	const char *name, *unit;
	double value;
};

struct training_figures {              /* of a training job; all 0 for serving */
	double step_s, tokens_per_s, tokens_per_s_device, tflops_per_device, hfu, tokens, hours, device_hours, loss, effective,
		gradient_bytes, optimizer_bytes;
};

struct result {
	char run_id[33];               /* filled by the store or derived from the scenario hash */
	char scenario_hash[33];
	const char *title;             /* "llama-3.1-70b on 4 x h100 ..." */
	const struct key_value *scenario;              /* every input, as path and value */
	size_t scenario_count;
	const char *const *not_modelled;               /* settings accepted but without effect, one line each */
	size_t not_modelled_count;
	const char *const *notes;                      /* announced device, clipped lengths, extrapolation ... */
	size_t note_count;

	double requests, completed, rejected, duration_s;
	double prompt_tokens, output_tokens, cached_prompt_tokens;
	double request_throughput, output_throughput, total_token_throughput, goodput_rps;   /* goodput NAN without SLO */
	struct dist ttft_s, tpot_s, itl_s, e2e_s, queue_s;
	double batch_size_mean, batch_tokens_mean, mfu, mbu, preemptions, kv_utilization_peak, kv_utilization_mean;
	double running_mean, waiting_mean, prefix_hit_rate;     /* prefix_hit_rate: cached / prompt tokens */

	double weights_bytes, kv_bytes, state_bytes, activation_bytes, reserved_bytes, peak_bytes, capacity_bytes,
		kv_bytes_per_token;                             /* per device */
	int64_t kv_blocks, block_tokens, devices, replicas;

	double usd, usd_per_1m_output_tokens, usd_per_1m_tokens, usd_per_hour;
	const char *price_kind;                                 /* "cloud on demand, 2026-03" */
	double joules, joules_per_output_token, mean_power_w, system_power_w;

	double share_measured, share_fitted, share_analytic, expected_rel_error;
	double extrapolated_share;
	double interval_rel_error;                              /* of the two runs below; see sim/interval.h */
	const struct result *faster, *slower;                   /* the run with operators that much off; NULL = not simulated */
	double peak_flop_s, bandwidth_bytes_s;                  /* one device, for the roofline */

	double wall_s, events, iterations, requests_per_s, peak_rss_bytes;

	struct training_figures training;

	const struct operator_row *operators;
	size_t operator_count;
	const struct memory_row *memory;
	size_t memory_count;
	const struct class_row *classes;
	size_t class_count;
	const struct replica_row *replica_rows;
	size_t replica_count;
	const struct slo_row *slos;
	size_t slo_count;
	bool slos_met;
	const struct series *series;
	/* CDF_POINTS values each: the quantiles 0, 0.005 ... 1 of the latency; NULL when empty */
	const double *cdf_ttft_s, *cdf_tpot_s, *cdf_itl_s, *cdf_e2e_s;
	const struct request_record *records;                   /* in order of completion; NULL unless asked for */
	size_t record_count;
	const struct sample_row *samples;                       /* measured, in the order they came: of benches */
	size_t sample_count;
};

#endif
