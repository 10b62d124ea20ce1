#include "sim/train/setup.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "hardware/catalog.h"

static bool load_hardware(const struct job *job, struct train_parts *out, struct arena *arena, struct err *err)
{
	const struct job_hardware *h = &job->hardware;

	if (h->system) {
		out->system = system_load(h->system, arena, err);
		if (!out->system)
			return false;
		out->device = out->system->device;
		if (h->device) {
			const struct device *asked = device_load_usable(h->device, arena, err);

			if (!asked)
				return false;
			if (!text_equal(asked->name, out->device->name))
				return err_set(err, ERR_INPUT, "device '%s' in system '%s': that system is made of '%s'", h->device, h->system, out->device->name);
		}
		if (!out->device->simulatable)
			return err_set(err, ERR_INPUT, "device '%s' cannot be simulated: %s", out->device->name, out->device->reason);
		return true;
	}
	out->device = device_load_usable(h->device ? h->device : "h100", arena, err);
	out->system = out->device ? system_for_device(out->device, arena, err) : NULL;
	return out->system != NULL;
}

static int provider_of(const char *text, struct err *err)
{
	for (int i = 0; i < PROVIDER_COUNT; i++)
		if (text_equal(provider_names[i], text))
			return i;
	err_set(err, ERR_INPUT, "provider \"%s\": expected measured, fitted or analytic", text);
	return -1;
}

static bool load_techniques(const struct job *job, struct train_parts *out, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < job->technique_count; i++)
		if (!technique_set_add(&out->techniques, job->techniques[i].id, job->techniques[i].params, arena, err))
			return false;
	return technique_set_finish(&out->techniques, err);
}

static bool promises_no_more(const struct device *sister, const struct device *d)
{
	return device_peak(sister, DTYPE_BF16, NULL) <= device_peak(d, DTYPE_BF16, NULL) &&
	       device_peak(sister, DTYPE_FP8, NULL) <= device_peak(d, DTYPE_FP8, NULL) && device_bandwidth(sister) <= device_bandwidth(d);
}

/* The nearest such sister, of those that answer for every operator. */
static bool load_sister(struct train_parts *out, struct arena *arena, struct err *err)
{
	char *names = arena_strdup(arena, out->device->fits_of ? out->device->fits_of : ""), *rest = NULL;

	if (!names)
		return err_memory(err);
	for (char *name = strtok_r(names, " ,", &rest); name; name = strtok_r(NULL, " ,", &rest)) {
		const struct device *d = strchr(name, ':') ? NULL : device_load_usable(name, arena, err);

		if (!d && !strchr(name, ':'))
			return false;
		if (!d || !promises_no_more(d, out->device))
			continue;
		out->sister = cost_model_new(&(struct cost_options){ .device = d, .best_provider = PROVIDER_MEASURED }, err);
		return out->sister != NULL;
	}
	return true;
}

bool train_parts_load(const struct job *job, struct train_parts *out, struct arena *arena, struct err *err)
{
	struct cost_options options = { 0 };
	struct training_change change;
	int provider = provider_of(job->hardware.provider, err);

	*out = (struct train_parts){ 0 };
	if (provider < 0 || !load_techniques(job, out, arena, err) || !load_hardware(job, out, arena, err) ||
	    !technique_changed_hardware(&out->techniques, &out->device, &out->system, arena, err))
		return false;
	out->model = model_load(job->model.name, arena, err);
	if (!out->model || !technique_changed_model(&out->techniques, &out->model, arena, err))
		return false;
	training_change_init(&change, out->model);
	if (!technique_training(&out->techniques, &change, err))
		return false;
	out->trainable = job->model.trainable * change.trainable;
	out->stack = out->model ? training_stack_load(job->hardware.stack, arena, err) : NULL;
	out->optimizer = out->stack ? optimizer_require(change.optimizer ? change.optimizer : job->optimizer.name, err) : NULL;
	if (!out->optimizer)
		return false;
	options = (struct cost_options){ .system = out->system, .device = out->device, .best_provider = (enum provider)provider };
	out->costs = cost_model_new(&options, err);
	options.best_provider = PROVIDER_ANALYTIC;
	out->between_nodes = out->costs ? cost_model_new(&options, err) : NULL;
	return out->between_nodes && (provider != PROVIDER_MEASURED || load_sister(out, arena, err));
}

void train_parts_release(struct train_parts *p)
{
	cost_model_free(p->costs), cost_model_free(p->between_nodes), cost_model_free(p->sister);
	p->costs = p->between_nodes = p->sister = NULL;
}

static bool degrees(const struct job *job, struct train_setup *s, struct err *err)
{
	const struct job_layout *l = &job->layout;
	int64_t model_ranks = l->tp * l->pp * l->cp, devices = job->hardware.devices;

	s->tp = l->tp, s->pp = l->pp, s->cp = l->cp, s->ep = l->ep;
	if (devices == 0)
		devices = model_ranks * (l->dp > 0 ? l->dp : 1);
	if (devices % model_ranks != 0)
		return err_set(err, ERR_INPUT, "devices=%lld: expected a multiple of tp * pp * cp = %lld", (long long)devices, (long long)model_ranks);
	s->dp = devices / model_ranks;
	if (l->dp > 0 && l->dp != s->dp)
		return err_set(err, ERR_INPUT, "dp=%lld: %lld devices with tp * pp * cp = %lld leave dp=%lld", (long long)l->dp, (long long)devices,
			       (long long)model_ranks, (long long)s->dp);
	s->devices = devices;
	s->data_ranks = s->dp * s->cp;
	s->shard_ranks = l->shard > 0 ? l->shard : s->data_ranks;
	if (s->data_ranks % s->shard_ranks != 0)
		return err_set(err, ERR_INPUT, "shard=%lld: expected a divisor of dp * cp = %lld", (long long)l->shard, (long long)s->data_ranks);
	return true;
}

static bool batches(const struct job *job, struct train_setup *s, struct err *err)
{
	const struct job_batch *b = &job->batch;

	if (b->global % (s->dp * b->micro) != 0)
		return err_set(err, ERR_INPUT, "batch.global=%lld: expected a multiple of dp * micro = %lld", (long long)b->global,
			       (long long)(s->dp * b->micro));
	s->micros = b->global / (s->dp * b->micro);
	if (b->sequence < s->cp)
		return err_set(err, ERR_INPUT, "batch.sequence=%lld: expected at least cp=%lld", (long long)b->sequence, (long long)s->cp);
	return true;
}

/* Ranks over which experts lie: ep whole experts a group, each cut etp ways. graph.h knows dp_attention ranks of tp; the
 * data ranks that share experts take that place. */
static bool expert_ranks(const struct job *job, struct train_setup *s, struct placement *p, struct err *err)
{
	int64_t etp = job->layout.etp > 0 ? job->layout.etp : s->ep > 1 ? 1 : s->tp, ranks = s->ep * etp;

	p->ep = s->ep, p->dp_attention = 1;
	if (s->ep <= 1)
		return true;
	if (ranks > s->tp) {
		if (ranks % s->tp != 0)
			return err_set(err, ERR_INPUT, "ep=%lld: ep * etp = %lld; expected a multiple of tp=%lld", (long long)s->ep, (long long)ranks, (long long)s->tp);
		p->dp_attention = ranks / s->tp;
	}
	if (s->data_ranks % p->dp_attention != 0)
		return err_set(err, ERR_INPUT, "ep=%lld: its %lld groups of tp ranks do not divide dp * cp = %lld", (long long)s->ep,
			       (long long)p->dp_attention, (long long)s->data_ranks);
	return true;
}

static bool weights_fit_format(int dtype, struct err *err)
{
	if (dtype == DTYPE_INT8_WO || dtype == DTYPE_INT4_WO)
		return err_set(err, ERR_INPUT, "model.dtype=%s: weight-only formats cannot be trained; expected bf16, fp16, fp8, fp4 ...", dtype_names[dtype]);
	return true;
}

static double or_else(double set, double otherwise)
{
	return isnan(set) ? otherwise : set;
}

/* 8-bit products read quantised copies of the weights, kept beside the 16-bit ones for both directions. */
static double quantised_copy(enum dtype t)
{
	double bytes = dtype_bytes(t);

	return bytes < 2 ? bytes : 0;
}

/* Adapters' parameters over the model's, by the shapes of a layer's attention and MLP. */
static double adapter_share(const struct model *m, const struct adapter_ops *a, double rank)
{
	struct model_counts c;
	double sum = 0;

	model_parameters(m, &c);
	for (int64_t i = 0; i < m->shape.layers; i++) {
		struct layer l;
		double h = (double)m->shape.hidden, q, kv;

		model_layer(m, i, &l);
		q = (double)(l.heads * l.head_dim), kv = 2 * (double)(l.kv_heads * l.head_dim);
		if (a->adapts("qkv_proj"))
			sum += a->parameters(h, q + kv, rank);
		if (a->adapts("o_proj"))
			sum += a->parameters(q, h, rank);
		if (a->adapts("down_proj") && l.ffn == FFN_DENSE)
			sum += a->parameters(h, (double)l.intermediate * (m->mlp.gated ? 2 : 1), rank) + a->parameters((double)l.intermediate, h, rank);
	}
	return sum / c.total;
}

/* Of networks that were chosen: the groups on the fast one must fit into its domain together. */
static bool networks(const struct job *job, const struct train_parts *parts, const struct train_setup *s, struct err *err)
{
	const struct job_layout *l = &job->layout;
	int64_t domain = system_domain(parts->system), inside = 1;

	inside *= l->tp_network == NETWORK_SCALE_UP ? s->tp : 1;
	inside *= l->pp_network == NETWORK_SCALE_UP ? s->pp : 1;
	inside *= l->dp_network == NETWORK_SCALE_UP ? s->data_ranks : 1;
	if (inside > domain)
		return err_set(err, ERR_INPUT, "layout: groups of %lld devices on the scale-up network; %s joins %lld", (long long)inside, parts->system->name,
			       (long long)domain);
	return true;
}

/* Buckets leave as their gradients are whole; of about ten the last has nothing left to hide behind. */
static const double OVERLAPPED = 0.9;

static double data_overlap(const struct job *job, const struct train_parts *parts)
{
	double own = parts->stack->dp_overlap;

	return job->layout.dp_overlap == 0 ? own : job->layout.dp_overlap == 2 ? 0 : fmax(own, OVERLAPPED);
}

bool train_setup_surroundings(struct train_setup *s, struct err *err)
{
	const struct job_layout *l = &s->job->layout;

	s->dp_overlap = data_overlap(s->job, s->parts);
	s->memory.zero = (int)l->zero;
	s->memory.offload_optimizer = l->offload_optimizer, s->memory.offload_weights = l->offload_weights;
	s->memory.offload_activations = l->offload_activations;
	return networks(s->job, s->parts, s, err);
}

bool train_setup(const struct job *job, const struct train_parts *parts, struct train_setup *s, struct err *err)
{
	const struct job_layout *l = &job->layout;
	enum dtype products = job->model.dtype == DTYPE_NONE ? DTYPE_BF16 : (enum dtype)job->model.dtype;
	struct placement asked = { 0 };

	*s = (struct train_setup){ .job = job, .parts = parts, .schedule = schedule_require(l->schedule, err) };
	if (!s->schedule || !weights_fit_format(job->model.dtype, err) || !degrees(job, s, err) || !batches(job, s, err))
		return false;
	s->vp = schedule_chunks(s->schedule, (int)l->vp);
	if (s->schedule->chunks == CHUNKS_ROUND && s->schedule->split && l->vp > 1)
		return err_set(err, ERR_INPUT, "vp=%lld: schedule %s has one chunk a rank", (long long)l->vp, s->schedule->name);
	if (l->pp == 1 && l->vp > 1)
		return err_set(err, ERR_INPUT, "vp=%lld: interleaving needs pp above 1", (long long)l->vp);
	if (s->pp * s->micros * s->vp > 20000000)
		return err_set(err, ERR_INPUT, "%lld micro-batches over %lld stages of %lld chunks: expected at most 20 million passes", (long long)s->micros,
			       (long long)s->pp, (long long)s->vp);
	asked.tp = s->tp, asked.cp = s->cp, asked.pp = s->pp * (s->schedule->chunks == CHUNKS_BOTH ? 1 : s->vp);
	if (!expert_ranks(job, s, &asked, err))
		return false;
	asked.weights = products, asked.attention = (enum dtype)job->model.attention_dtype, asked.head = (enum dtype)job->model.head_dtype;
	asked.activations = products == DTYPE_FP16 ? DTYPE_FP16 : DTYPE_BF16, asked.kv = asked.router = asked.activations;
	asked.wide_dispatch = !parts->stack->narrow_dispatch;
	asked.routing_skew = job->model.routing_skew;
	asked.devices_per_node = (int)system_domain(parts->system);
	asked.bare_ends = asked.pp > parts->model->shape.layers, asked.heavy_end = job->model.predictions > 0;
	asked.sequence_parallel = s->tp > 1 && l->sequence_parallel != 2;
	placement_resolve(parts->model, &asked, &s->graph.place);
	if (job->model.head_dtype == DTYPE_NONE)
		s->graph.place.head = asked.activations;
	if (!placement_check(parts->model, &s->graph.place, err))
		return false;
	s->graph.model = parts->model;
	s->graph.micro_batch = job->batch.micro, s->graph.sequence = job->batch.sequence;
	s->graph.recompute = (enum recompute)l->recompute, s->graph.recompute_layers = l->recompute_layers;
	s->graph.attention = parts->stack->eager_attention || (parts->stack->eager_sinks && parts->model->attention.sinks) ? ATTENTION_EAGER : ATTENTION_FLASH;
	s->graph.dropout = parts->stack->dropout;
	s->graph.fused = parts->stack->fused;
	s->graph.streaming = parts->stack->streaming;
	s->graph.separate_casts = parts->stack->separate_casts;
	s->graph.fused_experts = parts->stack->fused_experts;
	s->graph.once_a_node = l->exchange == EXCHANGE_DEFAULT ? parts->stack->once_a_node : l->exchange == EXCHANGE_ONCE;
	s->graph.copies = l->exchange == EXCHANGE_COPIES;
	s->graph.selective_half = parts->stack->selective_half, s->graph.logit_bytes = parts->stack->logit_bytes;
	s->graph.attention_backward = parts->stack->attention_backward;
	s->graph.trainable = parts->trainable, s->graph.frozen = parts->trainable < 1;
	s->graph.techniques = &parts->techniques, s->graph.predictions = job->model.predictions;
	s->graph.tp_network = (enum network)l->tp_network;
	if (job->model.adapter) {
		s->graph.adapter = adapter_require(job->model.adapter, err);
		if (!s->graph.adapter)
			return false;
		s->graph.frozen = true, s->graph.adapter_rank = job->model.adapter_rank;
		s->graph.trainable = adapter_share(parts->model, s->graph.adapter, (double)job->model.adapter_rank);
	}
	s->graph.gather_again = s->graph.place.sequence_parallel && (s->graph.frozen || (l->gather_again == 0 ? !parts->stack->keeps_gathered : l->gather_again == 1));
	s->memory = (struct training_memory_options){
		.graph = &s->graph, .optimizer = parts->optimizer, .stages = s->pp, .data_ranks = s->data_ranks, .shard_ranks = s->shard_ranks,
		 .both_ways = s->schedule->chunks == CHUNKS_BOTH, .keep_gathered = !l->regather, .sharded_masters = parts->stack->sharded_masters,
		.kept_edges = parts->stack->keeps_edges && s->pp > 1 ? (double)s->micros : 0,
		.kept_outputs = parts->stack->keeps_outputs && s->pp > 1 ? (double)(s->micros - 1) : 0,
		 .weight_bytes = or_else(job->optimizer.weight_bytes, 2),
		.grad_bytes = or_else(job->optimizer.grad_bytes, parts->stack->grad_bytes), .quantised_bytes = quantised_copy(products),
	};
	s->memory.gathered_bytes = parts->stack->narrow_gather && s->memory.quantised_bytes > 0 ? s->memory.quantised_bytes : s->memory.weight_bytes;
	/* A frozen base that is read in 8 bits is kept so: no optimizer needs more. */
	if (s->graph.frozen && s->memory.quantised_bytes > 0)
		s->memory.weight_bytes = s->memory.gathered_bytes = s->memory.quantised_bytes, s->memory.quantised_bytes = 0;
	return train_setup_surroundings(s, err);
}
