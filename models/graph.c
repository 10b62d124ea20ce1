#include "models/graph.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "models/graph_build.h"

int64_t build_local(const struct build *b, int64_t units)
{
	return (units + b->p.tp - 1) / b->p.tp;
}

struct node *build_node(struct build *b, const char *label, enum op_kind kind, enum dtype dtype, enum node_scale scale)
{
	struct graph *g = b->out;
	struct node *n;

	if (g->count == b->capacity) {
		size_t wanted = b->capacity ? 2 * b->capacity : 64;
		struct node *grown = arena_alloc(b->arena, wanted * sizeof(*grown));

		if (!grown) {
			err_memory(b->err);
			return NULL;
		}
		if (g->count)
			memcpy(grown, g->nodes, g->count * sizeof(*grown));
		g->nodes = grown;
		b->capacity = wanted;
	}
	n = &g->nodes[g->count++];
	*n = (struct node){ .label = label,
			    .op = { .kind = kind, .dtype = dtype },
			    .scale = scale,
			    .count = b->layers,
			    .per_unit = b->share };
	return n;
}

struct node *build_gemm(struct build *b, const char *label, enum dtype dtype, int64_t k, int64_t n)
{
	struct node *node = n > 0 && k > 0 ? build_node(b, label, OP_GEMM, dtype, PER_TOKENS) : NULL;

	if (node)
		node->op.k = k, node->op.n = n;
	return node;
}

/* Is `label` one of the words of the list? */
static bool listed(const char *list, const char *label)
{
	size_t n = strlen(label);
	const char *at = list;

	while (at && (at = strstr(at, label)) != NULL) {
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
		at += n;
	}
	return false;
}

bool build_has(const struct build *b, const char *part)
{
	return listed(b->extra, part);
}

void build_beside(struct build *b, struct node *n, const char *part)
{
	if (n && listed(b->beside, part))
		n->beside = b->beside_tokens;
}

struct node *build_rows(struct build *b, const char *label, enum op_kind kind, int64_t n)
{
	struct node *node = n > 0 && !listed(b->contained, label) ? build_node(b, label, kind, b->p.activations, PER_TOKENS) : NULL;

	if (node)
		node->op.n = n;
	return node;
}

/* Ranks of a group lie `stride` devices apart: so many of them share a scale-up domain. */
static int ranks_per_node(const struct build *b, int64_t ranks, int64_t stride)
{
	int64_t together = b->p.devices_per_node / (stride > 0 ? stride : 1);

	if (b->p.devices_per_node <= 0 || together >= ranks)
		return 0;
	return together > 0 ? (int)together : 1;
}

void build_comm(struct build *b, const char *label, enum op_kind kind, int64_t ranks, int64_t stride,
		double bytes_per_token)
{
	struct node *n;

	if (ranks < 2)
		return;
	n = build_node(b, label, kind, b->p.activations, PER_TOKENS);
	if (!n)
		return;
	n->op.devices = (int)ranks;
	n->op.devices_per_node = ranks_per_node(b, ranks, stride);
	n->per_unit = bytes_per_token;
	n->wait_s = kind == OP_ALL_REDUCE ? b->rank_wait_s : 0;
}

void build_reduce(struct build *b, const char *label)
{
	double bytes = (double)b->m->shape.hidden * b->bytes * b->share;

	if (!b->p.sequence_parallel) {
		build_comm(b, label, OP_ALL_REDUCE, b->p.tp, 1, bytes);
		return;
	}
	build_comm(b, "reduce_scatter", OP_REDUCE_SCATTER, b->p.tp, 1, bytes);
	build_comm(b, "all_gather", OP_ALL_GATHER, b->p.tp, 1, bytes);
}

void build_norm(struct build *b, const char *label, bool with_add)
{
	bool fused = with_add && b->fused_add;
	double share = b->p.sequence_parallel ? b->share / (double)b->p.tp : b->share;
	struct node *n = build_rows(b, fused ? "add_norm" : label, OP_NORM, b->m->shape.hidden * (fused ? 2 : 1));

	if (n)
		n->per_unit = share;
	if (with_add && b->fused_add && b->p.tp > 1 && !b->p.sequence_parallel)
		build_beside(b, n, "reduce_norm");
	if (!with_add || b->fused_add)
		return;
	n = build_rows(b, "residual_add", OP_ADD, b->m->shape.hidden);
	if (n)
		n->per_unit = share;
}

int build_window(struct build *b, int64_t window)
{
	struct graph *g = b->out;

	for (int i = 0; i < g->window_count; i++)
		if (g->windows[i] == window)
			return i;
	if (g->window_count == GRAPH_WINDOWS) {
		err_set(b->err, ERR_INPUT, "%s: more than %d different attention windows", b->m->name,
			GRAPH_WINDOWS - 1);
		return 0;
	}
	g->windows[g->window_count] = window;
	return g->window_count++;
}

static bool same(const struct node *a, const struct node *b)
{
	return a->scale == b->scale && a->least == b->least && a->window_class == b->window_class && a->per_unit == b->per_unit &&
	       a->overlap == b->overlap && a->beside == b->beside && a->wait_s == b->wait_s && a->enters == b->enters && strcmp(a->label, b->label) == 0 &&
	       memcmp(&a->op, &b->op, sizeof(a->op)) == 0;
}

void build_merge(struct graph *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		size_t k = 0;

		while (k < kept && !same(&g->nodes[k], &g->nodes[i]))
			k++;
		if (k < kept)
			g->nodes[k].count += g->nodes[i].count;
		else
			g->nodes[kept++] = g->nodes[i];
	}
	g->count = kept;
}

/* x' = x + mixer(norm(x)); y = x' + ffn(norm(x')). A parallel block reads one input for both and adds once. */
static void build_layer(struct build *b, const struct layer *l)
{
	const struct model_shape *s = &b->m->shape;
	bool both = l->mixer != MIXER_NONE && l->ffn != FFN_NONE, parallel = s->parallel && both;

	if (l->mixer != MIXER_NONE) {
		build_norm(b, "input_norm", true);
		if (l->mixer == MIXER_ATTENTION)
			build_attention(b, l);
		if (l->mixer == MIXER_MLA)
			build_mla(b, l);
		if (l->mixer == MIXER_RECURRENT)
			build_recurrent(b);
		if (!parallel)
			build_reduce(b, "all_reduce");
		if (s->norms_per_layer >= 4)
			build_norm(b, "post_mixer_norm", false);
	}
	if (l->ffn == FFN_NONE)
		return;
	if (!parallel)
		build_norm(b, "post_norm", true);
	else if (s->norms_per_layer > 1)
		build_norm(b, "mlp_norm", false);
	if (l->ffn == FFN_DENSE) {
		build_mlp(b, l);
		build_reduce(b, "all_reduce");
	} else {
		build_moe(b, l);
	}
	if (parallel)
		build_rows(b, "parallel_add", OP_ADD, s->hidden);
	if (s->norms_per_layer >= 4)
		build_norm(b, "post_ffn_norm", false);
}

static void build_layers(struct build *b, int64_t first, int64_t count)
{
	for (int64_t i = first; i < first + count && b->err->kind == ERR_NONE; i++) {
		struct layer l, other;
		bool seen = false;

		model_layer(b->m, i, &l);
		for (int64_t k = first; k < i && !seen; k++) {
			model_layer(b->m, k, &other);
			seen = layer_equal(&l, &other);
		}
		if (seen)
			continue;
		b->layers = 1;
		for (int64_t k = i + 1; k < first + count; k++) {
			model_layer(b->m, k, &other);
			b->layers += layer_equal(&l, &other);
		}
		build_layer(b, &l);
	}
	b->layers = 1;
}

/* The vocabulary is dealt over the tensor ranks: a rank looks up its own rows and the sum is taken. */
static void build_embedding(struct build *b)
{
	const struct model_shape *s = &b->m->shape;
	int64_t width = s->embedding_dim > 0 ? s->embedding_dim : s->hidden;
	struct node *n = build_node(b, "embedding", OP_EMBEDDING, b->p.activations, PER_TOKENS);

	if (n)
		n->op.n = width;
	build_comm(b, "embedding_all_reduce", OP_ALL_REDUCE, b->p.tp, 1, (double)width * b->bytes * b->share);
	if (s->embedding_dim > 0)
		build_gemm(b, "project_in", b->p.head, s->embedding_dim, s->hidden);
	if (s->position == POSITION_LEARNED)
		build_rows(b, "position_add", OP_ADD, s->hidden);
	if (s->embedding_norm)
		build_norm(b, "embedding_norm", false);
}

/* Logits of the sequences that get a token: vocabulary over the tensor ranks, gathered for sampling. */
static void build_head(struct build *b)
{
	const struct model_shape *s = &b->m->shape;
	int64_t width = s->embedding_dim > 0 ? s->embedding_dim : s->hidden, logits = build_local(b, s->vocab);
	struct node *n;

	build_norm(b, "final_norm", true);
	if (s->embedding_dim > 0)
		build_gemm(b, "project_out", b->p.head, s->hidden, s->embedding_dim);
	n = build_gemm(b, "lm_head", b->p.head, width, logits);
	if (n)
		n->scale = PER_LOGITS;
	if (b->p.tp > 1) {
		n = build_node(b, "logits_all_gather", OP_ALL_GATHER, b->p.activations, PER_LOGITS);
		if (n) {
			n->op.devices = (int)b->p.tp;
			n->op.devices_per_node = ranks_per_node(b, b->p.tp, 1);
			n->per_unit = (double)s->vocab * b->bytes * b->share;
		}
	}
	n = build_node(b, "sampling", OP_SAMPLING, DTYPE_FP32, PER_LOGITS);
	if (n)
		n->op.n = s->vocab;
}

/* A rank sends its hidden states to its neighbour in the next stage, which lies on another node when the stage fills one. */
static void build_send(struct build *b)
{
	int64_t stage_devices = placement_devices(&b->p) / b->p.pp;
	struct node *n = build_node(b, "send_recv", OP_SEND_RECV, b->p.activations, PER_TOKENS);

	if (!n)
		return;
	n->op.devices = 2;
	n->op.devices_per_node = ranks_per_node(b, 2, stage_devices);
	n->per_unit = (double)b->m->shape.hidden * b->bytes * b->share;
}

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* From device to device of a chain. */
static void build_hops(struct build *b)
{
	struct node *n = b->p.chain > 1 ? build_node(b, "stage_hop", OP_SEND_RECV, b->p.activations, PER_TOKENS) : NULL;

	if (!n)
		return;
	n->count = (double)(b->p.chain - 1);
	n->op.devices = 2;
	n->per_unit = (double)b->m->shape.hidden * b->bytes * b->share;
}

/* Where weights lie, and which part of a device a stage is. */
static void lay_weights(struct build *b)
{
	double region = (double)b->p.chain / (double)b->p.stages;

	for (size_t i = 0; i < b->out->count; i++) {
		struct op *op = &b->out->nodes[i].op;

		if (op->kind == OP_GEMM || op->kind == OP_MOE)
			op->near = b->p.weights_near, op->far = b->p.weights_far, op->far_ways = (int)b->p.chain;
		if (region < 1)
			op->region = region;
		if (is_collective(op->kind) && b->p.stages > 1)
			b->out->nodes[i].least = b->out->nodes[i].per_unit * (double)b->p.stages;
	}
}

/*
 * What a host launches for an operator. Experts: count, scan and sort the choices, gather the tokens, two grouped products with
 * the activation between them, weighted sum. Products in blocks of fp8 (each of the experts' two) begin with a kernel that
 * quantises their tokens; with one scale a tensor that is part of the norm or activation before. Keys and values that a latent
 * cache expands to are put together from three pieces.
 */
static double kernels_of(const struct node *n)
{
	double quantise = n->op.dtype == DTYPE_FP8_BLOCK ? 1 : 0;

	if (n->op.kind == OP_MOE)
		return 8 + 2 * quantise;
	if (n->op.kind != OP_GEMM)
		return 1;
	return 1 + quantise + (n->scale == PER_PREFILL_CHUNK ? 3 : 0);
}

static double launches(const struct graph *g)
{
	double sum = 0;

	for (size_t i = 0; i < g->count; i++)
		sum += g->nodes[i].count * kernels_of(&g->nodes[i]);
	return sum;
}

bool graph_build(const struct model *m, const struct placement *place, const struct stack *stack, int stage,
		 struct graph *out, struct arena *arena, struct err *err)
{
	struct err own = { 0 };
	struct build b = { .m = m, .out = out, .arena = arena, .err = &own, .layers = 1 };
	int64_t first, count;

	placement_resolve(m, place, &b.p);
	if (!placement_check(m, &b.p, err))
		return false;
	if (stage < 0 || stage >= b.p.pp)
		return err_set(err, ERR_INPUT, "stage %d: expected 0 to %lld", stage, (long long)b.p.pp - 1);
	*out = (struct graph){ .window_count = 1 };
	b.fused_add = !(stack && stack->separate_add);
	b.contained = stack ? stack->contained : NULL;
	b.beside = stack ? stack->beside : NULL, b.beside_tokens = stack ? stack->beside_tokens : 0;
	b.rank_wait_s = stack ? stack->rank_wait_s : 0;
	b.extra = stack ? stack->extra : NULL;
	b.share = 1 / (double)(b.p.dp_attention * b.p.cp * b.p.stages);
	b.bytes = dtype_bytes(b.p.activations);
	placement_layers(m, &b.p, stage, &first, &count);
	out->layers = (int)count;
	if (stage == 0)
		build_embedding(&b);
	build_layers(&b, first, count);
	if (stage == b.p.pp - 1)
		build_head(&b);
	else
		build_send(&b);
	build_hops(&b);
	lay_weights(&b);
	out->launches = launches(out);
	if (own.kind != ERR_NONE)
		return err_set(err, own.kind, "%s", own.text);
	build_merge(out);
	return true;
}

static double units_of(const struct node *node, const struct extent *x)
{
	switch (node->scale) {
	case PER_STEP:
		return 1;
	case PER_TOKENS:
	case PER_EXPERT_TOKENS:
		return x->tokens;
	case PER_PREFILL_TOKENS:
		return x->prefill_tokens;
	case PER_DECODES:
	case PER_DECODE_CONTEXT:
		return x->decodes;
	case PER_LOGITS:
		return x->logits;
	case PER_PREFILL_CHUNK:
		return x->chunk;
	case NODE_SCALE_COUNT:
		break;
	}
	return 0;
}

double graph_runs(const struct node *node, const struct extent *x)
{
	double units = units_of(node, x);

	if (!(node->enters > 0) || node->enters >= 1)
		return node->count;
	return node->count * (1 - pow(1 - node->enters, units));
}

/* Rounded up; a hair above a whole number (3 * (1.0 / 3)) is that number. */
static int64_t whole(double v)
{
	double up = ceil(v - 1e-9);

	return up < 1 ? 1 : (int64_t)up;
}

static bool is_prefill_attention(const struct op *op)
{
	return op->kind == OP_ATTENTION_PREFILL || op->kind == OP_MLA_PREFILL;
}

/* The queries of a rank attend to p + c/2 tokens on average, whatever its share of the chunk. */
static void prefill_extent(const struct node *node, const struct extent *x, struct op *out)
{
	double prior = x->prior, share = node->op.kv_len > 0 ? node->op.kv_len : 1;

	if (out->window > 0 && prior > (double)out->window)
		prior = (double)out->window;
	out->batch = 1;
	out->q_len = whole(x->chunk * share);
	out->kv_len = share < 1 ? prior + x->chunk / 2 + (double)out->q_len / 2 : prior + x->chunk;
}

bool graph_op(const struct node *node, const struct extent *x, struct op *out)
{
	double units = units_of(node, x);

	*out = node->op;
	if (!(units > 0))
		return false;
	if (is_prefill_attention(out)) {
		prefill_extent(node, x, out);
		return true;
	}
	if (node->scale == PER_PREFILL_CHUNK)
		units += x->prior;
	if (is_collective(out->kind)) {
		out->bytes = fmax(node->per_unit * units, node->least);
		return true;
	}
	if (node->scale == PER_DECODE_CONTEXT) {
		double share = node->op.kv_len > 0 ? node->op.kv_len : 1;

		out->batch = whole(node->per_unit * units);
		out->q_len = node->op.q_len > 1 ? node->op.q_len : 1;
		out->kv_len = x->context / x->decodes * share;
		return out->kv_len > 0;
	}
	if (node->scale == PER_STEP)
		return true;
	out->m = whole(node->per_unit * units);
	if (node->scale == PER_DECODES && (out->kind == OP_SCAN || out->kind == OP_CONV))
		out->batch = out->m;
	return true;
}

double graph_seconds(const struct node *node, const struct op *op, const struct op_cost *cost, const struct device *device)
{
	double seconds = cost->seconds * (1 - node->overlap) + node->wait_s;

	if (node->beside <= 0 || op->m > node->beside || !device)
		return seconds;
	return fmin(seconds, fmax(cost->flops / device_peak(device, op->dtype, NULL), cost->bytes / device_bandwidth(device)));
}

double graph_device_share(const struct placement *place, const struct node *node, const struct extent *x, const struct op *op)
{
	double regions = (double)place->stages / (double)(place->chain > 0 ? place->chain : 1), asked = node->per_unit * units_of(node, x);
	double done = is_prefill_attention(op) ? (double)op->q_len : node->scale == PER_DECODE_CONTEXT ? (double)op->batch : (double)op->m;

	if (place->stages <= 1)
		return 1;
	if (is_prefill_attention(op) && node->op.kv_len > 0)
		asked = node->op.kv_len * x->chunk;
	if (is_collective(op->kind) || !(done > 0) || node->scale == PER_STEP)
		return regions;
	return fmin(asked / done, 1) * regions;
}
