#include "sim/train/stage.h"

#include <math.h>
#include <string.h>

/* Share of a part's measured rate that a long run keeps, and of a collective that stays in the open. */
static double sustained(const struct train_setup *s, const struct training_op *t, double *hidden)
{
	const struct training_stack *k = s->parts->stack;

	*hidden = 0;
	switch (t->part) {
	case PART_GEMM:
		return k->gemm_share;
	case PART_ATTENTION:
		return k->attention_share;
	case PART_ELEMENTWISE:
		return k->elementwise_share;
	case PART_TP_COMM:
		*hidden = k->tp_overlap;
		break;
	case PART_EP_COMM:
		break;         /* overlapped exchanges: hide_exchange */
	case PART_CP_COMM:
		*hidden = t->overlap;
		break;
	case PART_COUNT:
		break;
	}
	return k->comm_share;
}

/* Block-scaled products: training's library scales in the tensor core on every device that can. Serving engines were measured
 * with kernels that do and, some releases earlier on other devices, with such that do not (GB200's tables: no faster than plain
 * fp8, 0.65 of B200's). What a sister of no greater promise reached, this device reaches. */
static void as_fast_as_sister(const struct train_setup *s, const struct op *op, struct op_cost *out)
{
	struct op_cost c;

	if (!s->parts->sister || op->kind != OP_GEMM || op->dtype != DTYPE_FP8_BLOCK)
		return;
	cost_op(s->parts->sister, op, &c);
	if (c.seconds < out->seconds)
		*out = c;
}

static void price_op(const struct train_setup *s, const struct op *op, struct op_cost *out)
{
	bool between = op->kind >= OP_ALL_REDUCE && op->kind <= OP_BROADCAST && op->devices_per_node > 0 && op->devices > op->devices_per_node;

	cost_op(between ? s->parts->between_nodes : s->parts->costs, op, out);
	as_fast_as_sister(s, op, out);
}

static bool is_comm(enum training_part part)
{
	return part >= PART_TP_COMM;
}

/* Exchanges hide behind the arithmetic of another micro-batch: the one that goes the other way (DualPipe; DeepSeek-V3, section
 * 3.2.1), or the one whose other pass runs (Megatron-Core's overlap of expert communication). What exceeds all of it stays,
 * and what their kernels take from the arithmetic beside them. */
static void hide_exchange(const struct train_setup *s, const double device[PHASE_COUNT], double open[PHASE_COUNT], struct train_account *a)
{
	const struct training_stack *k = s->parts->stack;
	double arithmetic = 0, exchange = 0, beside, left;

	for (int p = 0; p < PHASE_COUNT; p++)
		arithmetic += device[p], exchange += a->part_s[p][PART_EP_COMM];
	beside = fmin(exchange * k->ep_overlap, arithmetic);
	left = exchange > 0 ? 1 - beside * (1 - k->contention) / exchange : 0;
	for (int p = 0; p < PHASE_COUNT; p++) {
		open[p] -= a->part_s[p][PART_EP_COMM] * (1 - left);
		a->part_s[p][PART_EP_COMM] *= left;
	}
}

/* What is left in the open of a collective cut into tiles beside its product (Wang et al. 2023, "Overlap communication with
 * dependent computation via decomposition"): all tiles but one overlap, whichever of the two is longer decides; arithmetic
 * beside a transfer is slower. `pipe` waits for the first tile, which a ring has at hand. */
static double tiled(const struct train_setup *s, const struct training_op *t, double product_s, double comm_s)
{
	double tiles = t->op.devices > 1 ? t->op.devices : 1, beside = (tiles - 1) / tiles;
	double open = comm_s > product_s ? beside * (comm_s - product_s) : beside * comm_s * s->parts->stack->contention;

	return open + (s->job->layout.tp_overlap == TP_OVERLAP_PIPE ? comm_s / tiles : 0);
}

/* A product in tiles is slower than in one piece. */
static double smaller_pieces(const struct train_setup *s, const struct training_op *product, int tiles, double whole_s)
{
	struct op piece = product->op;
	struct op_cost c;

	piece.m = (piece.m + tiles - 1) / tiles;
	price_op(s, &piece, &c);
	return fmax(0, tiles * c.seconds * product->count / s->parts->stack->gemm_share - whole_s);
}

/* Seconds of a tensor collective that the step waits for; a product may take longer for it. */
static double exposed(const struct train_setup *s, const struct training_ops *ops, const double *seconds, size_t i, double hidden)
{
	const struct training_op *t = &ops->at[i];
	double product = t->partner >= 0 ? seconds[t->partner] : 0;
	int how = s->job->layout.tp_overlap;

	if (t->behind)         /* what it takes from the product beside it stays in the open */
		return fmax(0, seconds[i] - product) + fmin(seconds[i], product) * s->parts->stack->contention;
	if (how == TP_OVERLAP_NONE)
		return seconds[i];
	if (how == TP_OVERLAP_DEFAULT || t->partner < 0)
		return seconds[i] * (1 - (how == TP_OVERLAP_DEFAULT ? hidden : 0));
	return tiled(s, t, product, seconds[i]) + smaller_pieces(s, &ops->at[t->partner], t->op.devices, product);
}

/* One piece of the sequence a rank: the last one attends to all before it, (2 cp - 1) / cp times the mean. */
static double last_of_ring(const struct train_setup *s)
{
	return s->parts->stack->ring_even || s->cp < 2 ? 1 : (2 * (double)s->cp - 1) / (double)s->cp;
}

/* Kernels of older software reach no more on a newer device. Half as wide, products are twice as fast. */
static double least_seconds(const struct train_setup *s, const struct training_op *t, const struct op_cost *c)
{
	const struct training_stack *k = s->parts->stack;
	double most = 0;

	if (t->part == PART_ATTENTION)
		most = k->attention_flop_s_most;
	else if (t->part == PART_GEMM)
		most = k->gemm_flop_s_most * 2 / dtype_bytes(t->op.dtype);
	return most > 0 ? c->flops / most : 0;
}

/* An operator of torch by itself, without a module around it: as in the eager stacks. */
static const double PLAIN_DISPATCH_S = 10e-6;

static double plain_share(const struct train_setup *s, const struct training_op *t)
{
	double host = s->parts->stack->dispatch_s;

	return t->plain && host > PLAIN_DISPATCH_S ? PLAIN_DISPATCH_S / host : 1;
}

static void price_ops(const struct train_setup *s, const struct training_ops *ops, double *seconds, struct train_raw *out)
{
	struct train_account *a = &out->account;

	for (size_t i = 0; i < ops->count; i++) {
		const struct training_op *t = &ops->at[i];
		struct op_cost c;
		double hidden;

		price_op(s, &t->op, &c);
		seconds[i] = fmax(c.seconds / sustained(s, t, &hidden), least_seconds(s, t, &c)) * t->count * t->pace;
		if (t->part == PART_ATTENTION)
			seconds[i] *= last_of_ring(s);
		a->provider_s[c.provider] += seconds[i];
		a->error_s += seconds[i] * c.rel_error;
		if (!is_comm(t->part))
			a->flops += c.flops * t->count, a->bytes += c.bytes * t->count;
	}
	for (size_t i = 0; i < ops->count; i++) {
		const struct training_op *t = &ops->at[i];
		double hidden, open;

		sustained(s, t, &hidden);
		open = t->part == PART_TP_COMM ? exposed(s, ops, seconds, i, hidden) : seconds[i] * (1 - hidden);
		a->part_s[t->phase][t->part] += open;
		*(is_comm(t->part) ? &out->open_s[t->phase] : &out->device_s[t->phase]) += is_comm(t->part) ? open : seconds[i];
		out->launches[t->phase] += t->count * t->kernels * plain_share(s, t);
		if (t->phase == PHASE_FORWARD && (strcmp(t->label, "lm_head") == 0 || strcmp(t->label, "cross_entropy") == 0))
			out->tail_s += seconds[i], out->tail_launches += t->count * t->kernels;
	}
}

void train_raw_add(struct train_raw *sum, const struct train_raw *part)
{
	struct train_account *a = &sum->account;
	const struct train_account *b = &part->account;

	for (int p = 0; p < PHASE_COUNT; p++) {
		sum->device_s[p] += part->device_s[p], sum->open_s[p] += part->open_s[p], sum->launches[p] += part->launches[p];
		for (int k = 0; k < PART_COUNT; k++)
			a->part_s[p][k] += b->part_s[p][k];
	}
	sum->tail_s += part->tail_s, sum->tail_launches += part->tail_launches;
	for (int p = 0; p < PROVIDER_COUNT; p++)
		a->provider_s[p] += b->provider_s[p];
	a->flops += b->flops, a->bytes += b->bytes, a->error_s += b->error_s;
}

static bool hides_exchange(const struct train_setup *s)
{
	int set = s->job->layout.ep_overlap;

	return set == 1 || (set == 0 && s->schedule->hides_exchange);
}

/* Kernels of one direction wait for the host to launch them: their time is the larger of the two sums. Head and loss come
 * after the layers and cannot make up for what the device waited there; backwards they come first and can. */
void train_price_passes(const struct train_setup *s, const struct train_raw *raw, struct train_chunk *out)
{
	struct train_raw r = *raw;

	*out = (struct train_chunk){ .account = r.account };
	if (hides_exchange(s))
		hide_exchange(s, r.device_s, r.open_s, &out->account);
	for (int p = 0; p < PHASE_COUNT; p++) {
		double tail_s = p == PHASE_FORWARD ? r.tail_s : 0, tail_launches = p == PHASE_FORWARD ? r.tail_launches : 0;
		double host = fmax(0, (r.launches[p] - tail_launches) * s->parts->stack->dispatch_s - (r.device_s[p] - tail_s) - r.open_s[p]);
		double all = r.device_s[p] + r.open_s[p] + host;

		enum pass pass = p == PHASE_FORWARD ? PASS_FORWARD : p == PHASE_WEIGHT ? PASS_WEIGHT : PASS_BACKWARD;

		out->account.host_s += host;
		out->time.pass_s[pass] += all, out->idle_s[pass] += host;
	}
}

static double collective(const struct train_setup *s, enum op_kind kind, double bytes, int64_t ranks, int64_t stride)
{
	int64_t domain = system_domain(s->parts->system), together = stride > 0 ? domain / stride : domain;
	struct op op = { .kind = kind, .dtype = DTYPE_BF16, .bytes = bytes, .devices = (int)ranks };
	struct op_cost c;

	if (ranks < 2 || !(bytes > 0))
		return 0;
	op.devices_per_node = together >= ranks ? 0 : together > 0 ? (int)together : 1;
	if (s->job->layout.dp_network != NETWORK_DEFAULT)
		op.devices_per_node = s->job->layout.dp_network == NETWORK_SCALE_OUT ? 1 : 0;
	price_op(s, &op, &c);
	return c.seconds / s->parts->stack->comm_share;
}

/* Over the data ranks: reduce-scatter inside a sharding group (all of them, or a part: HSDP), what is left all-reduced
 * between groups. */
static double reduce_gradients(const struct train_setup *s, double parameters, int64_t ranks, int64_t shard, int64_t stride)
{
	double bytes = parameters * s->memory.grad_bytes;
	int64_t groups = ranks / shard;

	if (s->memory.zero == 0)
		return collective(s, OP_ALL_REDUCE, bytes, ranks, stride);
	return collective(s, OP_REDUCE_SCATTER, bytes, shard, stride) +
	       collective(s, OP_ALL_REDUCE, bytes / (double)shard, groups, stride * shard);
}

/* ZeRO-3 fetches each layer's weights while the layer before works, in every pass; gradients leave in the same way. What
 * does not fit behind the arithmetic, and the first layer's fetch, is waited for (Zhao et al. 2023, arXiv 2304.11277). */
static void gather_while_working(const struct train_setup *s, const struct training_parameters *n, double layers, struct train_chunk *out)
{
	const struct training_stack *k = s->parts->stack;
	double gather = collective(s, OP_ALL_GATHER, training_gathered_bytes(&s->memory, n), s->shard_ranks, s->tp);
	double reduce = reduce_gradients(s, n->trainable, s->data_ranks, s->shard_ranks, s->tp);
	double first = layers > 0 ? gather / layers : gather, f = out->time.pass_s[PASS_FORWARD];
	double b = out->time.pass_s[PASS_BACKWARD] + out->time.pass_s[PASS_WEIGHT], wait_f, wait_b, back = gather + reduce;

	/* Weights kept and gradients added up whole: once a step. */
	if (!s->job->layout.regather)
		gather /= (double)s->micros, first /= (double)s->micros, reduce /= (double)s->micros, back = reduce;
	wait_f = gather * (1 - s->dp_overlap) + fmax(0, gather * s->dp_overlap - f) + first + k->contention * fmin(f, gather);
	wait_b = back * (1 - s->dp_overlap) + fmax(0, back * s->dp_overlap - b) + (layers > 0 ? reduce / layers : 0) + k->contention * fmin(b, back);
	out->time.pass_s[PASS_FORWARD] += wait_f;
	out->time.pass_s[PASS_BACKWARD] += wait_b;
	out->account.gather_s = wait_f + wait_b;
}

/* A micro-batch's hidden states to the next stage: every tensor rank sends its part with sequence parallelism; all of it,
 * else, or its part, which the receivers gather (Narayanan et al. 2021, section 4.1). */
double train_price_send(const struct train_setup *s)
{
	int64_t stage_ranks = s->devices / s->pp, domain = system_domain(s->parts->system);
	double bytes = (double)(s->job->batch.micro * s->job->batch.sequence) / (double)s->cp * (double)s->parts->model->shape.hidden * 2;
	bool cut = s->graph.place.sequence_parallel || (s->job->layout.scatter_sends && s->tp > 1);
	struct op op = { .kind = OP_SEND_RECV, .dtype = DTYPE_BF16, .devices = 2, .bytes = bytes / (cut ? (double)s->tp : 1) }, gather = op;
	struct op_cost c, behind = { 0 };

	if (s->pp < 2)
		return 0;
	op.devices_per_node = stage_ranks * 2 <= domain ? 0 : 1;
	if (s->job->layout.pp_network != NETWORK_DEFAULT)
		op.devices_per_node = s->job->layout.pp_network == NETWORK_SCALE_OUT ? 1 : 0;
	price_op(s, &op, &c);
	if (cut && !s->graph.place.sequence_parallel) {
		gather.kind = OP_ALL_GATHER, gather.bytes = bytes, gather.devices = (int)s->tp;
		gather.devices_per_node = s->job->layout.tp_network == NETWORK_SCALE_OUT ? 1 : s->tp <= domain ? 0 : (int)domain;
		price_op(s, &gather, &behind);
	}
	return (c.seconds + behind.seconds) / s->parts->stack->comm_share;
}

/* Where both ends of a message wait for it, every pass ends with one, sent and received at once. The host fills an empty queue
 * afterwards: no loss to a device that waits for the host anyway. Megatron-Core waits so in its plain schedule, and lets messages
 * go beside arithmetic in the interleaved one alone (overlap_p2p_communication). */
static void wait_for_messages(const struct train_setup *s, struct train_chunk *out)
{
	double refill = s->parts->stack->message_s;
	bool plain = s->vp == 1 && s->schedule->chunks == CHUNKS_ROUND && !s->schedule->split;

	if (s->pp < 2 || !(refill > 0 || (s->parts->stack->messages_wait && plain)))
		return;
	for (int p = PASS_FORWARD; p <= PASS_BACKWARD; p++)
		out->time.pass_s[p] += out->time.send_s + fmax(0, refill - out->idle_s[p]);
	out->time.send_s = 0;
}

double train_host_rate(const struct train_setup *s)
{
	return s->parts->system->host_link.bytes_s > 0 ? s->parts->system->host_link.bytes_s : 15.5e9;
}

/* Both directions of the link at once: forward, weights come while activations go; backward, both come. What does not fit
 * behind the pass is waited for. */
void train_price_host(const struct train_setup *s, const struct training_parameters *n, double activations, struct train_chunk *out)
{
	const struct training_memory_options *m = &s->memory;
	double *pass = out->time.pass_s, rate = train_host_rate(s), shard = m->zero >= 3 ? (double)s->shard_ranks : 1;
	double weights = m->offload_weights ? (n->dense + n->expert) / shard * (m->weight_bytes + m->quantised_bytes) : 0;
	double held = m->offload_activations ? activations : 0, wait_f, wait_b;

	wait_f = fmax(0, fmax(weights, held) / rate - pass[PASS_FORWARD]);
	wait_b = fmax(0, (weights + held) / rate - pass[PASS_BACKWARD] - pass[PASS_WEIGHT]);
	pass[PASS_FORWARD] += wait_f;
	pass[PASS_BACKWARD] += wait_b;
	out->account.offload_s = wait_f + wait_b;
}

bool train_price_arithmetic(const struct train_setup *s, int chunk, struct train_raw *out, struct arena *arena, struct err *err)
{
	struct training_ops ops;
	double *seconds;

	*out = (struct train_raw){ 0 };
	if (!training_graph_build(&s->graph, chunk, &ops, arena, err))
		return false;
	seconds = arena_alloc(arena, (ops.count + 1) * sizeof(*seconds));
	if (!seconds)
		return err_memory(err);
	price_ops(s, &ops, seconds, out);
	return true;
}

void train_price_traffic(const struct train_setup *s, const struct training_parameters *n, int64_t layers, struct train_chunk *out)
{
	int64_t spread = s->graph.place.dp_attention, expert_ranks = s->data_ranks / spread > 0 ? s->data_ranks / spread : 1;
	int64_t shard = s->shard_ranks, expert_shard = expert_ranks < shard ? expert_ranks : shard;
	/* Frozen weights have no gradients to reduce. */
	double trained = n->dense + n->expert > 0 ? n->trainable / (n->dense + n->expert) : 0;

	out->time.send_s = train_price_send(s);
	wait_for_messages(s, out);
	if (s->memory.zero >= 3) {
		gather_while_working(s, n, (double)layers, out);
		return;
	}
	out->time.reduce_s = reduce_gradients(s, n->dense * trained, s->data_ranks, shard, s->tp) +
			     reduce_gradients(s, n->expert * trained, expert_ranks, expert_shard, s->tp * spread);
	if (s->memory.zero >= 1)
		out->gather_step_s = collective(s, OP_ALL_GATHER, n->dense * trained * s->memory.weight_bytes, shard, s->tp) +
				     collective(s, OP_ALL_GATHER, n->expert * trained * s->memory.weight_bytes, expert_shard, s->tp * spread);
}

static bool price_chunk(const struct train_setup *s, int chunk, struct train_chunk *out, struct arena *arena, struct err *err)
{
	struct training_memory_options one = s->memory;
	struct training_activations held;
	struct training_parameters n;
	struct train_raw raw;
	int64_t first, layers;

	one.stages = s->graph.place.pp;
	if (!train_price_arithmetic(s, chunk, &raw, arena, err) || !training_parameters(&one, chunk, &n, err))
		return false;
	train_price_passes(s, &raw, out);
	placement_layers(s->parts->model, &s->graph.place, chunk, &first, &layers);
	train_price_traffic(s, &n, layers, out);
	training_activations(&one, chunk, &held);
	train_price_host(s, &n, held.chunk, out);
	return true;
}

/* Middle chunks with the same kinds of layers in the same number cost the same. */
static bool alike(const struct train_setup *s, int a, int b)
{
	int64_t first[2], count[2];

	placement_layers(s->parts->model, &s->graph.place, a, &first[0], &count[0]);
	placement_layers(s->parts->model, &s->graph.place, b, &first[1], &count[1]);
	if (count[0] != count[1] || a == 0 || b == s->graph.place.pp - 1)
		return false;
	for (int64_t i = 0; i < count[0]; i++) {
		struct layer x, y;

		model_layer(s->parts->model, first[0] + i, &x);
		model_layer(s->parts->model, first[1] + i, &y);
		if (!layer_equal(&x, &y))
			return false;
	}
	return true;
}

bool train_price_chunks(const struct train_setup *s, struct train_chunk *out, struct arena *arena, struct err *err)
{
	int chunks = (int)s->graph.place.pp;

	for (int c = 0; c < chunks; c++) {
		int twin = -1;

		for (int b = c - 1; b > 0 && twin < 0; b--)
			if (alike(s, b, c))
				twin = b;
		if (twin > 0)
			out[c] = out[twin];
		else if (!price_chunk(s, c, &out[c], arena, err))
			return false;
	}
	return true;
}
