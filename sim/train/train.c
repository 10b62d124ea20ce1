#include "sim/train/train.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/str.h"
#include "hardware/energy.h"
#include "hardware/price.h"
#include "models/prediction.h"
#include "models/scaling_law.h"
#include "sim/train/failures.h"
#include "sim/train/finish.h"
#include "sim/train/stage.h"

/* Storage that checkpoints go to: 2 TB/s over 16,384 devices (Llama 3, arXiv 2407.21783, section 3.3.1). */
static const double STORAGE_BYTES_S = 0.12e9;
struct run {
	const struct train_setup *s;
	struct train_chunk *chunks;
	struct chunk_time *times;
	double *slow;
	struct pipeline_result pipeline;
	struct train_span *spans;
	size_t span_count, span_room;
	struct training_parameters *parameters;        /* a stage */
	struct train_end end;
};

static void keep_span(void *ctx, int rank, enum pass kind, int chunk, int micro, double start_s, double end_s)
{
	struct run *r = ctx;

	if (r->span_count < r->span_room)
		r->spans[r->span_count++] = (struct train_span){ rank, (int)kind, chunk, micro, start_s, end_s };
}

static bool pipeline(struct run *r, const struct train_wishes *wishes, struct arena *arena, struct err *err)
{
	const struct train_setup *s = r->s;
	int chunks = (int)s->graph.place.pp;
	struct pipeline_options o = { .schedule = s->schedule, .ranks = (int)s->pp, .chunks_a_rank = (int)s->vp, .micros = (int)s->micros,
				      .overlap = s->memory.zero >= 3 ? 0 : s->dp_overlap, .contention = s->parts->stack->contention };

	r->times = arena_alloc(arena, (size_t)chunks * sizeof(*r->times));
	if (!r->times)
		return err_memory(err);
	for (int c = 0; c < chunks; c++)
		r->times[c] = r->chunks[c].time;
	o.chunks = r->times;
	if (wishes && wishes->spans) {
		r->span_room = (size_t)(s->pp * s->vp * s->micros) * PASS_COUNT + (size_t)(s->pp * s->vp);
		if (r->span_room > 2000000)
			r->span_room = 2000000;
		r->spans = arena_alloc(arena, r->span_room * sizeof(*r->spans));
		if (!r->spans)
			return err_memory(err);
		o.span = keep_span, o.ctx = r;
	}
	return pipeline_run(&o, &r->pipeline, err);
}

static bool parameters(struct run *r, struct arena *arena, struct err *err)
{
	const struct train_setup *s = r->s;

	r->parameters = arena_alloc(arena, (size_t)s->pp * sizeof(*r->parameters));
	if (!r->parameters)
		return err_memory(err);
	for (int stage = 0; stage < s->pp; stage++)
		if (!training_parameters(&s->memory, stage, &r->parameters[stage], err))
			return false;
	return true;
}

/* The fullest stage, with as many micro-batches in flight as the simulated pipeline held. */
static void memory(const struct run *r, struct train_memory_row *out)
{
	const struct train_setup *s = r->s;

	*out = (struct train_memory_row){ .capacity_bytes = device_memory_bytes(s->parts->device), .host_capacity_bytes = train_host_capacity(s) };
	for (int stage = 0; stage < s->pp; stage++) {
		struct training_activations held;
		const struct training_parameters *n = &r->parameters[stage];
		struct training_memory m;
		double host;

		training_activations(&s->memory, stage, &held);
		train_stage_memory(s, stage, r->pipeline.in_flight, r->parameters, &held, &m);
		host = fmax(out->host_bytes, m.host_bytes);
		if (m.peak_bytes > out->peak_bytes)
			*out = (struct train_memory_row){
				.weights = m.weights, .gradients = m.gradients, .optimizer = m.optimizer, .activations = m.activations, .buffers = m.buffers,
				.peak_bytes = m.peak_bytes, .capacity_bytes = out->capacity_bytes, .host_capacity_bytes = out->host_capacity_bytes,
				.layer_states = (m.weights + m.gradients + m.optimizer) * (1 - n->ends / (n->dense + n->expert)),
			};
		out->host_bytes = host, out->last_peak_bytes = m.peak_bytes;
	}
}

static bool fits(const struct train_setup *s, const struct train_memory_row *m, struct err *err)
{
	static const char *const names[] = { "weights", "gradients", "optimizer state", "activations" };
	const double parts[] = { m->weights, m->gradients, m->optimizer, m->activations };
	size_t most = 0;
	char over[32], part[32];

	if (m->host_bytes > m->host_capacity_bytes)
		return err_set(err, ERR_INPUT, "%s: what is kept in host memory is %s a device; its share of the host is %s", s->parts->model->name,
			       human_bytes(over, m->host_bytes), human_bytes(part, m->host_capacity_bytes));
	if (m->peak_bytes <= m->capacity_bytes)
		return true;
	for (size_t i = 1; i < COUNT_OF(parts); i++)
		if (parts[i] > parts[most])
			most = i;
	return err_set(err, ERR_INPUT, "%s does not fit on %lld x %s (tp=%lld pp=%lld cp=%lld ep=%lld dp=%lld zero=%d): %.0f bytes (%s) too many on a device, mostly %s (%s)",
		       s->parts->model->name, (long long)s->devices, s->parts->device->name, (long long)s->tp, (long long)s->pp, (long long)s->cp,
		       (long long)s->ep, (long long)s->dp, s->memory.zero, m->peak_bytes - m->capacity_bytes, human_bytes(over, m->peak_bytes - m->capacity_bytes),
		       names[most], human_bytes(part, parts[most]));
}

/* The step's end: clipping, the optimizer, weights gathered for the next forward pass. */
static void finish(struct run *r)
{
	const struct train_setup *s = r->s;

	for (int stage = 0; stage < s->pp; stage++) {
		double gather = 0, forward = 0;

		for (int c = stage; c < (int)s->graph.place.pp; c += (int)s->pp)
			gather += r->chunks[c].gather_step_s, forward += r->chunks[c].time.pass_s[PASS_FORWARD];
		train_end_add(s, &r->parameters[stage], gather, forward, &r->end);
	}
}

/* (query, key) pairs that one sequence attends to, summed over the layers from `first` on and heads times the head's width: causal
 * and full. */
static void attention_pairs(const struct model *m, int64_t first, int64_t sequence, double *causal, double *full)
{
	*causal = *full = 0;
	for (int64_t i = first; i < m->shape.layers; i++) {
		struct layer l;
		double n = (double)sequence, w, width;

		model_layer(m, i, &l);
		if (l.mixer != MIXER_ATTENTION && l.mixer != MIXER_MLA)
			continue;
		w = l.window > 0 && l.window < sequence ? (double)l.window : n;
		width = (double)l.heads * (double)(l.head_dim + (l.v_head_dim > 0 ? l.v_head_dim : l.head_dim));
		*causal += width * (w < n ? n * w - w * w / 2 : n * n / 2);
		*full += width * n * w;
	}
}

/* Modules of multi-token prediction are trained like the model, and counted with it (as Megatron-Core does). */
static void add_predictions(const struct train_setup *s, double *multiplied, double *causal, double *full)
{
	const struct model *m = s->parts->model;
	double modules = (double)s->graph.predictions, own, products, pairs, all_pairs;

	prediction_parameters(m, &own, &products);
	attention_pairs(m, m->shape.layers - 1, s->job->batch.sequence, &pairs, &all_pairs);
	*multiplied += modules * products, *causal += modules * pairs, *full += modules * all_pairs;
}

static void model_flops(const struct train_setup *s, struct train_result *out)
{
	struct model_counts c;
	double tokens = (double)(s->job->batch.global * s->job->batch.sequence), causal, full, products;
	double passes = s->graph.frozen ? 4 + 2 * s->graph.trainable : 6;

	model_parameters(s->parts->model, &c);
	attention_pairs(s->parts->model, 0, s->job->batch.sequence, &causal, &full);
	add_predictions(s, &c.multiplied, &causal, &full);
	products = passes * c.multiplied * tokens;
	/* Two products a pair forward, twice that backward. */
	out->model_flops_step = products + 6 * causal * (double)s->job->batch.global;
	out->tflops_6n = products / out->step_s / (double)s->devices / 1e12;
	out->tflops_full = (products + 6 * full * (double)s->job->batch.global) / out->step_s / (double)s->devices / 1e12;
}

static void breakdown(const struct run *r, struct train_result *out)
{
	const struct train_setup *s = r->s;
	struct train_breakdown *b = &out->breakdown;
	int busiest = 0;
	double most = -1, used, m = (double)s->micros;

	for (int stage = 0; stage < s->pp; stage++) {
		double busy = 0;

		for (int c = stage; c < (int)s->graph.place.pp; c += (int)s->pp)
			for (int p = 0; p < PASS_COUNT; p++)
				busy += r->times[c].pass_s[p];
		if (busy > most)
			most = busy, busiest = stage;
	}
	if (s->schedule->chunks == CHUNKS_BOTH)
		m /= 2;
	for (int c = 0; c < (int)s->graph.place.pp; c++) {
		const struct train_account *a = &r->chunks[c].account;
		bool mine = s->schedule->chunks == CHUNKS_ROUND ? c % (int)s->pp == busiest : schedule_rank(s->schedule, c, (int)s->pp) == busiest;

		if (s->schedule->chunks == CHUNKS_BOTH)
			mine = c == busiest || c == (int)s->pp - 1 - busiest;
		if (!mine)
			continue;
		for (int p = 0; p < PHASE_COUNT; p++) {
			double *into = p == PHASE_RECOMPUTE ? &b->recompute : &b->compute;

			*into += m * (a->part_s[p][PART_GEMM] + a->part_s[p][PART_ATTENTION] + a->part_s[p][PART_ELEMENTWISE]);
			b->tp_comm += m * a->part_s[p][PART_TP_COMM];
			b->ep_comm += m * a->part_s[p][PART_EP_COMM];
			b->cp_comm += m * a->part_s[p][PART_CP_COMM];
		}
		b->host += m * a->host_s;
		b->dp_comm += m * a->gather_s;
		b->offload += m * a->offload_s;
	}
	used = b->compute + b->recompute + b->tp_comm + b->ep_comm + b->cp_comm + b->host + b->dp_comm + b->offload;
	b->pp_bubble = fmax(0, r->pipeline.arithmetic_s - used);
	b->dp_comm += r->pipeline.exposed_reduce_s + r->end.gather_s;
	b->optimizer = r->end.optimizer_s;
	b->data = train_data_s(s);
	b->host += s->parts->stack->step_s;
	b->straggler = out->step_s * (1 - 1 / train_slowest(s));
}

static void rates(const struct run *r, struct train_result *out)
{
	const struct train_setup *s = r->s;
	const struct device *d = s->parts->device;
	double flops = 0, bytes = 0, error = 0, all = 0, provider[PROVIDER_COUNT] = { 0 }, busy, joules;
	enum dtype products = s->graph.place.weights;

	for (int c = 0; c < (int)s->graph.place.pp; c++) {
		const struct train_account *a = &r->chunks[c].account;

		flops += a->flops * (double)s->micros, bytes += a->bytes * (double)s->micros;
		error += a->error_s;
		for (int p = 0; p < PROVIDER_COUNT; p++)
			provider[p] += a->provider_s[p], all += a->provider_s[p];
	}
	flops /= (double)s->pp, bytes /= (double)s->pp;
	out->hardware_flops_step = flops * (double)s->devices;
	out->tokens_per_step = (double)(s->job->batch.global * s->job->batch.sequence);
	out->tokens_per_s = out->tokens_per_step / out->step_s;
	out->tokens_per_s_device = out->tokens_per_s / (double)s->devices;
	out->samples_per_s = (double)s->job->batch.global / out->step_s;
	model_flops(s, out);
	out->peak_flop_s = device_peak(d, products, &products);
	out->peak_format = dtype_names[products];
	out->tflops_per_device = out->model_flops_step / out->step_s / (double)s->devices / 1e12;
	out->hardware_tflops_per_device = flops / out->step_s / 1e12;
	out->mfu = out->tflops_per_device * 1e12 / out->peak_flop_s;
	out->hfu = out->hardware_tflops_per_device * 1e12 / out->peak_flop_s;
	out->expected_rel_error = all > 0 ? error / all : 0;
	out->step_low_s = out->step_s * (1 - fmin(out->expected_rel_error, 0.99)), out->step_high_s = out->step_s * (1 + out->expected_rel_error);
	out->share_measured = all > 0 ? provider[PROVIDER_MEASURED] / all : 0;
	out->share_fitted = all > 0 ? provider[PROVIDER_FITTED] / all : 0;
	out->share_analytic = all > 0 ? provider[PROVIDER_ANALYTIC] / all : 0;
	busy = fmin(out->step_s, out->breakdown.compute + out->breakdown.recompute + out->breakdown.optimizer);
	joules = energy_joules(d, out->step_s, busy, flops, s->graph.place.weights, bytes);
	out->mean_power_w = price_wall_w(s->parts->system, &(struct price_options){ .pue = s->job->price.pue }, joules / out->step_s) * (double)s->devices;
}

bool train_layout_run(const struct job *job, const struct train_parts *parts, const struct train_wishes *wishes, struct train_result *out,
		      struct arena *arena, struct err *err)
{
	struct train_setup s;
	struct run r = { .s = &s };

	*out = (struct train_result){ 0 };
	if (!train_setup(job, parts, &s, err))
		return false;
	r.chunks = arena_alloc(arena, (size_t)s.graph.place.pp * sizeof(*r.chunks));
	if (!r.chunks)
		return err_memory(err);
	if (!train_price_chunks(&s, r.chunks, arena, err) || !pipeline(&r, wishes, arena, err) || !parameters(&r, arena, err))
		return false;
	memory(&r, &out->memory);
	if (!(wishes && wishes->any_memory) && !fits(&s, &out->memory, err))
		return false;
	finish(&r);
	out->step_s = train_step_s(&s, r.pipeline.seconds, &r.end);
	breakdown(&r, out);
	rates(&r, out);
	out->devices = s.devices, out->tp = s.tp, out->pp = s.pp, out->vp = s.vp, out->cp = s.cp, out->ep = s.ep, out->dp = s.dp;
	out->zero = s.memory.zero, out->micros = s.micros, out->global_batch = job->batch.global, out->micro_batch = job->batch.micro;
	out->sequence = job->batch.sequence;
	out->model = parts->model->name, out->device = parts->device->name, out->system = parts->system->name, out->stack = parts->stack->name;
	out->schedule = s.schedule->name, out->optimizer = parts->optimizer->name;
	out->spans = r.spans, out->span_count = r.span_count, out->events = (double)r.pipeline.events;
	return true;
}

/* Tokens of the whole job: as said, or what the scaling law asks for to reach a loss, more near the critical batch. */
static bool tokens_of(const struct job *job, const struct train_parts *parts, struct train_result *out, struct err *err)
{
	const struct model *m = parts->model;
	struct convergence_change change;
	double seen;
	const struct scaling_law *law = scaling_law_require(job->batch.law, err);
	struct model_counts c;
	double n;

	if (!law)
		return false;
	model_parameters(m, &c);
	n = c.active;
	out->tokens = job->batch.tokens;
	if (isnan(out->tokens) && job->batch.target_loss > 0) {
		out->tokens = scaling_tokens_to_loss(law, n, job->batch.target_loss);
		if (!isfinite(out->tokens))
			return err_set(err, ERR_INPUT, "batch.target_loss=%g: %s with %.3g parameters never reaches it (%s)", job->batch.target_loss, m->name, n, law->name);
		if (job->batch.critical_batch_tokens > 0)
			out->tokens *= scaling_batch_penalty(out->tokens_per_step, job->batch.critical_batch_tokens);
	}
	convergence_change_init(&change, m, out->tokens);
	if (!isnan(out->tokens) && !technique_convergence(&parts->techniques, &change, err))
		return false;
	/* A job with a target needs fewer tokens; one with a number of tokens gets further. */
	if (job->batch.target_loss > 0 && isnan(job->batch.tokens))
		out->tokens *= change.tokens_factor;
	seen = change.tokens_factor > 0 ? out->tokens / change.tokens_factor : out->tokens;
	out->loss = isnan(seen) ? NAN : scaling_loss_repeated(law, n, seen, isnan(job->batch.unique_tokens) ? 0 : job->batch.unique_tokens);
	out->steps = isnan(out->tokens) ? NAN : ceil(out->tokens / out->tokens_per_step + change.extra_flops / out->model_flops_step);
	return true;
}

static void reliability(const struct job *job, const struct train_parts *parts, struct train_result *out)
{
	struct train_reliability *r = &out->reliability;
	struct model_counts c;
	double module, multiplied, weights;
	struct failure_model f;
	struct failure_trials t;
	double work = isnan(out->steps) ? NAN : out->steps * out->step_s, storage = job->run.checkpoint_bytes_s;

	model_parameters(parts->model, &c);
	/* 16-bit weights, master copy and state. */
	prediction_parameters(parts->model, &module, &multiplied);
	weights = c.total + (double)job->model.predictions * module;
	r->checkpoint_bytes = weights * (2 + (parts->optimizer->master ? 4 : 0)) + parts->optimizer->state_bytes(1, weights);
	if (isnan(storage))
		storage = STORAGE_BYTES_S * (double)out->devices;
	r->checkpoint_s = r->checkpoint_bytes / storage;
	if (job->run.checkpoint_async) {       /* the copy to host memory alone */
		double link = parts->system->host_link.bytes_s > 0 ? parts->system->host_link.bytes_s : 15.5e9;

		r->checkpoint_s = fmin(r->checkpoint_s, r->checkpoint_bytes / (double)out->devices / (link * 0.5) + 1);
	}
	r->recovery_s = job->run.recovery_s;
	r->mtbf_s = isnan(job->run.mtbf_h) ? INFINITY : job->run.mtbf_h * 3600 / (double)out->devices;
	f = (struct failure_model){ r->mtbf_s, r->checkpoint_s, isnan(job->run.checkpoint_interval_s) ? 0 : job->run.checkpoint_interval_s, r->recovery_s };
	r->interval_s = failure_interval(&f);
	r->closed_form = failure_effective(&f);
	failure_simulate(&f, isnan(work) ? 1000 * fmin(r->mtbf_s, 1e9) : work, job->run.trials, (uint64_t)job->seed, &t);
	r->effective = t.mean, r->effective_p5 = t.p5, r->effective_p95 = t.p95;
	r->failures = isnan(work) ? NAN : t.failures;
	r->hours_p5 = work / t.p95 / 3600, r->hours_p95 = work / t.p5 / 3600;
	out->hours = work / t.mean / 3600;
	out->device_hours = out->hours * (double)out->devices;
}

static bool money(const struct job *job, const struct train_parts *parts, struct train_result *out, struct arena *arena, struct err *err)
{
	struct price_options o = { .pue = job->price.pue };
	int kind = price_kind_parse(job->price.kind);
	struct price p;

	if (kind < 0)
		return err_set(err, ERR_INPUT, "price.kind=\"%s\": expected cloud, reserved, hyperscaler, neocloud or buy", job->price.kind);
	o.kind = (enum price_kind)kind;
	if (job->price.usd_per_device_hour > 0)
		o.usd_per_h = job->price.usd_per_device_hour;
	out->joules = out->mean_power_w * out->hours * 3600, out->kwh = out->joules / 3.6e6;
	out->joules_per_token = out->mean_power_w / out->tokens_per_s;
	if (!price_device(parts->system, &o, &p, NULL)) {
		out->usd = out->usd_per_hour = out->usd_per_1m_tokens = NAN;
		return true;
	}
	out->usd_per_hour = p.usd_per_h * (double)out->devices;
	out->usd = out->usd_per_hour * out->hours;
	out->usd_per_1m_tokens = out->usd_per_hour / 3600 / (out->tokens_per_s * out->reliability.effective) * 1e6;
	out->price_kind = o.usd_per_h > 0 ? "as given" : arena_printf(arena, "%s%s%s%s", price_kind_names[p.kind], p.substituted ? " (nearest known)" : "",
								     p.date ? ", " : "", p.date ? p.date : "");
	return true;
}

struct listing {
	struct key_value *at;
	size_t count, room;
	struct arena *arena;
};

static void list_value(const char *path, const struct field *field, const char *value, void *ctx)
{
	struct listing *l = ctx;

	(void)field;
	if (l->count < l->room)
		l->at[l->count++] = (struct key_value){ arena_strdup(l->arena, path), arena_strdup(l->arena, value) };
}

static bool inputs(const struct job *job, struct train_result *out, struct arena *arena, struct err *err)
{
	struct listing l = { arena_alloc(arena, 256 * sizeof(struct key_value)), 0, 256, arena };

	if (!l.at || !schema_each(&job_element, job, list_value, &l))
		return err_memory(err);
	out->scenario = l.at, out->scenario_count = l.count;
	return true;
}

static bool remarks(const struct job *job, const struct train_parts *parts, struct train_result *out, struct arena *arena, struct err *err)
{
	const char **notes = arena_alloc(arena, 8 * sizeof(*notes)), **without = arena_alloc(arena, 8 * sizeof(*without));

	if (!notes || !without)
		return err_memory(err);
	if (parts->device->status == DEVICE_ANNOUNCED)
		notes[out->note_count++] = arena_printf(arena, "device %s is announced, not shipping: its figures are the vendor's targets", parts->device->name);
	if (out->memory.peak_bytes > out->memory.capacity_bytes)
		notes[out->note_count++] = "does not fit into the memory of a device";
	if (job->batch.sequence > parts->model->shape.max_context && parts->model->shape.max_context > 0)
		notes[out->note_count++] = arena_printf(arena, "sequences of %lld tokens are longer than the model's context of %lld", (long long)job->batch.sequence,
							(long long)parts->model->shape.max_context);
	out->notes = notes, out->not_modelled = without;
	return true;
}

bool train_run(const struct job *job, const struct train_wishes *wishes, struct train_result *out, struct arena *arena, struct err *err)
{
	struct train_parts parts;
	double began = now_s();
	bool ok;

	ok = train_parts_load(job, &parts, arena, err) && train_layout_run(job, &parts, wishes, out, arena, err) &&
	     tokens_of(job, &parts, out, err) && cost_model_sound(parts.costs, err) && cost_model_sound(parts.between_nodes, err) &&
	     (!parts.sister || cost_model_sound(parts.sister, err));
	if (ok) {
		reliability(job, &parts, out);
		ok = money(job, &parts, out, arena, err) && inputs(job, out, arena, err) && remarks(job, &parts, out, arena, err) &&
		     job_hash(job, &parts, "vibee-sim train 2", out->scenario_hash, err);
		memcpy(out->run_id, out->scenario_hash, sizeof(out->run_id));
		out->title = job->title ? job->title :
			arena_printf(arena, "%s on %lld x %s, %s", out->model, (long long)out->devices, out->device, out->stack);
	}
	train_parts_release(&parts);
	out->wall_s = now_s() - began;
	return ok;
}
