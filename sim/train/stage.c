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
		*hidden = k->ep_overlap;
		break;
	case PART_CP_COMM:
		*hidden = t->overlap;
		break;
	case PART_COUNT:
		break;
	}
	return k->comm_share;
}

static bool is_comm(enum training_part part)
{
	return part >= PART_TP_COMM;
}

/* DualPipe (DeepSeek-V3, section 3.2.1): exchanges hide behind the arithmetic of the micro-batch that goes the other way;
 * what exceeds all of it stays. */
static void hide_exchange(const double device[PHASE_COUNT], double open[PHASE_COUNT], struct train_account *a)
{
	double arithmetic = 0, exchange = 0, left;

	for (int p = 0; p < PHASE_COUNT; p++)
		arithmetic += device[p], exchange += a->part_s[p][PART_EP_COMM];
	left = exchange > 0 ? fmax(0, exchange - arithmetic) / exchange : 0;
	for (int p = 0; p < PHASE_COUNT; p++) {
		open[p] -= a->part_s[p][PART_EP_COMM] * (1 - left);
		a->part_s[p][PART_EP_COMM] *= left;
	}
}

/* Kernels of one direction wait for the host to launch them: their time is the larger of the two sums. */
static void price_ops(const struct train_setup *s, const struct training_ops *ops, struct train_chunk *out)
{
	double device[PHASE_COUNT] = { 0 }, open[PHASE_COUNT] = { 0 }, launches[PHASE_COUNT] = { 0 };
	struct train_account *a = &out->account;

	for (size_t i = 0; i < ops->count; i++) {
		const struct training_op *t = &ops->at[i];
		struct op_cost c;
		double hidden, seconds;

		cost_op(s->parts->costs, &t->op, &c);
		if (t->part == PART_ATTENTION && s->parts->stack->attention_flop_s_most > 0)
			c.seconds = fmax(c.seconds, c.flops / s->parts->stack->attention_flop_s_most);
		seconds = c.seconds * t->count / sustained(s, t, &hidden);
		a->part_s[t->phase][t->part] += seconds * (1 - hidden);
		if (is_comm(t->part))
			open[t->phase] += seconds * (1 - hidden);
		else
			device[t->phase] += seconds;
		launches[t->phase] += t->count * t->kernels;
		a->provider_s[c.provider] += seconds;
		a->error_s += seconds * c.rel_error;
		if (!is_comm(t->part))
			a->flops += c.flops * t->count, a->bytes += c.bytes * t->count;
	}
	if (s->schedule->hides_exchange)
		hide_exchange(device, open, a);
	for (int p = 0; p < PHASE_COUNT; p++) {
		double host = fmax(0, launches[p] * s->parts->stack->dispatch_s - device[p] - open[p]);
		double all = device[p] + open[p] + host;

		a->host_s += host;
		if (p == PHASE_FORWARD)
			out->time.pass_s[PASS_FORWARD] += all;
		else
			out->time.pass_s[p == PHASE_WEIGHT ? PASS_WEIGHT : PASS_BACKWARD] += all;
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
	cost_op(s->parts->costs, &op, &c);
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
	double gather = collective(s, OP_ALL_GATHER, (n->dense + n->expert) * s->memory.weight_bytes, s->shard_ranks, s->tp);
	double reduce = reduce_gradients(s, n->trainable, s->data_ranks, s->shard_ranks, s->tp);
	double first = layers > 0 ? gather / layers : gather, f = out->time.pass_s[PASS_FORWARD];
	double b = out->time.pass_s[PASS_BACKWARD] + out->time.pass_s[PASS_WEIGHT], wait_f, wait_b, back = gather + reduce;

	if (!s->job->layout.regather)
		gather /= (double)s->micros, first /= (double)s->micros, back = reduce;
	wait_f = gather * (1 - k->dp_overlap) + fmax(0, gather * k->dp_overlap - f) + first + k->contention * fmin(f, gather);
	wait_b = back * (1 - k->dp_overlap) + fmax(0, back * k->dp_overlap - b) + (layers > 0 ? reduce / layers : 0) + k->contention * fmin(b, back);
	out->time.pass_s[PASS_FORWARD] += wait_f;
	out->time.pass_s[PASS_BACKWARD] += wait_b;
	out->account.gather_s = wait_f + wait_b;
}

static double send_time(const struct train_setup *s)
{
	int64_t stage_ranks = s->devices / s->pp, domain = system_domain(s->parts->system);
	double tokens = (double)(s->job->batch.micro * s->job->batch.sequence) / (double)s->cp;
	struct op op = { .kind = OP_SEND_RECV, .dtype = DTYPE_BF16, .devices = 2 };
	struct op_cost c;

	if (s->pp < 2)
		return 0;
	op.bytes = tokens * (double)s->parts->model->shape.hidden * 2 / (s->graph.place.sequence_parallel ? (double)s->tp : 1);
	op.devices_per_node = stage_ranks * 2 <= domain ? 0 : 1;
	cost_op(s->parts->costs, &op, &c);
	return c.seconds / s->parts->stack->comm_share;
}

/* Parameters of a single chunk: as if it were a rank of a pipeline with one chunk a rank. */
static bool chunk_parameters(const struct train_setup *s, int chunk, struct training_parameters *out, struct err *err)
{
	struct training_memory_options o = s->memory;

	o.graph = &s->graph;
	o.stages = s->graph.place.pp;
	return training_parameters(&o, chunk, out, err);
}

bool train_price_arithmetic(const struct train_setup *s, int chunk, struct train_chunk *out, struct arena *arena, struct err *err)
{
	struct training_ops ops;

	*out = (struct train_chunk){ 0 };
	if (!training_graph_build(&s->graph, chunk, &ops, arena, err))
		return false;
	price_ops(s, &ops, out);
	return true;
}

void train_price_traffic(const struct train_setup *s, const struct training_parameters *n, int64_t layers, struct train_chunk *out)
{
	int64_t spread = s->graph.place.dp_attention, expert_ranks = s->data_ranks / spread > 0 ? s->data_ranks / spread : 1;
	int64_t shard = s->shard_ranks, expert_shard = expert_ranks < shard ? expert_ranks : shard;
	/* Frozen weights have no gradients to reduce. */
	double trained = n->dense + n->expert > 0 ? n->trainable / (n->dense + n->expert) : 0;

	out->time.send_s = send_time(s);
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
	struct training_parameters n;
	int64_t first, layers;

	if (!train_price_arithmetic(s, chunk, out, arena, err) || !chunk_parameters(s, chunk, &n, err))
		return false;
	placement_layers(s->parts->model, &s->graph.place, chunk, &first, &layers);
	train_price_traffic(s, &n, layers, out);
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
