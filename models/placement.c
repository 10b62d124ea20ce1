#include "models/placement.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "models/model.h"

int64_t placement_devices(const struct placement *p)
{
	int64_t tp = p->tp > 0 ? p->tp : 1, pp = p->pp > 0 ? p->pp : 1, cp = p->cp > 0 ? p->cp : 1;

	return tp * pp * cp * (p->dp_attention > 0 ? p->dp_attention : 1) * (p->chain > 0 ? p->chain : 1);
}

static int64_t at_least_one(int64_t v)
{
	return v > 0 ? v : 1;
}

static enum dtype first_of(enum dtype a, enum dtype b, enum dtype c)
{
	return a != DTYPE_NONE ? a : b != DTYPE_NONE ? b : c;
}

void placement_resolve(const struct model *model, const struct placement *p, struct placement *out)
{
	const struct model_format *f = &model->format;
	/* Weights asked for by name replace the checkpoint's formats everywhere; parts can still be named one by one. */
	bool native = p->weights == DTYPE_NONE;

	*out = *p;
	out->tp = at_least_one(p->tp), out->pp = at_least_one(p->pp), out->ep = at_least_one(p->ep);
	out->cp = at_least_one(p->cp), out->dp_attention = at_least_one(p->dp_attention);
	out->chain = at_least_one(p->chain), out->stages = p->stages > out->chain ? p->stages : out->chain;
	out->activations = first_of(p->activations, (enum dtype)f->activations, DTYPE_BF16);
	out->weights = first_of(p->weights, (enum dtype)f->weights, out->activations);
	out->gate_up = first_of(p->gate_up, DTYPE_NONE, out->weights);
	out->experts = first_of(p->experts, native ? (enum dtype)f->experts : DTYPE_NONE, out->weights);
	out->attention = first_of(p->attention, native ? (enum dtype)f->attention : DTYPE_NONE, out->weights);
	out->recurrent = first_of(p->recurrent, native ? (enum dtype)f->recurrent : DTYPE_NONE, out->weights);
	out->router = first_of(p->router, (enum dtype)f->router, out->activations);
	out->head = first_of(p->head, (enum dtype)f->head, DTYPE_BF16);
	out->kv = first_of(p->kv, (enum dtype)f->kv, out->activations);
}

static bool check_degrees(const struct placement *p, struct err *err)
{
	static const char *const names[] = { "tp", "pp", "ep", "cp", "dp_attention" };
	const int64_t degrees[] = { p->tp, p->pp, p->ep, p->cp, p->dp_attention };

	for (size_t i = 0; i < COUNT_OF(degrees); i++)
		if (degrees[i] < 1 || degrees[i] > 65536)
			return err_set(err, ERR_INPUT, "%s=%lld: expected 1 to 65536", names[i], (long long)degrees[i]);
	return true;
}

bool placement_check(const struct model *m, const struct placement *p, struct err *err)
{
	int64_t ranks = p->tp * p->dp_attention,
		heads = m->attention.heads > 0 ? m->attention.heads : m->recurrent.heads;

	if (!check_degrees(p, err))
		return false;
	if (p->pp > m->shape.layers + (p->bare_ends ? 2 : 0))
		return err_set(err, ERR_INPUT, "pp=%lld: %s has %lld layers; expected at most as many stages",
			       (long long)p->pp, m->name, (long long)m->shape.layers);
	if (heads > 0 && p->tp > heads)
		return err_set(err, ERR_INPUT, "tp=%lld: %s has %lld heads; expected at most as many tensor ranks",
			       (long long)p->tp, m->name, (long long)heads);
	if (p->ep > 1 && m->moe.experts == 0)
		return err_set(err, ERR_INPUT, "ep=%lld: %s has no experts; expected ep=1", (long long)p->ep, m->name);
	if (ranks % p->ep != 0)
		return err_set(err, ERR_INPUT, "ep=%lld: expected a divisor of tp * dp_attention = %lld",
			       (long long)p->ep, (long long)ranks);
	if (p->ep > m->moe.experts && p->ep > 1)
		return err_set(err, ERR_INPUT, "ep=%lld: %s has %lld experts; expected at most as many ranks",
			       (long long)p->ep, m->name, (long long)m->moe.experts);
	return true;
}

static void before_heavy_end(int64_t layers, int64_t pp, int stage, int64_t *first, int64_t *count)
{
	int64_t others = pp - 1, each = (layers + pp - 1) / pp, last = layers - each * others > 0 ? layers - each * others : 0;
	int64_t base = (layers - last) / others, light = others - (layers - last) % others;

	*first = stage * base + (stage > light ? stage - light : 0);
	*count = stage == others ? last : base + (stage >= light ? 1 : 0);
}

void placement_layers(const struct model *m, const struct placement *p, int stage, int64_t *first, int64_t *count)
{
	int64_t pp = at_least_one(p->pp), base = m->shape.layers / pp, over = m->shape.layers % pp;
	/* Stages pp - 1 - over .. pp - 2 take one layer more. */
	int64_t begin = pp - 1 - over, extra = (int64_t)stage - begin;

	if (p->heavy_end && pp > 1) {
		before_heavy_end(m->shape.layers, pp, stage, first, count);
		return;
	}
	*first = stage * base + (extra < 0 ? 0 : extra > over ? over : extra);
	*count = base + (stage >= begin && stage < pp - 1 ? 1 : 0);
}

/* Chance that a token picks each expert when it picks top_k different ones with odds rank^-skew: proportional, but none
 * above one; what is cut goes to the others. */
static void inclusion(double *q, int64_t experts, int64_t top_k, double skew)
{
	int64_t sure = 0, before;

	for (int64_t i = 0; i < experts; i++)
		q[i] = pow((double)(i + 1), -skew);
	do {
		double sum = 0;

		before = sure;
		for (int64_t i = sure; i < experts; i++)
			sum += q[i];
		for (int64_t i = sure; i < experts; i++)
			q[i] *= (double)(top_k - sure) / sum;
		while (sure < top_k && q[sure] > 1)
			q[sure++] = 1;
	} while (sure > before);
}

static double hottest(double *q, const int64_t *order, int64_t experts, int64_t ep)
{
	double most = 0;

	for (int64_t r = 0; r < ep; r++) {
		int64_t begin = r * experts / ep, end = (r + 1) * experts / ep;
		double load = 0;

		for (int64_t i = begin; i < end; i++)
			load += q[order[i]];
		most = fmax(most, load);
	}
	return most;
}

double routing_imbalance(int64_t experts, int64_t top_k, int64_t ep, double skew)
{
	enum { ORDERS = 64 };
	double *q, sum = 0;
	int64_t *order;
	struct rng rng;

	if (ep <= 1 || skew <= 0 || experts < 2 || top_k < 1 || top_k >= experts)
		return 1;
	q = mem_calloc((size_t)experts, sizeof(*q));
	order = mem_calloc((size_t)experts, sizeof(*order));
	if (!q || !order) {
		mem_free(q), mem_free(order);
		return 1;
	}
	inclusion(q, experts, top_k, skew);
	rng_init(&rng, 1, "expert routing");
	for (int64_t i = 0; i < experts; i++)
		order[i] = i;
	for (int n = 0; n < ORDERS; n++) {
		for (int64_t i = experts - 1; i > 0; i--) {
			int64_t j = (int64_t)rng_below(&rng, (uint64_t)i + 1), t = order[i];

			order[i] = order[j], order[j] = t;
		}
		sum += hottest(q, order, experts, ep) / ((double)top_k / (double)ep);
	}
	mem_free(q), mem_free(order);
	return sum / ORDERS;
}
