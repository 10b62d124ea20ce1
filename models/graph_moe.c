/* Routed and shared experts, and how tokens reach them. */
#include <math.h>

#include "models/graph_build.h"

/* How the routed experts of a layer lie on the ranks. */
struct moe_plan {
	int64_t ranks;   /* tp * dp_attention */
	int64_t width;   /* columns of an expert on a rank */
	int64_t experts; /* on a rank */
	bool exchange;   /* all_to_all: each rank has whole experts and its own tokens */
	bool received;   /* and its experts' kernels see only the pairs that came, not the tokens of all ranks (routed) */
	double tokens;   /* of the batch that reach the experts' ranks: 1 / (cp stages) */
};

static struct moe_plan plan(const struct build *b)
{
	const struct model_moe *e = &b->m->moe;
	struct moe_plan p = { .ranks = b->p.tp * b->p.dp_attention };
	int64_t slices = p.ranks / b->p.ep;

	p.width = (e->expert_intermediate + slices - 1) / slices;
	p.experts = (e->experts + b->p.ep - 1) / b->p.ep;
	p.exchange = b->p.dp_attention > 1 && b->p.ep == p.ranks;
	p.received = p.exchange && b->p.ep > e->top_k;
	p.tokens = 1 / (double)(b->p.cp * b->p.stages);
	return p;
}

/* Ranks that a token is sent to when its top_k experts lie anywhere: ep (1 - (1 - 1/ep)^top_k). */
static double copies(const struct build *b)
{
	double ep = (double)b->p.ep;

	return ep * (1 - pow(1 - 1 / ep, (double)b->m->moe.top_k));
}

/* One byte an element when the experts compute in 8 bits or less (their activations travel quantised), else as they are. */
static double dispatch_bytes(const struct build *b)
{
	if (b->p.wide_dispatch)
		return b->bytes;
	switch (b->p.experts) {
	case DTYPE_FP8:
	case DTYPE_FP8_BLOCK:
	case DTYPE_FP4:
	case DTYPE_FP6:
	case DTYPE_INT8:
	case DTYPE_INT4:
		return 1;
	default:
		return b->bytes;
	}
}

static void dispatch(struct build *b, const struct moe_plan *p, int64_t width)
{
	/* Ranks that share their tokens (tp) split the sending. */
	double own = b->share / (double)b->p.tp;

	if (p->exchange)
		build_comm(b, "moe_dispatch", OP_ALL_TO_ALL, b->p.ep, 1,
			   own * copies(b) * (double)width * dispatch_bytes(b));
	else
		build_comm(b, "moe_all_gather", OP_ALL_GATHER, b->p.dp_attention, b->p.tp,
			   p->tokens * (double)width * b->bytes);
}

static void combine(struct build *b, const struct moe_plan *p, int64_t width)
{
	double own = b->share / (double)b->p.tp;

	if (p->exchange) {
		build_comm(b, "moe_combine", OP_ALL_TO_ALL, b->p.ep, 1, own * copies(b) * (double)width * b->bytes);
		build_comm(b, "moe_token_gather", OP_ALL_GATHER, b->p.tp, 1, b->share * (double)width * b->bytes);
	} else {
		build_comm(b, "moe_reduce_scatter", OP_REDUCE_SCATTER, b->p.dp_attention, b->p.tp,
			   p->tokens * (double)width * b->bytes);
	}
}

/*
 * Measured kernels of expert parallelism are given the tokens of all ranks and pass over those of others' experts, as in engines
 * that gather them. Engines send tokens to where their experts are only when there are more ranks than a token has experts
 * (TensorRT-LLM, fused_moe: no all-to-all while moe_ep_size <= top_k): then the kernel has the pairs that came and nothing else.
 */
static void routed(struct build *b, const struct moe_plan *p, int64_t width)
{
	const struct model_moe *e = &b->m->moe;
	struct node *n = build_node(b, "moe", OP_MOE, b->p.experts, b->p.dp_attention > 1 ? PER_EXPERT_TOKENS : PER_TOKENS);
	double skewed = routing_imbalance(e->experts, e->top_k, b->p.ep, b->p.routing_skew);

	if (!n)
		return;
	n->op.k = width;
	n->op.n = p->width;
	n->op.experts = p->experts;
	n->op.experts_total = e->experts;
	n->op.top_k = e->top_k;
	n->op.gated = b->m->mlp.gated;
	n->op.imbalance = b->p.expert_imbalance > 0 ? b->p.expert_imbalance : skewed;
	n->op.skew = b->p.routing_skew;
	n->op.chance = true;
	n->per_unit = p->tokens;
	if (p->received) {
		n->per_unit *= (double)e->top_k / (double)b->p.ep * n->op.imbalance;
		n->op.experts_total = p->experts;
		n->op.top_k = 1;
		n->op.imbalance = 0;
	}
}

static void shared(struct build *b)
{
	const struct model_moe *e = &b->m->moe;
	int64_t total =
		e->shared_intermediate > 0 ? e->shared_intermediate : e->shared_experts * e->expert_intermediate;
	int64_t width = build_local(b, total), h = b->m->shape.hidden, up = b->m->mlp.gated ? 2 : 1;
	struct node *n;

	if (total == 0)
		return;
	build_beside(b, build_gemm(b, "shared_up_proj", b->p.weights, h, up * width), "shared_experts");
	n = build_rows(b, "activation", OP_ACTIVATION, width);
	if (n)
		n->op.gated = b->m->mlp.gated;
	build_beside(b, n, "shared_experts");
	build_beside(b, build_gemm(b, "shared_down_proj", b->p.weights, width, h), "shared_experts");
	if (e->shared_gate)
		build_gemm(b, "shared_gate", b->p.activations, h, 1);
	/* Experts in 4 bits behind attention that is cut over ranks: their sum is part of the all-reduce (TensorRT-LLM's moe_allreduce). */
	if (build_has(b, "shared_add") && !(b->p.experts == DTYPE_FP4 && b->p.dp_attention == 1 && b->p.tp > 1))
		build_rows(b, "shared_add", OP_ADD, h);
}

/* Router: a GEMM hidden -> experts on every rank, in the activations' format or a wider one (the cast is part of the norm before,
 * where engines compile, and not charged), then top-k. The results of routed and shared
 * experts and of a dense MLP beside them are added before the one reduction over the tensor ranks; after an all_to_all
 * only the latter two still need it. */
void build_moe(struct build *b, const struct layer *l)
{
	const struct model_moe *e = &b->m->moe;
	int64_t h = b->m->shape.hidden, width = e->latent > 0 ? e->latent : h;
	bool others = e->shared_experts > 0 || e->shared_intermediate > 0 || e->beside_dense;
	struct moe_plan p = plan(b);
	struct node *n;

	build_gemm(b, "router", b->p.router, h, e->experts);
	n = build_node(b, "router_top_k", OP_ROUTER, DTYPE_FP32, PER_TOKENS);
	if (n)
		n->op.n = e->experts, n->op.top_k = e->top_k;
	if (e->latent > 0)
		build_gemm(b, "latent_down_proj", b->p.weights, h, e->latent);
	dispatch(b, &p, width);
	routed(b, &p, width);
	combine(b, &p, width);
	if (e->latent > 0)
		build_gemm(b, "latent_up_proj", b->p.weights, e->latent, h);
	shared(b);
	if (e->beside_dense)
		build_mlp(b, l);
	if (!p.exchange || others)
		build_reduce(b, "all_reduce");
}
