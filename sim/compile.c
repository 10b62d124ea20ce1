#include "sim/compile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "sim/compile_scale.h"
#include "sim/compile_techniques.h"
#include "sim/spread.h"

static bool push(const char ***list, size_t *count, size_t *capacity, const char *text, struct arena *arena)
{
	if (*count == *capacity) {
		size_t n = *capacity ? 2 * *capacity : 8;
		const char **grown = arena_alloc(arena, n * sizeof(*grown));

		if (!grown)
			return false;
		if (*count)
			memcpy(grown, *list, *count * sizeof(*grown));
		*list = grown;
		*capacity = n;
	}
	(*list)[(*count)++] = text;
	return true;
}

void compiled_note(struct compiled *c, struct arena *arena, const char *text)
{
	if (text && !push(&c->notes, &c->note_count, &c->note_capacity, text, arena))
		return;                /* a note is lost when memory is: the run itself will say so */
}

static void not_modelled(struct compiled *c, struct arena *arena, const char *text)
{
	if (!push(&c->not_modelled, &c->not_modelled_count, &c->not_modelled_capacity, text, arena))
		return;
}

static bool load_hardware(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err)
{
	const struct scenario_hardware *h = &sc->hardware;

	if (h->system) {
		c->system = cached_system(c->cache, h->system, arena, err);
		if (!c->system)
			return false;
		c->device = c->system->device;
		if (h->device) {
			const struct device *asked = device_load_usable(h->device, arena, err);

			if (!asked)
				return false;
			if (!text_equal(asked->name, c->device->name))
				return err_set(err, ERR_INPUT, "device '%s' in system '%s': that system is made of '%s'", h->device, h->system,
					       c->device->name);
		}
		if (!c->device->simulatable)
			return err_set(err, ERR_INPUT, "device '%s' cannot be simulated: %s", c->device->name, c->device->reason);
		return true;
	}
	c->device = cached_device(c->cache, h->device ? h->device : "h100", arena, err);
	c->system = c->device ? cached_plain_system(c->cache, c->device, arena, err) : NULL;
	return c->system != NULL;
}

static bool check_host_overhead(const char *text, struct err *err)
{
	double v;

	if (text_equal(text, "default") || text_equal(text, "none") || (text_to_double(text, &v) && v >= 0))
		return true;
	return err_set(err, ERR_INPUT, "host_overhead \"%s\": expected default, none or seconds a step", text);
}

static bool check_format(const char *text, struct err *err)
{
	return !text || dtype_parse(text) >= 0 || err_set(err, ERR_INPUT, "gate_up_dtype \"%s\": expected a number format, such as fp4", text);
}

static int parse_provider(const char *text, struct err *err)
{
	for (int i = 0; i < PROVIDER_COUNT; i++)
		if (text_equal(provider_names[i], text))
			return i;
	err_set(err, ERR_INPUT, "provider \"%s\": expected measured, fitted or analytic", text);
	return -1;
}

/* Settings that this scheduler does not look at are said, not swallowed. */
static void list_not_modelled(const struct scenario *sc, struct compiled *c, struct arena *arena)
{
	const struct scenario_scheduler *s = &sc->scheduler;
	bool is_vllm = text_starts(c->scheduler->name, "vllm") || text_equal(c->scheduler->name, "priority");

	if (s->long_prefill_threshold > 0 && !(is_vllm && !text_equal(c->scheduler->name, "vllm-v0")))
		not_modelled(c, arena, "scheduler.long_prefill_threshold: only vllm and priority have it");
	if (s->preemption == 2 && !text_equal(c->scheduler->name, "vllm-v0"))
		not_modelled(c, arena, "scheduler.preemption=swap: only vllm-v0 swaps; sequences are recomputed");
	if (s->chunked_prefill == 1 && c->scheduler->chunking == CHUNKING_NEVER)
		not_modelled(c, arena, "scheduler.chunked_prefill=yes: this policy never splits a prompt");
	if (s->chunked_prefill == 2 && c->scheduler->chunking == CHUNKING_ALWAYS)
		not_modelled(c, arena, "scheduler.chunked_prefill=no: this policy always splits long prompts");
	if (s->order > ORDER_FCFS && !text_equal(c->scheduler->name, "sglang") && s->order != ORDER_PRIORITY)
		not_modelled(c, arena, "scheduler.order: only sglang reorders its queue");
	if (s->order == ORDER_RANDOM)
		not_modelled(c, arena, "scheduler.order=random: queue is first come, first served");
	if (s->conservativeness != 1 && !text_equal(c->scheduler->name, "sglang"))
		not_modelled(c, arena, "scheduler.conservativeness: only sglang has it");
	if (s->recv_interval > 1 && !text_equal(c->scheduler->name, "sglang") && !text_equal(c->scheduler->name, "vllm-v0"))
		not_modelled(c, arena, "scheduler.recv_interval: only sglang and vllm-v0 have it");
	if (s->balance_timeout > 0 && !text_starts(c->scheduler->name, "trtllm"))
		not_modelled(c, arena, "scheduler.balance_timeout: only trtllm has it");
	if (sc->offload.disk_bytes > 0 && sc->offload.host_bytes == 0)
		not_modelled(c, arena, "offload.disk_gb: the disk stands behind offload.host_gb, which is 0");
	if (sc->workload.adapters > 0)
		not_modelled(c, arena, "workload adapters: requests run on the base model");
	if (sc->deployment.dp_attention > 1)
		not_modelled(c, arena, "dp_attention: prompts are dealt out evenly to the ranks, one queue feeds them");
}

/* Ranks whose heads do not come out even are priced as padded to the largest; most engines refuse such a degree. */
static void note_uneven_heads(const struct scenario *sc, struct compiled *c, struct arena *arena)
{
	int64_t heads = c->model->attention.heads, tp = sc->deployment.tp;

	if (heads > 0 && tp > 1 && heads % tp != 0)
		compiled_note(c, arena, arena_printf(arena, "tp=%lld does not divide %lld heads: every rank is priced with %lld; vLLM, SGLang and TensorRT-LLM refuse this",
						     (long long)tp, (long long)heads, (long long)((heads + tp - 1) / tp)));
}

static void list_notes(const struct scenario *sc, struct compiled *c, struct arena *arena)
{
	note_uneven_heads(sc, c, arena);
	if (c->acceptance.depth > 0)
		compiled_note(c, arena, arena_printf(arena, "speculation in expectation: a pass verifies %lld tokens of a sequence and yields %.2f; gaps between tokens are means",
						     (long long)c->acceptance.verified, acceptance_tokens(&c->acceptance)));
	if (c->device->status == DEVICE_ANNOUNCED)
		compiled_note(c, arena, arena_printf(arena, "device %s is announced, not shipping: its figures are the vendor's targets", c->device->name));
	for (size_t i = 0; i < c->model->note_count; i++)
		compiled_note(c, arena, c->model->notes[i]);
}

/* Devices with software of their own (a compiler that runs the token loop) have its host time, not the scheduler's. */
static const char *stack_name(const struct scenario *sc, const struct compiled *c)
{
	if (sc->hardware.stack)
		return sc->hardware.stack;
	return c->device->execution.stack ? c->device->execution.stack : c->scheduler->stack;
}

/* A correction speaks for the device that it was fitted on, and every report says that it was applied. */
static bool load_correction(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err)
{
	const struct correction *k = c->correction = correction_load(sc->hardware.correction, arena, err);

	if (!k)
		return false;
	if (!text_equal(k->device, c->device->name))
		return err_set(err, ERR_INPUT, "correction '%s' was fitted on device '%s'; expected it with that device, not '%s'", k->name, k->device,
			       c->device->name);
	compiled_note(c, arena, arena_printf(arena, "correction '%s' applied: operator times x %.4g, %.4g us more a step, %.4g us more a request (fitted to %s)",
					     k->name, k->time_scale, 1e6 * k->step_s, 1e6 * k->request_s, k->source ? k->source : "own measurements"));
	return true;
}

static double time_scale(const struct scenario *sc, const struct compiled *c)
{
	return (c->correction ? c->correction->time_scale : 1) * (sc->time_scale > 0 ? sc->time_scale : 1);
}

bool compile_scenario(const struct scenario *asked, struct compiled *out, struct arena *arena, struct err *err)
{
	return compile_scenario_cached(asked, NULL, out, arena, err);
}

/* The cost model of the cache, where every part is as in the catalog; else one of its own. */
static bool load_costs(struct compiled *c, const struct cost_options *options, struct err *err)
{
	struct err own = { 0 };

	c->costs = cached_costs(c->cache, options, &own);
	if (own.kind != ERR_NONE)
		return err_set(err, own.kind, "%s", own.text);
	c->owns_costs = !c->costs;
	if (!c->costs)
		c->costs = cost_model_new(options, err);
	return c->costs != NULL;
}

bool compile_scenario_cached(const struct scenario *asked, struct catalog_cache *cache, struct compiled *out, struct arena *arena,
			     struct err *err)
{
	struct cost_options options = { 0 };
	const struct scenario *sc;
	int provider;

	*out = (struct compiled){ .cache = cache };
	if (!compile_techniques(asked, out, arena, err))
		return false;
	sc = out->scenario;
	out->scheduler = scheduler_require(sc->scheduler.name, err);
	provider = out->scheduler ? parse_provider(sc->hardware.provider, err) : -1;
	if (provider < 0 || !check_host_overhead(sc->hardware.host_overhead, err) || !check_format(sc->model.gate_up_dtype, err))
		return false;
	if (!load_hardware(sc, out, arena, err) || !technique_changed_hardware(&out->techniques, &out->device, &out->system, arena, err) ||
	    !compile_scale(sc, out, arena, err))
		return false;
	out->model = cached_model(cache, sc->model.name, arena, err);
	if (!out->model || !technique_changed_model(&out->techniques, &out->model, arena, err) || !technique_acceptance(&out->techniques, &out->acceptance, err))
		return false;
	out->stack = out->model ? cached_stack(cache, stack_name(sc, out), arena, err) : NULL;
	if (!out->stack)
		return false;
	if (sc->hardware.correction && !load_correction(sc, out, arena, err))
		return false;
	options = (struct cost_options){ .time_scale = time_scale(sc, out), .system = out->system, .device = out->device, .stack = out->stack,
					 .best_provider = (enum provider)provider, .power_cap_w = sc->hardware.power_cap_w };
	if (!load_costs(out, &options, err))
		return false;
	list_not_modelled(sc, out, arena);
	list_notes(sc, out, arena);
	return true;
}

void compiled_release(struct compiled *c)
{
	if (c->owns_costs)
		cost_model_free(c->costs);
	c->costs = NULL;
}

static int64_t or_default(int64_t set, int64_t otherwise)
{
	return set > 0 ? set : otherwise;
}

/* Many small experts are picked as unevenly as those of DeepSeek-R1 were seen to be (NVIDIA's blog on scaling expert parallelism,
 * TensorRT-LLM docs/source/blogs/tech_blog/blog4, table 1: without a balancer the fullest of 32 ranks has 2.56 times the mean and
 * the fullest expert 11.9 times; popularity of rank^-0.6 has 2.4 and 12). Few large ones were trained to be even (Mixtral, arXiv 2401.04088, section 5; recalled).
 * Set with the vLLM runs of Mixtral in view: they do not validate it.
 * Where a token reaches fewer ranks than there are, engines even out the ranks' load with copies of popular experts (EPLB: SGLang's
 * docs/advanced_features/expert_parallelism.md, DeepSeek-V3 report section 3.4; TensorRT-LLM's moe_config.load_balancer). */
static double usual_skew(const struct model *m, int64_t ep)
{
	return m->moe.experts > 16 && ep <= m->moe.top_k ? 0.6 : 0;
}

static void place_pool(const struct scenario *sc, const struct compiled *c, bool prefill, struct placement *p)
{
	const struct scenario_deployment *d = &sc->deployment;
	const struct scenario_model *m = &sc->model;
	struct placement asked = {
		.tp = prefill ? or_default(d->prefill_tp, d->tp) : d->tp, .pp = prefill ? or_default(d->prefill_pp, d->pp) : d->pp,
		.ep = prefill ? or_default(d->prefill_ep, d->ep) : d->ep, .cp = d->cp,
		.dp_attention = prefill ? or_default(d->prefill_dp_attention, d->dp_attention) : d->dp_attention,
		.weights = (enum dtype)m->dtype, .experts = (enum dtype)m->expert_dtype, .attention = (enum dtype)m->attention_dtype, .router = (enum dtype)m->router_dtype,
		.gate_up = m->gate_up_dtype ? (enum dtype)dtype_parse(m->gate_up_dtype) : DTYPE_NONE, .head = (enum dtype)m->head_dtype, .kv = (enum dtype)m->kv_dtype, .activations = (enum dtype)m->activation_dtype,
		.routing_skew = isnan(m->routing_skew) ? usual_skew(c->model, prefill ? or_default(d->prefill_ep, d->ep) : d->ep) : m->routing_skew, .devices_per_node = (int)system_domain(c->system),
	};

	placement_resolve(c->model, &asked, p);
	/* Where tensor cores multiply 4-bit floats, engines run MXFP4 experts on them (times of NVFP4) instead of unpacking. */
	if (p->experts == DTYPE_MXFP4 && c->device->peak.flop_s[DTYPE_FP4] > 0)
		p->experts = DTYPE_FP4;
}

/* The policy's defaults for this device, then what the scenario says. */
static void settle(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, struct scheduler_defaults *d)
{
	const struct scenario_scheduler *s = &sc->scheduler;
	struct scheduler_host host = {
		.device_memory_bytes = device_memory_bytes(c->device), .device = c->device->name, .is_cpu = c->device->kind == DEVICE_CPU,
		.is_tpu = c->device->kind == DEVICE_TPU, .world = pool->devices, .max_context = c->model->shape.max_context,
		.offline = sc->workload.arrivals.kind == ARRIVAL_ALL_AT_ONCE && sc->workload.concurrency == 0,
	};

	if (s->max_model_len > 0)
		host.max_context = s->max_model_len;
	c->scheduler->defaults(&host, d);
	d->max_seqs = or_default(s->max_num_seqs, d->max_seqs);
	d->max_tokens = or_default(s->max_num_batched_tokens, d->max_tokens);
	d->block_tokens = or_default(s->block_size, d->block_tokens);
	if (!isnan(s->memory_utilization))
		d->memory_utilization = s->memory_utilization;
	if (!isnan(s->watermark))
		d->watermark = s->watermark;
	if (s->chunked_prefill)
		d->chunked = s->chunked_prefill == 1;
	if (c->scheduler->chunking != CHUNKING_ASKED)
		d->chunked = c->scheduler->chunking == CHUNKING_ALWAYS;
	if (s->prefix_caching)
		d->prefix_caching = s->prefix_caching == 1;
}

static double host_bytes_s(const struct scenario *sc, const struct compiled *c)
{
	if (!isnan(sc->offload.host_bytes_s))
		return sc->offload.host_bytes_s;
	return link_present(&c->device->host) ? c->device->host.bytes_s : 31e9;        /* PCIe 4.0 x16 */
}

static struct memory_limits limits_of(const struct compiled *c, const struct scheduler_defaults *d)
{
	struct memory_limits limits = { .capacity_bytes = device_memory_bytes(c->device), .utilization = d->memory_utilization,
					.max_batch_tokens = d->max_tokens, .max_seqs = d->max_seqs, .block_tokens = d->block_tokens,
					.techniques = &c->techniques };

	if (d->of_free) {
		limits.utilization = 1;
		limits.cache_share = d->memory_utilization;
	}
	/* The activation peak is that of the batches a server runs; an unlimited token budget is not one it would allocate. */
	if (limits.max_batch_tokens > 16384)
		limits.max_batch_tokens = 16384;
	spread_limits(c, &limits);
	return limits;
}

/* Where weights lie is part of the placement: operators are priced by it. */
static void place_weights(const struct compiled *c, struct compiled_pool *pool)
{
	struct memory_plan *m = &pool->memory;

	if (!(m->weights_bytes > 0))
		return;
	if (c->device->execution.cached_weights == CACHED_ALL && m->near_bytes < m->weights_bytes)
		m->near_bytes = 0;
	pool->place.weights_far = m->far_bytes / m->weights_bytes;
	pool->place.weights_near = fmin(m->near_bytes / m->weights_bytes, 1 - pool->place.weights_far);
}

static bool lay_out(const struct scenario *sc, const struct compiled *c, struct compiled_pool *pool, const struct scheduler_defaults *d,
		    struct err *err)
{
	struct memory_limits limits = limits_of(c, d);
	struct batcher_limits *l = &pool->limits;

	if (!memory_plan(c->model, &pool->place, &limits, &pool->memory, err)) {
		spread_advise(c, &limits, &pool->place, err);
		return false;
	}
	place_weights(c, pool);
	pool->kv_bytes_per_token = pool->memory.kv_bytes_per_token + pool->memory.window_bytes_per_token;
	l->kv_blocks = or_default(sc->scheduler.kv_blocks, pool->memory.kv_blocks);
	l->unpaged = pool->memory.kv_bytes_per_token <= 0;
	if (l->unpaged)
		l->reserve = RESERVE_TOTAL;
	/* Recurrent state is one per sequence: there are no blocks of it that two prompts could share (vLLM switches prefix
	 * caching off for such models, too). */
	if (pool->memory.state_bytes_per_seq > 0)
		l->prefix_caching = false;
	if (pool->memory.block_bytes > 0) {
		l->state_blocks = (pool->memory.state_bytes_per_seq + pool->memory.fixed_bytes_per_seq) / pool->memory.block_bytes;
		l->window_blocks_per_token = pool->memory.window_bytes_per_token / pool->memory.block_bytes;
		l->window_tokens = pool->memory.window_tokens;
	}
	if (c->acceptance.depth > 0 && !l->unpaged && !l->handoff)      /* slots for drafted tokens */
		l->state_blocks += (double)c->acceptance.lookahead / (double)d->block_tokens;
	l->watermark_blocks = (int64_t)ceil(d->watermark * (double)l->kv_blocks);
	if (sc->offload.host_bytes > 0 && pool->kv_bytes_per_token > 0)
	{
		double block = pool->kv_bytes_per_token * (double)d->block_tokens * (double)pool->devices;

		l->host_cache_blocks = (int64_t)(sc->offload.host_bytes / block);
		l->disk_cache_blocks = (int64_t)(sc->offload.disk_bytes / block);
	}
	return true;
}

/* Devices of the system that one replica may take; 0 when only a device was named. */
static bool spread_pool(const struct scenario *sc, const struct compiled *c, const struct scheduler_defaults *d, struct placement *p,
			struct err *err)
{
	int64_t replicas = sc->deployment.replicas + sc->deployment.prefill_replicas;
	int64_t available = sc->hardware.system && replicas > 0 ? system_devices(c->system) / replicas : 0;
	struct memory_limits limits = limits_of(c, d);

	return spread_place(c, &limits, available, p, err);
}

bool compile_pool(const struct scenario *sc, const struct compiled *c, bool prefill, struct compiled_pool *out, struct err *err)
{
	const struct scenario_scheduler *s = &sc->scheduler;
	struct batcher_limits *l = &out->limits;
	struct scheduler_defaults d;

	*out = (struct compiled_pool){ 0 };
	place_pool(sc, c, prefill, &out->place);
	out->devices = placement_devices(&out->place);
	settle(sc, c, out, &d);
	if (!spread_pool(sc, c, &d, &out->place, err) || !placement_check(c->model, &out->place, err))
		return false;
	if (placement_devices(&out->place) != out->devices) {
		out->devices = placement_devices(&out->place);
		settle(sc, c, out, &d);
	}
	if (d.max_tokens < d.max_seqs && d.chunked) {
		if (s->max_num_batched_tokens > 0 && s->max_num_seqs > 0)
			return err_set(err, ERR_INPUT, "max_num_batched_tokens=%lld: expected at least max_num_seqs=%lld", (long long)d.max_tokens,
				       (long long)d.max_seqs);
		if (s->max_num_seqs > 0)
			d.max_tokens = d.max_seqs;
		else
			d.max_seqs = d.max_tokens;
	}
	if (d.chunked && d.max_tokens < d.block_tokens)
		return err_set(err, ERR_INPUT, "max_num_batched_tokens=%lld: expected at least block_size=%lld, prompts are cut into whole blocks",
			       (long long)d.max_tokens, (long long)d.block_tokens);
	if (out->place.pp > LANES_MOST)
		return err_set(err, ERR_INPUT, "pp=%lld: expected at most %d", (long long)out->place.pp, LANES_MOST);
	/* Each attention rank has a scheduler of its own with these limits; one batcher stands for all of them. */
	/* Verification takes its tokens from the same budget: fewer sequences fit into a batch. */
	if (c->acceptance.depth > 0 && !prefill && d.max_tokens / c->acceptance.verified < d.max_seqs)
		d.max_seqs = d.max_tokens / c->acceptance.verified > 0 ? d.max_tokens / c->acceptance.verified : 1;
	d.max_seqs *= out->place.dp_attention;
	d.max_tokens *= out->place.dp_attention;
	*l = (struct batcher_limits){
		.decode_tokens = c->acceptance.depth > 0 && !prefill ? c->acceptance.verified : 1,
		.max_seqs = d.max_seqs, .max_tokens = d.max_tokens, .block_tokens = d.block_tokens, .max_model_len = s->max_model_len,
		.long_prefill_threshold = s->long_prefill_threshold, .max_waiting_iters = s->max_waiting_iters,
		.conservativeness = s->conservativeness, .recv_interval = s->recv_interval, .ranks = out->place.dp_attention,
		.balance_steps = prefill ? 0 : llround((double)s->balance_timeout * (c->acceptance.depth > 0 ? acceptance_tokens(&c->acceptance) : 1)), .chunked = d.chunked, .prefix_caching = d.prefix_caching,
		.swap = s->preemption == 2 && text_equal(c->scheduler->name, "vllm-v0"), .handoff = prefill,
		.order = s->order ? (enum wait_order)s->order : c->scheduler->order, .reserve = c->scheduler->reserve,
		.lanes = (int)out->place.pp, .wheel_bits = 12,
		.late = c->stack->overlap && !(c->acceptance.depth > 0 && c->acceptance.host_waits && !prefill) && out->place.pp == 1 && text_equal(sc->hardware.host_overhead, "default"),
	};
	if (l->max_model_len == 0 && c->model->shape.max_context > 0)
		l->max_model_len = c->model->shape.max_context;
	if (text_equal(c->scheduler->name, "orca") && s->max_model_len > 0)
		l->reserve_tokens = s->max_model_len;
	return lay_out(sc, c, out, &d, err);
}

static void stack_time(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, struct host_time *h)
{
	const struct stack *s = c->stack;
	double seconds;

	*h = (struct host_time){ .graph_max_tokens = sc->scheduler.graph_max_tokens > 0 ? sc->scheduler.graph_max_tokens : s->graph_max_tokens,
				 .graph_granularity = s->graph_granularity, .graph_fine_tokens = s->graph_fine_tokens, .graph_prefill = s->graph_prefill,
				 .beside_graph = s->graph_launch_share, .ranks = pool->place.dp_attention };
	if (text_equal(sc->hardware.host_overhead, "none"))
		return;
	if (text_to_double(sc->hardware.host_overhead, &seconds)) {
		h->step_s = seconds;
		return;
	}
	h->step_s = s->step_s + (pool->place.tp > 1 ? s->tp_step_s : 0);
	h->seq_s = s->seq_s + s->logit_s * (double)c->model->shape.vocab;
	h->prefill_seq_s = s->prefill_seq_s;
	h->token_s = s->token_s;
	h->launch_s = s->launch_s;
	if (c->acceptance.depth > 0 && !pool->limits.handoff) {
		h->step_s += c->acceptance.host_round_s;
		h->seq_s += c->acceptance.host_seq_s;
	}
	h->visible_s = s->visible_s;
	h->overlap = s->overlap && !(c->acceptance.depth > 0 && c->acceptance.host_waits && !pool->limits.handoff);
}

static void host_time(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, struct host_time *h)
{
	double f = c->op_factor[OP_HOST];

	stack_time(sc, c, pool, h);
	if (c->correction)
		*(h->overlap ? &h->visible_s : &h->step_s) += c->correction->step_s;
	h->step_s *= f;
	h->seq_s *= f;
	h->prefill_seq_s *= f;
	h->token_s *= f;
	h->launch_s *= f;
	h->visible_s *= f;
}

/* All that prices depend on stays as long as the cache. */
static bool shares_iterations(const struct compiled *c)
{
	return c->cache && !c->owns_costs && c->techniques.count == 0 && cache_holds(c->cache, c->model);
}

struct iteration *compile_iteration(const struct scenario *sc, const struct compiled *c, const struct compiled_pool *pool, struct err *err)
{
	struct iteration_options o = { .model = c->model, .place = &pool->place, .stack = c->stack, .costs = c->costs,
				       .techniques = &c->techniques, .device = c->device, .op_factor = c->op_factor,
				       .max_tokens = pool->limits.max_tokens + pool->limits.max_seqs, .max_seqs = pool->limits.max_seqs,
				       .swap_s_per_token = pool->kv_bytes_per_token / host_bytes_s(sc, c) };

	if (c->acceptance.depth > 0 && !pool->limits.handoff) {
		o.verified = c->acceptance.verified;
		o.tokens_per_pass = c->whole_passes ? 1 : acceptance_tokens(&c->acceptance);
		o.max_tokens += pool->limits.max_seqs * (o.verified - 1);
	}
	host_time(sc, c, pool, &o.host);
	return shares_iterations(c) ? iteration_pool_take(cached_iterations(c->cache), &o, err) : iteration_new(&o, err);
}

void release_iteration(const struct compiled *c, struct iteration *it)
{
	if (it && shares_iterations(c))
		iteration_pool_give(cached_iterations(c->cache), it);
	else
		iteration_free(it);
}

static void hash_value(const char *path, const struct field *field, const char *value, void *ctx)
{
	(void)field;
	hash_add_text(ctx, path);
	hash_add_text(ctx, value);
}

/* Tables and fits of the device: by content, since `catalog import-profile` may change them. */
static void hash_folder(struct hash *h, const char *folder, struct arena *arena)
{
	static const char *const suffixes[] = { ".csv", ".gz", ".xml", ".bin" };
	const char *const *names;
	size_t count;

	for (size_t s = 0; s < COUNT_OF(suffixes); s++) {
		names = paths_is_folder(folder) ? paths_list(folder, suffixes[s], &count, arena, NULL) : NULL;
		for (size_t i = 0; names && i < count; i++) {
			const char *file = arena_printf(arena, "%s/%s%s", folder, names[i], suffixes[s]);

			if (file) {
				hash_add_text(h, names[i]);
				hash_file(h, file);
			}
		}
	}
}

static void hash_tables(struct hash *h, const struct compiled *c, struct arena *arena)
{
	const char *tables = paths_data(arena_printf(arena, "hardware/tables/%s", c->device->name), arena, NULL);
	const char *stacks = c->stack->tables;

	while (tables && stacks && *stacks) {
		size_t n = strcspn(stacks, " ");
		const char *folder = arena_printf(arena, "%s/%.*s", tables, (int)n, stacks);

		if (folder)
			hash_folder(h, folder, arena);
		stacks += n + (stacks[n] == ' ');
	}
}

/* Model, device, system, stack, techniques and tables; the same for all scenarios that share them in a cache. */
static bool catalog_digest(const struct compiled *c, char out[33], struct err *err)
{
	bool shared = c->cache && !c->owns_costs && c->techniques.count == 0 && !c->correction;
	struct arena *arena = NULL;
	struct hash *h = NULL;
	char key[128];
	const char *known;

	snprintf(key, sizeof(key), "digest %p %p %p %p", (const void *)c->model, (const void *)c->device, (const void *)c->system,
		 (const void *)c->stack);
	if (shared && (known = cached_text(c->cache, key))) {
		memcpy(out, known, 33);
		return true;
	}
	h = hash_new();
	arena = arena_new();
	if (!h || !arena) {
		hash_free(h);
		arena_free(arena);
		return err_memory(err);
	}
	schema_each(&model_element, c->model, hash_value, h);
	schema_each(&device_element, c->device, hash_value, h);
	schema_each(&system_element, c->system, hash_value, h);
	schema_each(&stack_element, c->stack, hash_value, h);
	for (size_t i = 0; i < c->techniques.count; i++)
		schema_each(&technique_element, c->techniques.uses[i].technique, hash_value, h);
	if (c->correction)
		schema_each(&correction_element, c->correction, hash_value, h);
	hash_tables(h, c, arena);
	hash_hex(h, out);
	hash_free(h);
	arena_free(arena);
	if (shared)
		cache_text(c->cache, key, out);
	return true;
}

struct value_hash {
	struct hash *h;
	struct catalog_cache *cache;
};

/* A value that names a file stands for the file's content, too. */
static void hash_input(const char *path, const struct field *field, const char *value, void *ctx)
{
	const struct value_hash *v = ctx;
	char digest[33];
	const char *known;

	if (strcmp(path, "title") == 0)
		return;
	hash_value(path, field, value, v->h);
	if (field->type != FIELD_TEXT || !paths_is_file(value))
		return;
	known = cached_text(v->cache, value);
	if (!known) {
		struct hash *file = hash_new();

		if (!file || hash_file(file, value) != 0) {
			hash_free(file);
			return;        /* gone in between, or no memory: its name has to do */
		}
		hash_hex(file, digest);
		hash_free(file);
		cache_text(v->cache, value, digest);
		known = digest;
	}
	hash_add_text(v->h, known);
}

bool compile_hash(const struct scenario *sc, const struct compiled *c, char out[33], struct err *err)
{
	struct value_hash v = { .h = hash_new(), .cache = c->cache };
	char digest[33];

	if (!v.h)
		return err_memory(err);
	if (!catalog_digest(c, digest, err)) {
		hash_free(v.h);
		return false;
	}
	hash_add_text(v.h, "vibee-sim 1");
	hash_add_text(v.h, digest);
	schema_each(&scenario_element, sc, hash_input, &v);
	hash_hex(v.h, out);
	hash_free(v.h);
	return true;
}
