#include "reports/metric.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define NUMBER(path, unit, member, better, help) { path, unit, offsetof(struct result, member), false, better, help }
#define INT(path, unit, member, better, help) { path, unit, offsetof(struct result, member), true, better, help }
#define DIST(name, what)                                                                   \
	NUMBER("metrics." #name ".mean", "s", name.mean, -1, "mean " what),                \
	NUMBER("metrics." #name ".p50", "s", name.p50, -1, "median " what),                \
	NUMBER("metrics." #name ".p90", "s", name.p90, -1, "90th percentile of " what),    \
	NUMBER("metrics." #name ".p95", "s", name.p95, -1, "95th percentile of " what),    \
	NUMBER("metrics." #name ".p99", "s", name.p99, -1, "99th percentile of " what),    \
	NUMBER("metrics." #name ".max", "s", name.max, -1, "largest " what),               \
	NUMBER("metrics." #name ".min", "s", name.min, -1, "smallest " what),              \
	NUMBER("metrics." #name ".count", "", name.count, 0, "how many values of " what)

const struct metric metrics[] = {
	NUMBER("metrics.requests", "", requests, 0, "requests that arrived"),
	NUMBER("metrics.completed", "", completed, 1, "requests that finished"),
	NUMBER("metrics.rejected", "", rejected, -1, "requests refused (too long, queue full)"),
	NUMBER("metrics.duration_s", "s", duration_s, 0, "first arrival to last completion, simulated"),
	NUMBER("metrics.prompt_tokens", "tokens", prompt_tokens, 0, "prompt tokens of completed requests"),
	NUMBER("metrics.output_tokens", "tokens", output_tokens, 0, "output tokens of completed requests"),
	NUMBER("metrics.cached_prompt_tokens", "tokens", cached_prompt_tokens, 0,
	       "prompt tokens found in the prefix cache"),
	NUMBER("metrics.request_throughput", "requests/s", request_throughput, 1, "completed requests a second"),
	NUMBER("metrics.output_throughput", "tokens/s", output_throughput, 1, "output tokens a second"),
	NUMBER("metrics.total_token_throughput", "tokens/s", total_token_throughput, 1,
	       "prompt and output tokens a second"),
	NUMBER("metrics.goodput_rps", "requests/s", goodput_rps, 1, "requests a second that met every SLO"),
	DIST(ttft_s, "time to first token"),
	DIST(tpot_s, "time per output token"),
	DIST(itl_s, "gap between tokens"),
	DIST(e2e_s, "arrival to last token"),
	DIST(queue_s, "wait before the first scheduling"),
	NUMBER("metrics.batch_size_mean", "", batch_size_mean, 0, "requests in an iteration, mean"),
	NUMBER("metrics.batch_tokens_mean", "tokens", batch_tokens_mean, 0, "tokens in an iteration, mean"),
	NUMBER("metrics.mfu", "share", mfu, 1, "model FLOPs over peak FLOPs"),
	NUMBER("metrics.mbu", "share", mbu, 1, "bytes moved over peak bandwidth"),
	NUMBER("metrics.preemptions", "", preemptions, -1, "times a running request lost its KV blocks"),
	NUMBER("metrics.kv_utilization_peak", "share", kv_utilization_peak, 0, "largest share of KV blocks in use"),
	NUMBER("metrics.kv_utilization_mean", "share", kv_utilization_mean, 0, "mean share of KV blocks in use"),
	NUMBER("metrics.running_mean", "", running_mean, 0, "requests running, mean over time"),
	NUMBER("metrics.waiting_mean", "", waiting_mean, -1, "requests waiting, mean over time"),
	NUMBER("metrics.prefix_hit_rate", "share", prefix_hit_rate, 1, "cached over all prompt tokens"),
	INT("metrics.devices", "", devices, 0, "devices in use"),
	INT("metrics.replicas", "", replicas, 0, "copies of the model"),

	NUMBER("memory.weights_bytes", "bytes", weights_bytes, 0, "weights, per device"),
	NUMBER("memory.kv_bytes", "bytes", kv_bytes, 0, "KV cache, per device"),
	NUMBER("memory.state_bytes", "bytes", state_bytes, 0, "recurrent state, per device"),
	NUMBER("memory.activation_bytes", "bytes", activation_bytes, 0, "activations, per device"),
	NUMBER("memory.reserved_bytes", "bytes", reserved_bytes, 0, "runtime and reserve, per device"),
	NUMBER("memory.peak_bytes", "bytes", peak_bytes, -1, "most memory in use, per device"),
	NUMBER("memory.capacity_bytes", "bytes", capacity_bytes, 0, "memory of one device"),
	NUMBER("memory.kv_bytes_per_token", "bytes", kv_bytes_per_token, -1, "KV bytes of one token, per device"),
	INT("memory.kv_blocks", "", kv_blocks, 0, "KV blocks of one replica"),
	INT("memory.block_tokens", "tokens", block_tokens, 0, "tokens in one KV block"),

	NUMBER("cost.usd", "USD", usd, -1, "price of the devices over the run"),
	NUMBER("cost.usd_per_1m_output_tokens", "USD", usd_per_1m_output_tokens, -1,
	       "price of a million output tokens"),
	NUMBER("cost.usd_per_1m_tokens", "USD", usd_per_1m_tokens, -1, "price of a million tokens, prompt and output"),
	NUMBER("cost.usd_per_hour", "USD/h", usd_per_hour, -1, "price of the deployment for an hour"),

	NUMBER("energy.joules", "J", joules, -1, "energy of the devices over the run"),
	NUMBER("energy.joules_per_output_token", "J", joules_per_output_token, -1, "energy of one output token"),
	NUMBER("energy.mean_power_w", "W", mean_power_w, -1, "mean power of all devices, with what the facility adds (PUE)"),
	NUMBER("energy.system_power_w", "W", system_power_w, -1, "mean power at the plugs: devices and their share of hosts, fans and switches, without PUE"),

	NUMBER("confidence.measured", "share", share_measured, 0, "share of device time priced from measured tables"),
	NUMBER("confidence.fitted", "share", share_fitted, 0, "share priced from curves fitted to measurements"),
	NUMBER("confidence.analytic", "share", share_analytic, 0, "share priced from data sheet peaks"),
	NUMBER("confidence.expected_rel_error", "share", expected_rel_error, -1, "expected relative error of times"),
	NUMBER("confidence.interval_rel_error", "share", interval_rel_error, -1, "factor less one on operator times that the 80 % interval spans"),
	NUMBER("confidence.extrapolated", "share", extrapolated_share, -1, "share of time outside the measured shapes"),

	NUMBER("device.peak_flop_s", "FLOP/s", peak_flop_s, 0, "peak rate of one device in the model's format"),
	NUMBER("device.bandwidth_bytes_s", "bytes/s", bandwidth_bytes_s, 0, "peak memory rate of one device"),

	NUMBER("sim.wall_s", "s", wall_s, 0, "real time the simulation took"),
	NUMBER("sim.events", "", events, 0, "events processed"),
	NUMBER("sim.iterations", "", iterations, 0, "engine iterations simulated"),
	NUMBER("sim.requests_per_s", "requests/s", requests_per_s, 0, "requests simulated a real second"),
	NUMBER("sim.peak_rss_bytes", "bytes", peak_rss_bytes, 0, "memory of the simulator"),
	NUMBER("training.step_s", "s", training.step_s, -1, "time of one optimizer step"),
	NUMBER("training.tokens_per_s", "tokens/s", training.tokens_per_s, 1, "tokens trained a second"),
	NUMBER("training.tokens_per_s_device", "tokens/s", training.tokens_per_s_device, 1, "the same a device"),
	NUMBER("training.tflops_per_device", "TFLOP/s", training.tflops_per_device, 1, "model FLOPs a device"),
	NUMBER("training.hfu", "share", training.hfu, 1, "FLOPs run, with recomputation, over peak"),
	NUMBER("training.tokens", "tokens", training.tokens, 0, "tokens of the whole job"),
	NUMBER("training.hours", "h", training.hours, -1, "wall time of the job with failures"),
	NUMBER("training.device_hours", "h", training.device_hours, -1, "device-hours of the job"),
	NUMBER("training.loss", "", training.loss, -1, "loss by the scaling law"),
	NUMBER("training.effective", "share", training.effective, 1, "productive over wall time"),
	NUMBER("training.gradient_bytes", "bytes", training.gradient_bytes, 0, "gradients, per device"),
	NUMBER("training.optimizer_bytes", "bytes", training.optimizer_bytes, 0, "optimizer state, per device"),
	{ NULL, NULL, 0, false, 0, NULL },
};

const char *metric_name(const struct metric *m)
{
	return text_starts(m->path, "metrics.") ? m->path + strlen("metrics.") : m->path;
}

const struct metric *metric_find(const char *name)
{
	for (const struct metric *m = metrics; m->path; m++)
		if (strcmp(metric_name(m), name) == 0 || strcmp(m->path, name) == 0)
			return m;
	return NULL;
}

const char *metric_nearest(const char *name)
{
	const char *names[COUNT_OF(metrics)];
	size_t n = 0;

	for (const struct metric *m = metrics; m->path; m++)
		names[n++] = metric_name(m);
	return text_nearest(name, names, n);
}

double metric_get(const struct metric *m, const struct result *r)
{
	const char *at = (const char *)r + m->offset;

	if (!(r->training.step_s > 0) && text_starts(m->path, "training."))
		return NAN;            /* a serving run */
	if (m->integer) {
		int64_t whole;

		memcpy(&whole, at, sizeof(whole));
		return (double)whole;
	} else {
		double value;

		memcpy(&value, at, sizeof(value));
		return value;
	}
}

bool metric_interval(const struct metric *m, const struct result *r, double *low, double *high)
{
	double a, b, c;

	if (!r->faster || !r->slower)
		return false;
	a = metric_get(m, r);
	b = metric_get(m, r->faster);
	c = metric_get(m, r->slower);
	*low = fmin(fmin(a, b), c);            /* fmin and fmax pass over NAN */
	*high = fmax(fmax(a, b), c);
	return true;
}

void metric_set(const struct metric *m, struct result *r, double value)
{
	char *at = (char *)r + m->offset;
	int64_t whole = m->integer && isfinite(value) ? (int64_t)value : 0;

	if (m->integer)
		memcpy(at, &whole, sizeof(whole));
	else
		memcpy(at, &value, sizeof(value));
}

const char *result_input(const struct result *r, const char *path)
{
	for (size_t i = 0; i < r->scenario_count; i++)
		if (text_equal(r->scenario[i].key, path))
			return r->scenario[i].value;
	return NULL;
}
