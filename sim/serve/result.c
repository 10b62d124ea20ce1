/* From what a simulation measured to the plain data that reports read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sys/resource.h>

#include "base/str.h"
#include "hardware/energy.h"
#include "hardware/price.h"
#include "sim/money.h"
#include "sim/serve/fleet.h"

struct filling {
	const struct sim *sim;
	struct arena *arena;
	struct result *out;
	struct err *err;
	struct key_value *values;
	size_t value_count, value_capacity;
};

static void add_value(const char *path, const struct field *field, const char *value, void *ctx)
{
	struct filling *f = ctx;

	(void)field;
	if (f->value_count < f->value_capacity) {
		struct key_value *kv = &f->values[f->value_count];

		kv->key = arena_strdup(f->arena, path);
		kv->value = arena_strdup(f->arena, value);
		if (!kv->key || !kv->value)
			f->value_capacity = 0;         /* out of memory: no more values, and the caller sees it */
	}
	f->value_count++;
}

static bool fill_scenario(struct filling *f)
{
	schema_each(&scenario_element, f->sim->sc, add_value, f);
	f->value_capacity = f->value_count;
	f->values = arena_alloc(f->arena, (f->value_count + 1) * sizeof(*f->values));
	if (!f->values)
		return err_memory(f->err);
	f->value_count = 0;
	schema_each(&scenario_element, f->sim->sc, add_value, f);
	if (f->value_capacity == 0)
		return err_memory(f->err);
	f->out->scenario = f->values;
	f->out->scenario_count = f->value_count;
	return true;
}

static void fill_title(struct filling *f)
{
	const struct sim *sim = f->sim;
	const struct scenario *sc = sim->sc;
	const struct compiled *c = &sim->compiled;
	const char *traffic = sc->workload.trace ? sc->workload.trace : sc->workload.name ? sc->workload.name : "custom workload";
	const char *slash = strrchr(traffic, '/');

	f->out->title = sc->title ? sc->title :
		arena_printf(f->arena, "%s on %lld x %s, %s, %s", c->model->name, (long long)f->out->devices, c->device->name,
			     c->scheduler->name, slash ? slash + 1 : traffic);
}

static void fill_traffic(struct filling *f)
{
	const struct metrics *m = &f->sim->metrics;
	struct result *o = f->out;
	double start = isfinite(m->first_arrival_s) ? m->first_arrival_s : 0, per_s;

	o->requests = (double)m->requests;
	o->completed = (double)m->completed;
	o->rejected = (double)m->rejected;
	o->duration_s = m->last_end_s > start ? m->last_end_s - start : 0;
	per_s = o->duration_s > 0 ? 1 / o->duration_s : 0;
	o->prompt_tokens = m->prompt_tokens;
	o->output_tokens = m->output_tokens;
	o->cached_prompt_tokens = m->cached_tokens;
	o->request_throughput = o->completed * per_s;
	o->output_throughput = o->output_tokens * per_s;
	o->total_token_throughput = (o->prompt_tokens + o->output_tokens) * per_s;
	o->goodput_rps = m->has_slo ? (double)m->good_count * per_s : NAN;
	o->prefix_hit_rate = o->prompt_tokens > 0 ? o->cached_prompt_tokens / o->prompt_tokens : 0;
	latency_dist(&m->ttft, &o->ttft_s);
	latency_dist(&m->tpot, &o->tpot_s);
	latency_dist(&m->e2e, &o->e2e_s);
	latency_dist(&m->queue, &o->queue_s);
	sketch_dist(m->itl, &o->itl_s);
	o->cdf_ttft_s = latency_cdf(&m->ttft, f->arena);
	o->cdf_tpot_s = latency_cdf(&m->tpot, f->arena);
	o->cdf_e2e_s = latency_cdf(&m->e2e, f->arena);
	o->cdf_itl_s = sketch_cdf(m->itl, f->arena);
}

static double clock_s(const struct result *o)
{
	return o->duration_s > 0 ? o->duration_s : 1e-300;
}

static void fill_batches(struct filling *f)
{
	const struct sim *sim = f->sim;
	const struct metrics *m = &sim->metrics;
	struct result *o = f->out;
	double batch = 0, kv = 0, waiting = 0, running = 0, busy = 0, tokens = 0;

	for (int i = 0; i < SERIES_MOST; i++) {
		const struct bucket *b = &m->buckets[i];

		batch += b->batch_s;
		tokens += b->tokens;
		kv += b->kv_s;
		waiting += b->waiting_s;
		running += b->running_s;
		busy += b->busy_s;
	}
	o->batch_size_mean = busy > 0 ? running / busy : 0;
	o->batch_tokens_mean = sim->iterations > 0 ? tokens / (double)sim->iterations : 0;
	o->kv_utilization_mean = kv / clock_s(o) / sim->replica_count;
	o->running_mean = running / clock_s(o);
	o->waiting_mean = fmax(0, block_sum_get(&m->in_system_area) / clock_s(o) - o->running_mean);
	o->iterations = (double)sim->iterations;
	for (int32_t i = 0; i < sim->replica_count; i++) {
		o->preemptions += (double)sim->replicas[i].batcher.preemptions;
		o->kv_utilization_peak = fmax(o->kv_utilization_peak, sim->replicas[i].kv_peak);
	}
	(void)batch;
	(void)waiting;
}

static bool fill_series(struct filling *f)
{
	const struct metrics *m = &f->sim->metrics;
	struct series *s = arena_alloc(f->arena, sizeof(*s));
	double replicas = f->sim->replica_count;

	if (!s)
		return err_memory(f->err);
	s->bucket_s = m->bucket_s;
	for (int i = 0; i < SERIES_MOST && (double)i * m->bucket_s <= m->last_end_s; i++) {
		const struct bucket *b = &m->buckets[i];
		double span = m->bucket_s;

		if ((double)(i + 1) * m->bucket_s > m->last_end_s)     /* the last one is only partly there */
			span = fmax(m->last_end_s - (double)i * m->bucket_s, 1e-3 * m->bucket_s);
		s->at[i].t_s = ((double)i + 0.5) * m->bucket_s;
		s->at[i].batch_size = b->running_s / span;
		s->at[i].batch_tokens = b->tokens / span;
		s->at[i].kv_utilization = b->kv_s / span / replicas;
		s->at[i].waiting = b->waiting_s / span;
		s->at[i].running = b->running_s / span;
		s->at[i].ttft_s = b->ttft_count ? b->ttft_sum / (double)b->ttft_count : NAN;
		s->at[i].tpot_s = b->tpot_count ? b->tpot_sum / (double)b->tpot_count : NAN;
		s->at[i].output_tokens_s = b->output_tokens / span;
		s->at[i].arrivals_s = b->arrivals / span;
		s->count = (size_t)i + 1;
	}
	f->out->series = s;
	return true;
}

static bool fill_memory(struct filling *f)
{
	const struct memory_plan *p = &f->sim->plans[0].memory;
	struct result *o = f->out;
	struct memory_row *rows = arena_alloc(f->arena, 8 * sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return err_memory(f->err);
	o->weights_bytes = p->weights_bytes;
	o->kv_bytes = p->kv_bytes;
	o->state_bytes = p->state_bytes;
	o->activation_bytes = p->activation_bytes;
	o->reserved_bytes = p->reserved_bytes;
	o->capacity_bytes = p->capacity_bytes;
	o->kv_bytes_per_token = f->sim->plans[0].kv_bytes_per_token;
	o->kv_blocks = f->sim->plans[0].limits.kv_blocks;
	o->block_tokens = f->sim->plans[0].limits.block_tokens;
	o->peak_bytes = p->weights_bytes + p->activation_bytes + p->reserved_bytes + o->kv_utilization_peak * p->kv_bytes + p->state_bytes;
	rows[n++] = (struct memory_row){ "weights", p->weights_bytes };
	rows[n++] = (struct memory_row){ "kv cache", p->kv_bytes };
	if (p->state_bytes > 0)
		rows[n++] = (struct memory_row){ "recurrent state", p->state_bytes };
	rows[n++] = (struct memory_row){ "activations", p->activation_bytes };
	rows[n++] = (struct memory_row){ "runtime", p->reserved_bytes };
	rows[n++] = (struct memory_row){ "outside the engine's share", fmax(0, p->capacity_bytes - p->weights_bytes - p->kv_bytes -
									      p->state_bytes - p->activation_bytes - p->reserved_bytes) };
	o->memory = rows;
	o->memory_count = n;
	return true;
}

/* Operators of both pools in one table; host time is what the replicas were busy beyond their devices' work. */
static bool fill_operators(struct filling *f, struct iteration_account *total)
{
	const struct sim *sim = f->sim;
	struct operator_row *rows;
	size_t n = 0, capacity = 1;
	double busy = 0;

	*total = (struct iteration_account){ 0 };
	for (int p = 0; p < sim->pool_count; p++)
		for (int s = 0; s < iteration_stages(sim->pools[p].iteration); s++)
			capacity += iteration_graph(sim->pools[p].iteration, s)->count;
	rows = arena_alloc(f->arena, capacity * sizeof(*rows));
	if (!rows)
		return err_memory(f->err);
	for (int p = 0; p < sim->pool_count; p++) {
		struct iteration_account a;

		if (!iteration_account(sim->pools[p].iteration, &a, f->arena, f->err))
			return false;
		for (size_t i = 0; i < a.row_count; i++)
			rows[n++] = a.rows[i];
		total->device_s += a.device_s;
		total->busy_j += (a.busy_j - a.device_s * energy_idle_w(sim->compiled.device)) * (double)sim->plans[p].devices /
				 iteration_stages(sim->pools[p].iteration);
		/* FLOPs and bytes: of all devices, for power and utilisation. */
		total->flops += a.flops * (double)sim->plans[p].devices / iteration_stages(sim->pools[p].iteration);
		total->bytes += a.bytes * (double)sim->plans[p].devices / iteration_stages(sim->pools[p].iteration);
		for (int k = 0; k < PROVIDER_COUNT; k++)
			total->provider_s[k] += a.provider_s[k];
		total->error_s += a.error_s;
		total->extrapolated_s += a.extrapolated_s;
	}
	for (int32_t i = 0; i < sim->replica_count; i++)
		busy += sim->replicas[i].busy_s;
	if (sim->pools[0].limits.lanes == 1 && busy > total->device_s * (1 + 1e-9)) {
		rows[n++] = (struct operator_row){ .label = "host (visible)", .kind = "host", .bound = "host", .provider = "fitted",
						   .seconds = busy - total->device_s, .calls = (double)sim->iterations };
		for (size_t i = 0; i < n; i++)
			rows[i].share = rows[i].seconds / busy;
		for (size_t i = n - 1; i > 0 && rows[i].seconds > rows[i - 1].seconds; i--) {
			struct operator_row r = rows[i];

			rows[i] = rows[i - 1];
			rows[i - 1] = r;
		}
	}
	f->out->operators = rows;
	f->out->operator_count = n;
	return true;
}

static void fill_use(struct filling *f, const struct iteration_account *a)
{
	const struct sim *sim = f->sim;
	const struct device *d = sim->compiled.device;
	struct result *o = f->out;
	enum dtype dtype = sim->plans[0].place.weights;
	double seconds = clock_s(o), devices = (double)o->devices, device_s = a->device_s > 0 ? a->device_s : 1e-300, watts;
	struct price_options none = { .pue = 1 };

	o->peak_flop_s = device_peak(d, dtype, NULL);
	o->bandwidth_bytes_s = device_bandwidth(d);
	o->mfu = a->flops / (devices * seconds * o->peak_flop_s);
	o->mbu = a->bytes / (devices * seconds * o->bandwidth_bytes_s);
	/* busy_j is what operators add to idling, over all devices. */
	watts = seconds > 0 ? energy_idle_w(d) + a->busy_j / (devices * seconds) : energy_idle_w(d);
	o->joules = devices * watts * seconds * sim->sc->price.pue;
	o->system_power_w = devices * price_wall_w(sim->compiled.system, &none, watts);
	o->mean_power_w = o->duration_s > 0 ? o->joules / o->duration_s : 0;
	o->joules_per_output_token = o->output_tokens > 0 ? o->joules / o->output_tokens : 0;
	o->share_measured = a->provider_s[PROVIDER_MEASURED] / device_s;
	o->share_fitted = a->provider_s[PROVIDER_FITTED] / device_s;
	o->share_analytic = a->provider_s[PROVIDER_ANALYTIC] / device_s;
	o->expected_rel_error = a->error_s / device_s;
	o->extrapolated_share = a->extrapolated_s / device_s;
}

static void fill_cost(struct filling *f)
{
	struct result *o = f->out;
	struct money money;

	money_per_hour(f->sim->sc, f->sim->compiled.system, (double)o->devices, &money, f->arena);
	o->usd_per_hour = money.usd_per_hour;
	o->price_kind = money.kind;
	o->usd = o->usd_per_hour * o->duration_s / 3600 + f->sim->sc->price.usd_per_kwh * o->joules / 3.6e6;
	o->usd_per_1m_output_tokens = o->output_tokens > 0 ? o->usd / o->output_tokens * 1e6 : NAN;
	o->usd_per_1m_tokens = o->output_tokens > 0 ? o->usd / (o->output_tokens + o->prompt_tokens) * 1e6 : NAN;
}

static bool fill_classes(struct filling *f)
{
	const struct metrics *m = &f->sim->metrics;
	struct result *o = f->out;
	struct class_row *rows;

	if (m->class_count == 0)
		return true;
	rows = arena_alloc(f->arena, m->class_count * sizeof(*rows));
	if (!rows)
		return err_memory(f->err);
	for (size_t i = 0; i < m->class_count; i++) {
		const struct class_metrics *c = &m->classes[i];
		const char *name = f->sim->sc->workload.classes[i].name;

		rows[i] = (struct class_row){ .name = name ? name : "", .requests = (double)c->requests, .completed = (double)c->completed,
					      .goodput_rps = m->has_slo ? (double)c->good / clock_s(o) : NAN };
		latency_dist(&c->ttft, &rows[i].ttft_s);
		latency_dist(&c->tpot, &rows[i].tpot_s);
		latency_dist(&c->e2e, &rows[i].e2e_s);
	}
	o->classes = rows;
	o->class_count = m->class_count;
	return true;
}

enum { REPLICAS_LISTED = 64 };

static bool fill_replicas(struct filling *f)
{
	const struct sim *sim = f->sim;
	int32_t n = sim->replica_count < REPLICAS_LISTED ? sim->replica_count : REPLICAS_LISTED;
	struct replica_row *rows = arena_alloc(f->arena, (size_t)n * sizeof(*rows));

	if (!rows)
		return err_memory(f->err);
	for (int32_t i = 0; i < n; i++) {
		const struct replica *r = &sim->replicas[i];

		rows[i] = (struct replica_row){ .replica = i, .requests = r->requests, .preemptions = r->batcher.preemptions,
						.busy_share = fmin(1, r->busy_s / clock_s(f->out) / r->pool->limits.lanes),
						.kv_peak = r->kv_peak, .pool = r->pool->name };
	}
	f->out->replica_rows = rows;
	f->out->replica_count = (size_t)n;
	return true;
}

static bool fill_slos(struct filling *f)
{
	static const struct { const char *statistic; size_t offset; } statistics[] = {
		{ "mean", offsetof(struct dist, mean) }, { "p50", offsetof(struct dist, p50) }, { "p90", offsetof(struct dist, p90) },
		{ "p95", offsetof(struct dist, p95) }, { "p99", offsetof(struct dist, p99) },
	};
	const struct { const char *metric; const struct dist *dist; } metrics[] = {
		{ "ttft", &f->out->ttft_s }, { "tpot", &f->out->tpot_s }, { "itl", &f->out->itl_s }, { "e2e", &f->out->e2e_s },
		{ "queue", &f->out->queue_s },
	};
	struct slo_row *rows = arena_alloc(f->arena, COUNT_OF(statistics) * COUNT_OF(metrics) * sizeof(*rows));
	struct str value = { 0 };
	size_t n = 0;

	if (!rows)
		return err_memory(f->err);
	f->out->slos_met = true;
	for (size_t k = 0; k < COUNT_OF(metrics); k++)
		for (size_t s = 0; s < COUNT_OF(statistics); s++) {
			const char *name = arena_printf(f->arena, "%s_%s", metrics[k].metric, statistics[s].statistic);
			char path[64];
			double got;

			snprintf(path, sizeof(path), "slo.%s_%s", metrics[k].metric, statistics[s].statistic);
			str_clear(&value);
			if (!name || !schema_get(&scenario_element, f->sim->sc, path, &value))
				continue;
			memcpy(&got, (const char *)metrics[k].dist + statistics[s].offset, sizeof(got));
			rows[n] = (struct slo_row){ .name = name, .value_s = got };
			text_to_double(str_text(&value), &rows[n].target_s);
			/* Nothing finished: nothing was met. */
			rows[n].met = got <= rows[n].target_s && f->out->completed > 0;
			f->out->slos_met &= rows[n].met;
			n++;
		}
	str_release(&value);
	f->out->slos = rows;
	f->out->slo_count = n;
	return true;
}

static bool fill_notes(struct filling *f)
{
	const struct sim *sim = f->sim;
	const struct compiled *c = &sim->compiled;
	struct result *o = f->out;
	const char **notes = arena_alloc(f->arena, (c->note_count + 24) * sizeof(*notes));
	struct source_counts counts;
	size_t n = 0;

	if (!notes)
		return err_memory(f->err);
	for (size_t i = 0; i < c->note_count; i++)
		notes[n++] = arena_strdup(f->arena, c->notes[i]);
	source_counts(sim->source, &counts);
	if (counts.rows_dropped > 0)
		for (int i = 0; i < counts.dropped_reasons && n < c->note_count + 18; i++)
			notes[n++] = arena_printf(f->arena, "%lld of %lld trace rows dropped: %s", (long long)counts.dropped[i].count,
						  (long long)counts.rows_read, counts.dropped[i].reason);
	if (sim->metrics.rejected > 0)
		notes[n++] = arena_printf(f->arena, "%lld requests refused: longer than the model's context or than the whole cache",
					  (long long)sim->metrics.rejected);
	if (sim->dropped_keys > 0)
		notes[n++] = arena_printf(f->arena, "%lld requests lost their prefix identity: their blocks are no multiple of the cache's",
					  (long long)sim->dropped_keys);
	if (o->extrapolated_share > 0.01)
		notes[n++] = arena_printf(f->arena, "%.0f %% of the device time is extrapolated beyond the measured tables",
					  100 * o->extrapolated_share);
	if (o->waiting_mean > 2 * o->running_mean && o->completed > 100)
		notes[n++] = "the queue outgrew the running batch: offered load is above capacity, latencies depend on the length of the run";
	o->notes = notes;
	o->note_count = n;
	notes = arena_alloc(f->arena, (c->not_modelled_count + 1) * sizeof(*notes));
	if (!notes)
		return err_memory(f->err);
	for (size_t i = 0; i < c->not_modelled_count; i++)
		notes[i] = arena_strdup(f->arena, c->not_modelled[i]);
	o->not_modelled = notes;
	o->not_modelled_count = c->not_modelled_count;
	return true;
}

bool sim_result(const struct sim *sim, struct arena *arena, struct result *out, struct err *err)
{
	struct filling f = { .sim = sim, .arena = arena, .out = out, .err = err };
	struct iteration_account account;
	struct rusage usage;

	*out = (struct result){ 0 };
	out->replicas = sim->replica_count;
	for (int p = 0; p < sim->pool_count; p++)
		out->devices += sim->plans[p].devices * sim->pools[p].count;
	fill_traffic(&f);
	fill_batches(&f);
	if (!cost_model_sound(sim->compiled.costs, err) || !fill_scenario(&f) || !fill_memory(&f) || !fill_series(&f) || !fill_operators(&f, &account) || !fill_classes(&f) ||
	    !fill_replicas(&f) || !fill_slos(&f))
		return false;
	fill_use(&f, &account);
	fill_cost(&f);
	fill_title(&f);
	if (!fill_notes(&f) || !compile_hash(sim->sc, &sim->compiled, out->scenario_hash, err))
		return false;
	out->wall_s = sim->wall_s;
	out->events = (double)sim->events_done;
	out->requests_per_s = sim->wall_s > 0 ? (double)sim->metrics.completed / sim->wall_s : 0;
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		out->peak_rss_bytes = 1024.0 * (double)usage.ru_maxrss;
	return true;
}
