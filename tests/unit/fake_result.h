/* A result as a simulation would give it, for the tests of reports/: every member filled, figures plausible. */
#ifndef TESTS_FAKE_RESULT_H
#define TESTS_FAKE_RESULT_H

#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "reports/result.h"

static const struct key_value fake_scenario[] = {
	{ "model.name", "llama-3-70b" }, { "model.dtype", "fp8" }, { "system.device", "h100" }, { "system.devices", "4" },
	{ "deployment.tp", "4" }, { "deployment.pp", "1" }, { "deployment.replicas", "1" }, { "deployment.scheduler", "vllm" },
	{ "deployment.max_num_seqs", "256" }, { "deployment.memory_utilization", "0.90" }, { "deployment.chunked_prefill", "yes" },
	{ "deployment.prefix_caching", "no" }, { "workload.name", "sharegpt" }, { "workload.requests", "1000" },
	{ "workload.qps", "4.0" }, { "workload.seed", "42" }, { "class.0.name", "chat" }, { "class.0.share", "0.8" },
	{ "class.1.name", "batch" }, { "class.1.share", "0.2" }, { "technique.kivi_v1821.bits", "2" },
};
static const char *const fake_not_modelled[] = { "--enable-lora is accepted but adapters are not simulated for this model" };
static const char *const fake_notes[] = {
	"12 requests longer than the context (8,192 tokens) were clipped",
	"all_reduce over 4 devices lies outside the measured message sizes for 3 % of its time",
};
static const struct operator_row fake_operators[] = {
	{ "attention decode", "attention_decode", "memory", "measured", 61.2, 8.1e15, 1.6e14, 8.1e5, 0.05, 0.268 },
	{ "mlp gate+up", "gemm", "compute", "fitted", 55.9, 4.4e16, 9.9e13, 8.1e5, 0.06, 0.245 },
	{ "mlp down", "gemm", "compute", "fitted", 28.8, 2.2e16, 4.9e13, 8.1e5, 0.06, 0.126 },
	{ "all_reduce", "all_reduce", "latency", "measured", 25.1, 0, 1.1e13, 1.6e6, 0.08, 0.110 },
	{ "qkv projection", "gemm", "memory", "fitted", 16.4, 7.5e15, 2.7e13, 8.1e5, 0.06, 0.072 },
	{ "output projection", "gemm", "memory", "fitted", 13.4, 6.0e15, 2.1e13, 8.1e5, 0.06, 0.059 },
	{ "attention prefill", "attention_prefill", "compute", "measured", 9.8, 2.9e15, 8.0e11, 8.1e5, 0.07, 0.043 },
	{ "host overhead", "host", "host", "measured", 7.1, 0, 0, 1.0e4, 0.15, 0.031 },
	{ "norm", "norm", "memory", "analytic", 4.4, 1.0e12, 1.0e13, 1.6e6, 0.3, 0.019 },
	{ "activation", "activation", "memory", "analytic", 3.0, 2.0e12, 8.0e12, 8.1e5, 0.3, 0.013 },
	{ "rope and cache write", "copy", "memory", "analytic", 2.0, 3.0e11, 4.0e12, 8.1e5, 0.3, 0.009 },
	{ "lm head", "gemm", "memory", "fitted", 1.2, 3.0e14, 1.0e12, 1.0e4, 0.08, 0.005 },
};
static const struct memory_row fake_memory[] = {
	{ "weights", 17.6e9 }, { "kv cache", 48.9e9 }, { "activations", 3.1e9 }, { "runtime", 2.4e9 },
};
static const struct class_row fake_classes[] = {
	{ "chat", 800, 800, 3.1, { 800, .21, .04, .15, .38, .52, .93, 1.4 }, { 799, .024, .011, .023, .031, .034, .04, .05 },
	  { 800, 5.4, .3, 4.9, 9.9, 12.3, 18, 25 } },
	{ "batch", 200, 200, .6, { 200, .33, .05, .28, .6, .8, 1.2, 1.6 }, { 198, .026, .012, .025, .033, .036, .044, .055 },
	  { 200, 6.4, .5, 5.9, 11, 13, 19, 26 } },
};
static const struct replica_row fake_replicas[] = { { 0, 1000, 3, .912, .81, "mixed" } };
static const struct slo_row fake_slos[] = { { "ttft_p99", 1.0, .981, true }, { "tpot_p99", .04, .0413, false } };
static const struct request_record fake_records[] = {
	{ 0, 512, 128, 0, 0.0, 0.001, 0.1234567890123, 0.0213, 2.8285567890123, 0, 0, 0 },
	{ 1, 33, 1, 16, 0.25, 0.0, 0.04, NAN, 0.04, 0, 0, 1 },
	{ 2, 8192, 1024, 4096, 1.0 / 3, 1e-7, 1.5, 0.03, 32.19, 0, 2, 0 },
};
static const struct sample_row fake_samples[] = { { "requests/s", "requests/s", 1.25e6 }, { "requests/s", "requests/s", 1.0 / 3 } };
static struct series fake_series;
static double fake_cdfs[4][CDF_POINTS];

/* The quantile function of a log-logistic law: plausible latencies without random numbers. */
static double fake_latency(double median, double shape, double q)
{
	q = fmin(fmax(q, 0.004), 0.996);
	return median * pow(q / (1 - q), 1 / shape);
}

static void fake_curves(void)
{
	static const double median[] = { 0.16, 0.0235, 0.0229, 5.1 }, shape[] = { 2.9, 8, 6, 3.2 };

	for (int c = 0; c < 4; c++)
		for (int i = 0; i < CDF_POINTS; i++)
			fake_cdfs[c][i] = fake_latency(median[c], shape[c], (double)i / (CDF_POINTS - 1));
	fake_series = (struct series){ .bucket_s = 1.25, .count = 200 };
	for (size_t i = 0; i < fake_series.count; i++) {
		double t = (double)i * 1.25, rise = 1 - exp(-t / 12), wave = 1 + 0.22 * sin(t / 17) + 0.09 * sin(t / 3.1);
		double fall = t > 240 ? fmax(0, 1 - (t - 240) / 10) : 1;

		fake_series.at[i].t_s = t;
		fake_series.at[i].running = 24 * rise * wave * fall;
		fake_series.at[i].batch_size = 22 * rise * wave * fall;
		fake_series.at[i].batch_tokens = 480 * rise * wave * fall;
		fake_series.at[i].waiting = fmax(0, 30 * (rise * wave - 1.1)) * fall;
		fake_series.at[i].kv_utilization = fmin(1, 0.62 * rise * wave * fall);
		fake_series.at[i].ttft_s = i % 23 == 7 ? NAN : 0.12 * wave + 0.02 * fake_series.at[i].waiting;
		fake_series.at[i].tpot_s = i % 23 == 7 ? NAN : 0.018 + 0.006 * rise * wave;
		fake_series.at[i].output_tokens_s = 900 * rise * wave * fall;
		fake_series.at[i].arrivals_s = 4 * wave;
	}
}

static void fake_result(struct result *r)
{
	fake_curves();
	*r = (struct result){
		.run_id = "", .scenario_hash = "9b1d22aa00ff4c35a1b2c3d4e5f60718",
		.title = "llama-3-70b (fp8) on 4 x h100, tp 4, vllm, sharegpt at 4 requests/s",
		.scenario = fake_scenario, .scenario_count = COUNT_OF(fake_scenario),
		.not_modelled = fake_not_modelled, .not_modelled_count = COUNT_OF(fake_not_modelled),
		.notes = fake_notes, .note_count = COUNT_OF(fake_notes),
		.requests = 1000, .completed = 1000, .rejected = 0, .duration_s = 250.3, .prompt_tokens = 219471,
		.output_tokens = 231044, .cached_prompt_tokens = 26336, .request_throughput = 3.995, .output_throughput = 923.07,
		.total_token_throughput = 1799.9, .goodput_rps = 3.71,
		.ttft_s = { 1000, .2341, .041, .16, .41, .55, .981, 1.63 }, .tpot_s = { 997, .0244, .011, .0235, .0312, .0344, .0413, .055 },
		.itl_s = { 230044, .0239, .0098, .0229, .0301, .0342, .0911, .41 }, .e2e_s = { 1000, 5.61, .33, 5.1, 10.1, 12.6, 18.4, 26.2 },
		.queue_s = { 1000, .0213, 0, .004, .05, .11, .31, .72 },
		.batch_size_mean = 22.1, .batch_tokens_mean = 480.3, .mfu = .213, .mbu = .571, .preemptions = 3,
		.kv_utilization_peak = .81, .kv_utilization_mean = .583, .running_mean = 22.4, .waiting_mean = .09, .prefix_hit_rate = .12,
		.weights_bytes = 17.6e9, .kv_bytes = 48.9e9, .state_bytes = 0, .activation_bytes = 3.1e9, .reserved_bytes = 2.4e9,
		.peak_bytes = 72.0e9, .capacity_bytes = 80e9, .kv_bytes_per_token = 40960, .kv_blocks = 74615, .block_tokens = 16,
		.devices = 4, .replicas = 1, .usd = .834, .usd_per_1m_output_tokens = 3.609, .usd_per_1m_tokens = 1.851,
		.usd_per_hour = 11.99, .price_kind = "cloud on demand, 2026-03", .joules = 5.11e5, .joules_per_output_token = 2.212,
		.mean_power_w = 2041, .share_measured = .452, .share_fitted = .507, .share_analytic = .041, .expected_rel_error = .068,
		.extrapolated_share = .033, .peak_flop_s = 1.979e15, .bandwidth_bytes_s = 3.35e12, .wall_s = .0312, .events = 23411,
		.iterations = 10130, .requests_per_s = 32051, .peak_rss_bytes = 4.1e7,
		.operators = fake_operators, .operator_count = COUNT_OF(fake_operators), .memory = fake_memory,
		.memory_count = COUNT_OF(fake_memory), .classes = fake_classes, .class_count = COUNT_OF(fake_classes),
		.replica_rows = fake_replicas, .replica_count = COUNT_OF(fake_replicas), .slos = fake_slos,
		.slo_count = COUNT_OF(fake_slos), .slos_met = false, .series = &fake_series, .cdf_ttft_s = fake_cdfs[0],
		.cdf_tpot_s = fake_cdfs[1], .cdf_itl_s = fake_cdfs[2], .cdf_e2e_s = fake_cdfs[3],
		.records = fake_records, .record_count = COUNT_OF(fake_records),
		.samples = fake_samples, .sample_count = COUNT_OF(fake_samples),
	};
}

#endif
