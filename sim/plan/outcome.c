#include "sim/plan/outcome.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim/interval.h"
#include "sim/serve.h"

const char *const outcome_status_names[] = { "pending", "done", "impossible", "bound", "dominated", "aborted", NULL };

enum { DERIVED = -1 };
#define R(member) offsetof(struct result, member)
const struct figure figures[FIGURES] = {
	[FIGURE_OUTPUT_THROUGHPUT] = { "output_throughput", "tokens/s", "Output tokens a second", R(output_throughput), 1, false },
	[FIGURE_TOTAL_THROUGHPUT] = { "total_token_throughput", "tokens/s", "All tokens a second", R(total_token_throughput), 1, false },
	[FIGURE_REQUEST_THROUGHPUT] = { "request_throughput", "1/s", "Requests a second", R(request_throughput), 1, false },
	[FIGURE_GOODPUT] = { "goodput_rps", "1/s", "Requests a second within the targets", R(goodput_rps), 1, false },
	[FIGURE_PER_DEVICE] = { "output_throughput_per_device", "tokens/s", "Output tokens a second and device", (size_t)DERIVED, 1, false },
	[FIGURE_PER_USER] = { "tokens_per_s_per_user", "tokens/s", "Tokens a second of one user", (size_t)DERIVED, 1, false },
	[FIGURE_TTFT_MEAN] = { "ttft_mean", "s", "Time to first token, mean", R(ttft_s.mean), -1, false },
	[FIGURE_TTFT_P50] = { "ttft_p50", "s", "Time to first token, median", R(ttft_s.p50), -1, false },
	[FIGURE_TTFT_P90] = { "ttft_p90", "s", "Time to first token, P90", R(ttft_s.p90), -1, false },
	[FIGURE_TTFT_P99] = { "ttft_p99", "s", "Time to first token, P99", R(ttft_s.p99), -1, false },
	[FIGURE_TPOT_MEAN] = { "tpot_mean", "s", "Time per output token, mean", R(tpot_s.mean), -1, false },
	[FIGURE_TPOT_P50] = { "tpot_p50", "s", "Time per output token, median", R(tpot_s.p50), -1, false },
	[FIGURE_TPOT_P90] = { "tpot_p90", "s", "Time per output token, P90", R(tpot_s.p90), -1, false },
	[FIGURE_TPOT_P99] = { "tpot_p99", "s", "Time per output token, P99", R(tpot_s.p99), -1, false },
	[FIGURE_ITL_P99] = { "itl_p99", "s", "Inter-token latency, P99", R(itl_s.p99), -1, false },
	[FIGURE_E2E_MEAN] = { "e2e_mean", "s", "Whole request, mean", R(e2e_s.mean), -1, false },
	[FIGURE_E2E_P50] = { "e2e_p50", "s", "Whole request, median", R(e2e_s.p50), -1, false },
	[FIGURE_E2E_P90] = { "e2e_p90", "s", "Whole request, P90", R(e2e_s.p90), -1, false },
	[FIGURE_E2E_P99] = { "e2e_p99", "s", "Whole request, P99", R(e2e_s.p99), -1, false },
	[FIGURE_QUEUE_P99] = { "queue_p99", "s", "Queue, P99", R(queue_s.p99), -1, false },
	[FIGURE_USD_PER_HOUR] = { "usd_per_hour", "USD", "Cost of an hour", R(usd_per_hour), -1, false },
	[FIGURE_USD_PER_1M_OUTPUT] = { "usd_per_1m_output_tokens", "USD", "Cost of 1M output tokens", R(usd_per_1m_output_tokens), -1, false },
	[FIGURE_USD_PER_1M] = { "usd_per_1m_tokens", "USD", "Cost of 1M tokens", R(usd_per_1m_tokens), -1, false },
	[FIGURE_JOULES_PER_OUTPUT] = { "joules_per_output_token", "J", "Energy of an output token", R(joules_per_output_token), -1, false },
	[FIGURE_POWER] = { "mean_power_w", "W", "Mean power", R(mean_power_w), -1, false },
	[FIGURE_DEVICES] = { "devices", "", "Devices", R(devices), -1, true },
	[FIGURE_REPLICAS] = { "replicas", "", "Replicas", R(replicas), 0, true },
	[FIGURE_BATCH] = { "batch_size_mean", "", "Requests in a batch, mean", R(batch_size_mean), 0, false },
	[FIGURE_KV_PEAK] = { "kv_utilization_peak", "share", "Cache in use, peak", R(kv_utilization_peak), 0, false },
	[FIGURE_MFU] = { "mfu", "share", "Share of peak FLOP/s", R(mfu), 0, false },
	[FIGURE_MBU] = { "mbu", "share", "Share of peak bandwidth", R(mbu), 0, false },
	[FIGURE_PREEMPTIONS] = { "preemptions", "", "Preemptions", R(preemptions), -1, false },
	[FIGURE_HIT_RATE] = { "prefix_hit_rate", "share", "Prompt tokens from the prefix cache", R(prefix_hit_rate), 1, false },
	[FIGURE_WEIGHTS] = { "weights_bytes", "bytes", "Weights of a device", R(weights_bytes), -1, false },
	[FIGURE_KV_PER_TOKEN] = { "kv_bytes_per_token", "bytes", "Cache of a token on a device", R(kv_bytes_per_token), -1, false },
	[FIGURE_ERROR] = { "expected_rel_error", "share", "Expected error of times", R(expected_rel_error), -1, false },
	[FIGURE_MEASURED] = { "measured", "share", "Time priced from measured tables", R(share_measured), 1, false },
	[FIGURE_COMPLETED] = { "completed", "", "Requests completed", R(completed), 1, false },
	[FIGURE_REJECTED] = { "rejected", "", "Requests refused", R(rejected), -1, false },
	[FIGURE_DURATION] = { "duration_s", "s", "Simulated time", R(duration_s), 0, false },
	[FIGURE_CAPACITY_QPS] = { "capacity_qps", "1/s", "Largest rate within the targets", (size_t)DERIVED, 1, false },
};

int figure_find(const char *name, const char *origin, struct err *err)
{
	const char *names[FIGURES], *near;
	char plain[64];
	size_t n = 0;

	for (; name[n] && n + 1 < sizeof(plain); n++)
		plain[n] = name[n] == '-' || name[n] == '.' ? '_' : name[n];
	plain[n] = '\0';
	for (int i = 0; i < FIGURES; i++) {
		if (strcmp(figures[i].name, plain) == 0)
			return i;
		names[i] = figures[i].name;
	}
	near = text_nearest(plain, names, FIGURES);
	err_set(err, ERR_INPUT, "%s: no figure '%.40s'%s%s%s", origin, name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return -1;
}

void outcome_init(struct outcome *out)
{
	*out = (struct outcome){ .status = OUTCOME_PENDING };
	for (int i = 0; i < FIGURES; i++)
		out->value[i] = NAN;
}

static void keep_kinds(const struct result *r, struct outcome *out)
{
	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *row = &r->operators[i];

		for (int k = 0; k < OP_KIND_COUNT; k++)
			if (strcmp(op_kind_names[k], row->kind) == 0) {
				double both = out->kind_share[k] + row->share;

				if (both > 0)
					out->kind_error[k] = (float)((out->kind_error[k] * out->kind_share[k] + row->rel_error * row->share) / both);
				out->kind_share[k] = (float)both;
			}
	}
}

void outcome_of(const struct result *r, struct outcome *out)
{
	outcome_init(out);
	for (int i = 0; i < FIGURES; i++) {
		const char *at = (const char *)r + figures[i].offset;

		if (figures[i].offset == (size_t)DERIVED)
			continue;
		if (figures[i].whole) {
			int64_t v;

			memcpy(&v, at, sizeof(v));
			out->value[i] = (double)v;
		} else {
			memcpy(&out->value[i], at, sizeof(out->value[i]));
		}
	}
	if (r->devices > 0)
		out->value[FIGURE_PER_DEVICE] = r->output_throughput / (double)r->devices;
	if (r->tpot_s.mean > 0)
		out->value[FIGURE_PER_USER] = 1 / r->tpot_s.mean;
	keep_kinds(r, out);
	memcpy(out->hash, r->scenario_hash, sizeof(out->hash));
	/* A deployment that refuses requests does not serve this workload, whatever its latencies. */
	out->slos_met = (r->slo_count == 0 || r->slos_met) && r->rejected == 0 && r->completed > 0;
	out->status = OUTCOME_DONE;
}

double outcome_rel_error(const struct outcome *o)
{
	double squares = 0;

	for (int k = 0; k < OP_KIND_COUNT; k++)
		if (k != OP_HOST)
			squares += pow((double)o->kind_share[k] * (double)o->kind_error[k], 2);
	return interval_error(sqrt(squares), o->value[FIGURE_MEASURED]);
}

bool outcome_impossible(struct outcome *out, const struct err *own, struct err *err)
{
	if (own->kind != ERR_INPUT && own->kind != ERR_CHECK)
		return err_set(err, own->kind, "%s", own->text);
	out->status = OUTCOME_IMPOSSIBLE;
	snprintf(out->why, sizeof(out->why), "%.*s", WHY_ROOM - 1, own->text);
	return true;
}

bool outcome_simulate(const struct scenario *sc, struct catalog_cache *cache, const struct serve_sink *sink, struct outcome *out, struct err *err)
{
	struct arena *arena = arena_new();
	struct sim *sim = NULL;
	struct result r;
	struct err own = { 0 };
	bool ok;

	outcome_init(out);
	if (!arena)
		return err_memory(err);
	ok = (sim = sim_new_cached(sc, sink, cache, &own)) && sim_run(sim, INFINITY, &own) && sim_result(sim, arena, &r, &own);
	if (ok)
		outcome_of(&r, out);
	sim_free(sim);
	arena_free(arena);
	return ok || outcome_impossible(out, &own, err);
}
