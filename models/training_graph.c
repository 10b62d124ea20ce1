#include "models/training_graph.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "models/prediction.h"
#include "models/technique.h"

const char *const training_part_names[] = { "gemm", "attention", "elementwise", "tp_comm", "ep_comm", "cp_comm", NULL };

enum { PENDING_MOST = 8 };

struct builder {
	const struct training_graph_options *o;
	struct training_ops *out;
	size_t capacity;
	struct arena *arena;
	bool expert;                   /* grouped products are at hand: their casts are said beside them */
	bool failed;
	/* Tensor collectives and their products: the last product of each phase; gathers that wait for the next one. */
	int32_t product[PHASE_COUNT], first[PHASE_COUNT];
	int32_t pending[PENDING_MOST];
	size_t pending_count;
	double remade;                 /* share of the layers that full recomputation makes again */
};

static struct training_op *push(struct builder *b, const char *label, const struct op *op, enum training_phase phase,
				enum training_part part, double count)
{
	struct training_ops *all = b->out;
	struct training_op *t;

	if (all->count == b->capacity) {
		size_t wanted = b->capacity ? 2 * b->capacity : 128;
		struct training_op *grown = arena_alloc(b->arena, wanted * sizeof(*grown));

		if (!grown) {
			b->failed = true;
			return NULL;
		}
		if (all->count)
			memcpy(grown, all->at, all->count * sizeof(*grown));
		all->at = grown;
		b->capacity = wanted;
	}
	t = &all->at[all->count++];
	*t = (struct training_op){ .label = label, .op = *op, .phase = phase, .part = part, .count = count, .kernels = 1, .pace = 1, .partner = -1 };
	return t;
}

static void elementwise(struct builder *b, const struct node *n, const struct op *op);

/* Made again at little cost: norms, activations and what MLA projects up from its latents (DeepSeek-V3, section 3.2.3). */
static bool cheap(const struct node *n, const struct op *op)
{
	return op->kind == OP_NORM || op->kind == OP_ACTIVATION || strcmp(n->label, "q_b_proj") == 0 || strcmp(n->label, "kv_b_proj") == 0;
}

/* Forward, and once more where the backward pass makes it again. */
static void forward(struct builder *b, const struct node *n, const struct op *op, enum training_part part, bool core)
{
	struct training_op *t = push(b, n->label, op, PHASE_FORWARD, part, n->count);
	enum recompute r = b->o->recompute;

	if (t)
		t->overlap = n->overlap;
	double again = r == RECOMPUTE_FULL ? b->remade : r == RECOMPUTE_SELECTIVE && core && !b->o->selective_half;

	if (r == RECOMPUTE_ELEMENTWISE && cheap(n, op))
		again = 1;
	if (r == RECOMPUTE_SELECTIVE && b->o->selective_half)
		again = part == PART_GEMM ? 0.5 : part == PART_ELEMENTWISE ? 1 : 0;
	if (again > 0) {
		t = push(b, n->label, op, PHASE_RECOMPUTE, part, n->count * again);
		if (t)
			t->overlap = n->overlap;
	}
}

/* The products pushed since `from` are what waiting gathers feed, and what later collectives carry away. */
static void meet(struct builder *b, size_t from)
{
	int32_t *p = b->product;

	p[PHASE_RECOMPUTE] = -1;
	for (size_t i = from; i < b->out->count && !b->failed; i++)
		if (b->out->at[i].part == PART_GEMM)
			p[b->out->at[i].phase] = (int32_t)i;
	for (int k = 0; k < PHASE_COUNT; k++)
		if (b->first[k] < 0)
			b->first[k] = p[k];
	for (size_t i = 0; i < b->pending_count; i++)
		b->out->at[b->pending[i]].partner = p[b->out->at[b->pending[i]].phase];
	b->pending_count = 0;
}

/* The last gather of a layer feeds the next layer's first product, which is this one's again. */
static void meet_first(struct builder *b)
{
	for (size_t i = 0; i < b->pending_count; i++)
		b->out->at[b->pending[i]].partner = b->first[b->out->at[b->pending[i]].phase];
}

/* An adapter's own operators: backwards twice the products (inputs and weights), once the rest. */
static void adapt(struct builder *b, const struct node *n, const struct op *op)
{
	const struct adapter_ops *a = b->o->adapter;
	struct op own[ADAPTER_OPS_MOST];
	size_t count = b->o->frozen && a && a->adapts(n->label) ? a->forward(op, b->o->adapter_rank, own) : 0;

	for (size_t i = 0; i < count; i++) {
		bool product = own[i].kind == OP_GEMM;

		forward(b, n, &own[i], product ? PART_GEMM : PART_ELEMENTWISE, false);
		push(b, n->label, &own[i], PHASE_BACKWARD, product ? PART_GEMM : PART_ELEMENTWISE, n->count);
		if (product)
			push(b, n->label, &own[i], PHASE_WEIGHT, PART_GEMM, n->count);
	}
}

/* A kernel that streams so many bytes: a copy reads and writes its own. */
static struct op streaming(double bytes)
{
	return (struct op){ .kind = OP_COPY, .dtype = DTYPE_BF16, .bytes = bytes / 2 };
}

/* Casts of `rows` 16-bit tokens to the products' format and, unless the weights are frozen, turned for their gradient; backwards,
 * of the gradient of the result. */
static void cast(struct builder *b, const struct node *n, enum dtype to, double rows, double width, double result)
{
	double bytes = 2 + dtype_bytes(to) * (b->o->frozen ? 1 : 2);
	struct op there = streaming(rows * width * bytes), back = streaming(rows * result * bytes);

	forward(b, n, &there, PART_ELEMENTWISE, false);
	push(b, n->label, &back, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
}

static void gemm(struct builder *b, const struct node *n, const struct op *op)
{
	struct op input = *op, weight = *op;
	bool absorbed = op->batch > 1;         /* MLA's products a head: no weights between them and the tokens */
	double trained = b->o->frozen && !b->o->adapter ? b->o->trainable : b->o->frozen ? 0 : 1;

	size_t from = b->out->count;

	adapt(b, n, op);
	if (b->o->separate_casts && !b->expert && dtype_bytes(op->dtype) < 2)
		cast(b, n, op->dtype, (double)op->m * (double)(op->batch > 1 ? op->batch : 1), (double)op->k, (double)op->n);
	forward(b, n, op, PART_GEMM, false);
	input.n = op->k, input.k = op->n;
	push(b, n->label, &input, PHASE_BACKWARD, PART_GEMM, n->count);
	weight.m = op->n, weight.n = op->k, weight.k = op->m;
	if (absorbed)
		weight = input;
	if (trained > 0)
		push(b, n->label, &weight, PHASE_WEIGHT, PART_GEMM, n->count * trained);
	meet(b, from);
}

/* One product of a grouped kernel: the same shape for each expert on the device, one launch for all of them. */
static void grouped(struct builder *b, const struct node *n, struct op one, double experts)
{
	struct node scaled = *n;
	size_t before = b->out->count;

	/* Launches: 8-bit products are quantised and run expert by expert (Transformer Engine's grouped linear). */
	scaled.count = n->count * experts;
	b->expert = true;
	gemm(b, &scaled, &one);
	b->expert = false;
	for (size_t i = before; i < b->out->count && !b->failed; i++)
		b->out->at[i].kernels = dtype_bytes(one.dtype) < 2 ? 1 : 1 / experts;
}

/* One kernel for a product of all experts (Megatron-Core's fused grouped MLP): as fast as one large product, activation and
 * casts at its end, tokens sorted by the exchange. In 8 bits tensor cores do twice the work of 16 on half the bytes. */
static void fused_experts(struct builder *b, const struct node *n, struct op up, struct op down, int64_t rows)
{
	size_t from;
	double pace = fmin(1, dtype_bytes(up.dtype) / 2);

	if (pace < 1)
		cast(b, n, up.dtype, (double)rows, (double)up.k, (double)down.n);
	up.m = down.m = rows > 0 ? rows : 1;
	up.dtype = down.dtype = b->o->place.activations;
	from = b->out->count;
	gemm(b, n, &up);
	gemm(b, n, &down);
	for (size_t i = from; i < b->out->count && !b->failed; i++)
		b->out->at[i].pace = pace;
}

/* Casts around a grouped product, expert by expert (Transformer Engine's split_quantize). */
static void cast_experts(struct builder *b, const struct node *n, double experts, double rows, const struct op *product)
{
	struct node each = *n;

	each.count = n->count * experts;
	if (dtype_bytes(product->dtype) < 2)
		cast(b, &each, product->dtype, rows / experts, (double)product->k, (double)product->n);
}

/* Tokens to the order of their experts and back: rows gathered by index, which no compiler fuses into a product. Read and
 * written there, read with its weight and added to the token back: three passes of 16 bits either way. Copies arrive by rank, and
 * are put into the order of a rank's experts, if it has several, by a copy more each way (sort_chunks_by_idxs of Megatron-Core's
 * all-to-all dispatcher). */
static void sorting(struct builder *b, const struct node *n, double elements, double experts)
{
	double passes = b->o->copies && b->o->place.ep > 1 && experts > 1 ? 3 + 2 : 3;
	struct op pass = streaming(elements * passes * dtype_bytes(b->o->place.activations));

	for (int i = 0; i < 2; i++) {
		forward(b, n, &pass, PART_ELEMENTWISE, false);
		push(b, n->label, &pass, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
	}
}

/* Kernels of torch by the bytes an element that each streams, either way; 0 ends. */
enum { PLAIN_MOST = 13 };
struct plain_kernels {
	double forward[PLAIN_MOST], backward[PLAIN_MOST];
};

/* Over `elements`, `times` times. */
static void plain(struct builder *b, const struct node *n, double elements, double times, const struct plain_kernels *k)
{
	struct node each = *n;
	size_t from = b->out->count;

	each.count = n->count * times;
	for (int i = 0; k->forward[i] > 0; i++) {
		struct op pass = streaming(elements * k->forward[i]);

		forward(b, &each, &pass, PART_ELEMENTWISE, false);
	}
	for (int i = 0; k->backward[i] > 0; i++) {
		struct op pass = streaming(elements * k->backward[i]);

		push(b, n->label, &pass, PHASE_BACKWARD, PART_ELEMENTWISE, each.count);
	}
	for (size_t i = from; i < b->out->count && !b->failed; i++)
		b->out->at[i].plain = true;
}

/* Biases and clamped gates of experts in Megatron-Core's grouped MLP (megatron/core/transformer/moe/experts.py and
 * fusions/fused_bias_geglu.py). The first product's bias is added by its epilogue; its gradient reads that of the result once. The
 * second's is weighted as its tokens are, expert by expert and in 32 bits (_apply_bias): multiplied, added; all joined, narrowed.
 * Backwards widened and joined for the product; each narrowed, multiplied and summed for bias and for weight. */
static const struct plain_kernels gradient = { { 0 }, { 2 } };
static const struct plain_kernels apply_bias = { { 4, 2 + 4 + 4 }, { 4 + 2, 4 + 4, 4, 4 + 4, 4 } };
static const struct plain_kernels all_biased = { { 4 + 4, 4 + 2 }, { 2 + 4, 2 + 2 } };
/* Half of the elements are gates. Both halves are clamped and joined before the fused kernel. */
static const struct plain_kernels clamps = { { 4 / 2, 4 / 2, 2 + 2 }, { 6 / 2, 6 / 2, 2 + 2 } };
/* Where the recipe interleaves them for a fused grouped kernel that does not take this activation, they are put in order, clamped,
 * and go through sigmoid, offset, product, weight and narrowing as operators of their own. */
static const struct plain_kernels interleaved = { { 2 + 2, 4 / 2, 4 / 2, 4 / 2, 4 / 2, 6 / 2, 6 / 2, 6 / 2 },
						  { 2 + 2, 6 / 2, 6 / 2, 2 + 2, 6 / 2, 6 / 2, 6 / 2, 8 / 2, 6 / 2, 10 / 2, 4 / 2, 6 / 2 } };

static bool clamped(const struct model *m)
{
	return m->mlp.activation && strstr(m->mlp.activation, "clamped");
}

static void biased_experts(struct builder *b, const struct node *n, double held, double rows, const struct op *op)
{
	const struct model *m = b->o->model;
	double up = rows * (double)op->n * (op->gated ? 2 : 1), down = rows * (double)op->k;

	if (clamped(m))
		plain(b, n, up, 1, b->o->fused_experts ? &interleaved : &clamps);
	if (!m->moe.bias)
		return;
	if (!b->o->frozen)
		plain(b, n, up / held, held, &gradient);
	plain(b, n, down / held, held, &apply_bias);
	plain(b, n, down, 1, &all_biased);
}

/* The fused grouped kernel knows one activation (TEGroupedMLP._is_fused_impl_supported asks for silu). */
static bool one_kernel(const struct training_graph_options *o)
{
	return o->fused_experts && !o->model->moe.bias && !clamped(o->model);
}

/* Tokens that reached this device's experts, sorted by expert: up (and gate), activation, down, each as a grouped
 * product; and the sorting itself, a copy there and a weighted copy back. */
static void experts(struct builder *b, const struct node *n, const struct op *op)
{
	double held = (double)(op->experts > 0 ? op->experts : 1), all = (double)(op->experts_total > 0 ? op->experts_total : op->experts);
	double hot = op->imbalance > 1 ? op->imbalance : 1, each = (double)op->m * (double)op->top_k / fmax(1, all) * hot;
	int64_t m = each < 1 ? 1 : (int64_t)(each + 0.5), rows = (int64_t)(each * held + 0.5);
	struct op up = { .kind = OP_GEMM, .dtype = op->dtype, .m = m, .n = op->n * (op->gated ? 2 : 1), .k = op->k };
	struct op down = { .kind = OP_GEMM, .dtype = op->dtype, .m = m, .n = op->k, .k = op->n };
	struct op act = { .kind = OP_ACTIVATION, .dtype = b->o->place.activations, .m = rows, .n = op->n, .gated = op->gated };

	if (one_kernel(b->o)) {
		fused_experts(b, n, up, down, rows);
		return;
	}
	/* Tokens arrive in 16 bits, and the activation leaves them so. */
	cast_experts(b, n, held, (double)rows, &up);
	grouped(b, n, up, held);
	elementwise(b, n, &act);
	cast_experts(b, n, held, (double)rows, &down);
	grouped(b, n, down, held);
	biased_experts(b, n, held, (double)rows, op);
	sorting(b, n, (double)rows * (double)op->k, held);
}

/* Bytes of each element-wise kernel between attention's two products, an entry of the score matrix (16 bits; a byte of mask).
 * Megatron's fused softmax scales, masks and normalises rows held in registers: it reads the causal half and writes all;
 * backward it reads that half of gradient and result. Where it cannot be used, PyTorch widens, scales, masks, normalises
 * and narrows one after the other. */
enum { SOFTMAX_KERNELS_MOST = 5 };
struct softmax_kernels {
	size_t count;
	double forward[SOFTMAX_KERNELS_MOST], backward[SOFTMAX_KERNELS_MOST];
};
static const struct softmax_kernels fused_softmax = { 1, { 1 + 2 }, { 1 + 1 + 2 } };
static const struct softmax_kernels plain_softmax = { 5, { 2 + 4, 4 + 4, 4 + 1 + 4, 4 + 4, 4 + 2 }, { 2 + 4, 4 + 4 + 4, 4 + 1 + 4, 4 + 4, 4 + 2 } };
static const double DROPOUT_BYTES = 2 + 2 + 1; /* of 16-bit scores and their mask, either direction */

/* The fused kernel works on blocks of four rows of as many matrices (Megatron-LM's is_kernel_available). */
static const struct softmax_kernels *softmax_of(int64_t matrices)
{
	return matrices % 4 == 0 ? &fused_softmax : &plain_softmax;
}

/* Element-wise kernels written for training pass over their operands once, at the rate of memory. */
static void stream_since(struct builder *b, size_t from)
{
	for (size_t i = from; i < b->out->count && !b->failed; i++)
		b->out->at[i].op = streaming(op_bytes(&b->out->at[i].op));
}

/* Scores, softmax, mask and result as kernels of their own: batch x heads matrices of q_len x kv_len. */
static void eager_attention(struct builder *b, const struct node *n, const struct op *op)
{
	int64_t matrices = op->batch * op->heads, kv = (int64_t)op->kv_len, v = op->v_head_dim > 0 ? op->v_head_dim : op->head_dim;
	double all = (double)matrices * (double)op->q_len * (double)kv;
	struct op scores = { .kind = OP_GEMM, .dtype = op->dtype, .m = op->q_len, .n = kv, .k = op->head_dim, .batch = matrices };
	struct op result = { .kind = OP_GEMM, .dtype = op->dtype, .m = op->q_len, .n = v, .k = kv, .batch = matrices };
	struct op dropout = streaming(all * DROPOUT_BYTES), pass;
	const struct softmax_kernels *softmax = softmax_of(matrices);

	forward(b, n, &scores, PART_ATTENTION, true);
	for (size_t i = 0; i < softmax->count; i++) {
		pass = streaming(all * softmax->forward[i]);
		forward(b, n, &pass, PART_ELEMENTWISE, true);
		pass = streaming(all * softmax->backward[i]);
		push(b, n->label, &pass, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
	}
	if (b->o->dropout)
		forward(b, n, &dropout, PART_ELEMENTWISE, true);
	forward(b, n, &result, PART_ATTENTION, true);
	push(b, n->label, &scores, PHASE_BACKWARD, PART_ATTENTION, 2 * n->count);
	push(b, n->label, &result, PHASE_BACKWARD, PART_ATTENTION, 2 * n->count);
	if (b->o->dropout)
		push(b, n->label, &dropout, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
}

static void attention(struct builder *b, const struct node *n, const struct op *op)
{
	struct op whole = *op;

	whole.batch = b->o->micro_batch;
	if (b->o->attention == ATTENTION_EAGER && op->kind == OP_ATTENTION_PREFILL) {
		eager_attention(b, n, &whole);
		return;
	}
	/* Selective recomputation has nothing to save here: the kernel keeps no scores. */
	forward(b, n, &whole, PART_ATTENTION, false);
	push(b, n->label, &whole, PHASE_BACKWARD, PART_ATTENTION, n->count * b->o->attention_backward);
}

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* Tokens go to `ranks` places at most top_k, without going to one twice. */
static double places(double ranks, double top_k)
{
	return ranks * (1 - pow(1 - 1 / ranks, top_k));
}

/* Of an expert exchange that sends a token to each rank once: its share that is left when it goes to each of several nodes
 * once, or how much more it is with a copy for each expert. */
static double sent(const struct builder *b, const struct op *op)
{
	double ranks = op->devices, nodes = op->devices_per_node > 0 ? ceil(ranks / op->devices_per_node) : 1;
	double k = (double)b->o->model->moe.top_k;

	if (b->o->copies && op->kind == OP_ALL_TO_ALL)
		return k / places(ranks, k);
	return b->o->once_a_node && op->kind == OP_ALL_TO_ALL && nodes > 1 ? places(nodes, k) / places(ranks, k) : 1;
}

static void collective(struct builder *b, const struct node *n, const struct op *whole)
{
	struct op once = *whole, *op = &once;
	bool ring = strcmp(n->label, "ring_kv") == 0, moe = text_starts(n->label, "moe_");
	enum training_part part = ring ? PART_CP_COMM : moe ? PART_EP_COMM : PART_TP_COMM;
	size_t from = b->out->count;
	struct training_op *t;
	struct op back;

	op->bytes *= moe ? sent(b, op) : 1;
	if (part == PART_TP_COMM && b->o->tp_network != NETWORK_DEFAULT)
		op->devices_per_node = b->o->tp_network == NETWORK_SCALE_OUT ? 1 : 0;
	back = *op;
	if (op->kind == OP_ALL_GATHER)
		back.kind = OP_REDUCE_SCATTER;
	else if (op->kind == OP_REDUCE_SCATTER)
		back.kind = OP_ALL_GATHER;
	forward(b, n, op, part, false);
	t = push(b, n->label, &back, PHASE_BACKWARD, part, n->count * (ring ? 2 : 1));
	if (t)
		t->overlap = n->overlap;
	if (part != PART_TP_COMM)
		return;
	if (op->kind == OP_ALL_GATHER && b->o->gather_again && b->o->recompute != RECOMPUTE_FULL && !b->o->frozen) {
		t = push(b, n->label, op, PHASE_BACKWARD, part, n->count);
		if (t)
			t->behind = true;
	}
	for (size_t i = from; i < b->out->count && !b->failed; i++) {
		if (op->kind != OP_ALL_GATHER)
			b->out->at[i].partner = b->product[b->out->at[i].phase];
		else if (b->pending_count < PENDING_MOST)
			b->pending[b->pending_count++] = (int32_t)i;
	}
}

/* Backward over forward traffic of the element-wise kernels: a gated activation reads two and writes one, backwards
 * reads three and writes two; a norm reads input and gradient and writes one, and reduces its weights' gradients. */
static double backward_traffic(enum op_kind kind)
{
	switch (kind) {
	case OP_ACTIVATION:
		return 5.0 / 3;
	case OP_NORM:
		return 1.5;
	case OP_SCAN:
		return 2.5;
	default:
		return 1;
	}
}

static void elementwise(struct builder *b, const struct node *n, const struct op *op)
{
	/* Eager kernels: an RMS norm casts to 32 bits and back, a gated activation writes what it multiplies, a rotation makes
	 * halves. PyTorch has single kernels for layer norm and GELU. */
	bool plain = (op->kind == OP_NORM && b->o->model->shape.norm != NORM_RMS) || (op->kind == OP_ACTIVATION && !op->gated);
	double passes = b->o->fused || plain || op->kind == OP_ADD || op->kind == OP_EMBEDDING ? 1 : 2.5;
	struct node scaled = *n;
	struct op mask = { .kind = OP_ADD, .dtype = op->dtype, .m = op->m, .n = b->o->model->shape.hidden };

	size_t from = b->out->count;

	scaled.count *= passes;
	forward(b, &scaled, op, PART_ELEMENTWISE, false);
	push(b, n->label, op, PHASE_BACKWARD, PART_ELEMENTWISE, scaled.count * backward_traffic(op->kind));
	if (op->kind == OP_NORM && b->o->dropout) {
		forward(b, n, &mask, PART_ELEMENTWISE, false);
		push(b, n->label, &mask, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
	}
	if (b->o->streaming)
		stream_since(b, from);
}

/* Bytes a logit of Megatron-LM's cross entropy (vocab_parallel_cross_entropy), kernel by kernel: widened, its maximum, less
 * the maximum, exponential, sum, divided; backward scaled and narrowed. */
static const double LOSS_BYTES = (2 + 4) + 4 + (4 + 4) + (4 + 4) + 4 + (4 + 4), LOSS_BACK_BYTES = (4 + 4) + (4 + 2);

/* Cross entropy over this rank's part of the vocabulary in 32 bits: logits in, softmax out, gradient in place. */
static void loss(struct builder *b, const struct node *n, const struct op *op)
{
	int64_t tp = b->o->place.tp > 0 ? b->o->place.tp : 1;
	struct op softmax = { .kind = OP_SOFTMAX, .dtype = DTYPE_FP32, .m = op->m, .n = (op->n + tp - 1) / tp };

	struct op there = softmax, back = softmax;

	if (b->o->streaming) {
		there = streaming((double)softmax.m * (double)softmax.n * LOSS_BYTES);
		back = streaming((double)softmax.m * (double)softmax.n * LOSS_BACK_BYTES);
	}
	push(b, "cross_entropy", &there, PHASE_FORWARD, PART_ELEMENTWISE, n->count);
	push(b, "cross_entropy", &back, PHASE_BACKWARD, PART_ELEMENTWISE, n->count);
}

static void add(struct builder *b, const struct node *n, const struct op *op)
{
	switch (op->kind) {
	case OP_GEMM:
		gemm(b, n, op);
		break;
	case OP_MOE:
		experts(b, n, op);
		break;
	case OP_ATTENTION_PREFILL:
	case OP_MLA_PREFILL:
		attention(b, n, op);
		break;
	case OP_SAMPLING:
		loss(b, n, op);
		break;
	case OP_KV_APPEND:
		break;                 /* keys and values stay where the projection left them */
	case OP_SEND_RECV:
		if (strcmp(n->label, "ring_kv") == 0)
			collective(b, n, op);
		break;                 /* between stages: the schedule's */
	default:
		if (strcmp(n->label, "logits_all_gather") == 0)
			break;         /* the loss is taken over the parts */
		if (is_collective(op->kind))
			collective(b, n, op);
		else
			elementwise(b, n, op);
	}
}

/* The nodes of a forward graph, on the tokens of a micro-batch of each attention rank. */
static void add_graph(struct builder *b, const struct graph *g)
{
	const struct training_graph_options *o = b->o;
	int64_t dp = o->place.dp_attention > 0 ? o->place.dp_attention : 1;
	double tokens = (double)(o->micro_batch * o->sequence * dp);
	struct extent x = { .tokens = tokens, .prefill_tokens = tokens, .logits = tokens, .chunk = (double)o->sequence };

	for (size_t i = 0; i < g->count; i++) {
		struct node n = g->nodes[i];
		struct op op;

		if (n.scale == PER_DECODES || n.scale == PER_DECODE_CONTEXT)
			continue;
		/* Each attention rank works on its own micro-batch: what graph.h deals over dp_attention happens here once. */
		if (n.scale == PER_PREFILL_CHUNK) {
			bool fresh = n.op.kind == OP_ATTENTION_PREFILL || n.op.kind == OP_MLA_PREFILL;

			n.count *= (double)dp;
			if (!fresh)
				n.per_unit *= (double)o->micro_batch;
		}
		if (graph_op(&n, &x, &op))
			add(b, &n, &op);
	}
}

/* Module after module of multi-token prediction: both norms, the projection (cut over the tensor ranks), layer and head. */
static bool add_predictions(struct builder *b, struct arena *arena, struct err *err)
{
	const struct training_graph_options *o = b->o;
	struct model *module = arena_alloc(arena, sizeof(*module));
	struct placement place = o->place;
	int64_t hidden = o->model->shape.hidden, tokens = (o->micro_batch * o->sequence + place.cp - 1) / place.cp;
	struct op norm = { .kind = OP_NORM, .dtype = place.activations, .m = place.sequence_parallel ? (tokens + place.tp - 1) / place.tp : tokens, .n = hidden };
	struct op project = { .kind = OP_GEMM, .dtype = place.weights, .m = tokens, .n = (hidden + place.tp - 1) / place.tp, .k = 2 * hidden };
	struct node norms = { .label = "prediction_norms", .count = 2 }, one = { .label = "prediction_project", .count = 1 };
	struct graph g;

	if (!module)
		return err_memory(err);
	prediction_model(o->model, module);
	place.pp = 1, place.heavy_end = false;
	if (!graph_build(module, &place, NULL, 0, &g, arena, err) || !technique_training_graph(o->techniques, module, &place, 0, &g, arena, err))
		return false;
	for (int64_t i = 0; i < o->predictions; i++) {
		elementwise(b, &norms, &norm);
		gemm(b, &one, &project);
		add_graph(b, &g);
	}
	return true;
}

static double share_remade(const struct training_graph_options *o, int chunk)
{
	int64_t first, layers;

	placement_layers(o->model, &o->place, chunk, &first, &layers);
	return o->recompute_layers > 0 && o->recompute_layers < layers ? (double)o->recompute_layers / (double)layers : 1;
}

bool training_graph_build(const struct training_graph_options *o, int chunk, struct training_ops *out, struct arena *arena,
			  struct err *err)
{
	struct builder b = { .o = o, .out = out, .arena = arena, .remade = share_remade(o, chunk) };
	struct graph g;

	*out = (struct training_ops){ 0 };
	for (int k = 0; k < PHASE_COUNT; k++)
		b.product[k] = b.first[k] = -1;
	if (!graph_build(o->model, &o->place, NULL, chunk, &g, arena, err) ||
	    !technique_training_graph(o->techniques, o->model, &o->place, chunk, &g, arena, err))
		return false;
	add_graph(&b, &g);
	if (o->predictions > 0 && chunk == (int)o->place.pp - 1 && !add_predictions(&b, arena, err))
		return false;
	meet_first(&b);
	return b.failed ? err_memory(err) : true;
}
