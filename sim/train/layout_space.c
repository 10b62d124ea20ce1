#include "sim/train/layout_space.h"

#include "base/attr.h"

const char *const layout_space_names[] = { "layouts", "executions", NULL };

void cut_apply(const struct cut *c, struct job *job)
{
	struct job_layout *l = &job->layout;

	l->tp = c->tp, l->pp = c->pp, l->vp = c->vp, l->cp = c->cp, l->ep = c->ep, l->etp = c->etp, l->dp = 0, l->shard = 0;
	l->recompute = c->recompute, l->recompute_layers = 0, l->sequence_parallel = c->sequence_parallel, l->gather_again = c->gather_again;
	l->tp_overlap = c->tp_overlap, l->tp_network = c->tp_network, l->scatter_sends = c->scatter_sends;
	job->batch.micro = c->micro;
}

void way_apply(const struct way *w, struct job *job)
{
	struct job_layout *l = &job->layout;

	l->zero = w->zero, l->dp_overlap = w->dp_overlap, l->pp_network = w->pp_network, l->dp_network = w->dp_network;
	l->offload_weights = w->offload_weights, l->offload_activations = w->offload_activations, l->offload_optimizer = w->offload_optimizer;
}

struct walk {
	const struct job *job;
	const struct train_parts *parts;
	enum layout_space space;
	int64_t tp_most;
	bool (*visit)(void *ctx, const struct cut *c);
	void *ctx;
	struct cut c;
	int64_t dp;
};

static bool over_networks(struct walk *w)
{
	static const int networks[] = { NETWORK_SCALE_UP, NETWORK_SCALE_OUT };

	if (w->c.tp == 1) {
		w->c.tp_network = NETWORK_DEFAULT;
		return w->visit(w->ctx, &w->c);
	}
	for (size_t i = 0; i < COUNT_OF(networks); i++) {
		w->c.tp_network = networks[i];
		if (!w->visit(w->ctx, &w->c))
			return false;
	}
	return true;
}

static bool over_overlaps(struct walk *w)
{
	for (int how = TP_OVERLAP_NONE; how <= (w->c.tp > 1 ? TP_OVERLAP_PIPE : TP_OVERLAP_NONE); how++) {
		w->c.tp_overlap = how;
		if (!over_networks(w))
			return false;
	}
	return true;
}

enum { YES = 1, NO = 2 };      /* of the job's "default, yes, no" */

/* All-reduce; the same with cut messages between stages; sequence parallel, inputs gathered again or kept. */
static bool over_collectives(struct walk *w)
{
	static const struct { bool scatter; int sequence, again; } kinds[] = { { false, NO, 0 }, { true, NO, 0 }, { false, YES, YES }, { false, YES, NO } };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].again == NO && w->c.recompute == RECOMPUTE_FULL)
			continue;
		w->c.scatter_sends = kinds[i].scatter, w->c.sequence_parallel = kinds[i].sequence, w->c.gather_again = kinds[i].again;
		if (!over_overlaps(w))
			return false;
	}
	return true;
}

static bool over_recomputation(struct walk *w)
{
	for (int recompute = RECOMPUTE_NONE; recompute <= RECOMPUTE_FULL; recompute++) {
		/* Flash attention keeps no scores: there is nothing selective about it. */
		if (recompute == RECOMPUTE_SELECTIVE && !w->parts->stack->eager_attention)
			continue;
		w->c.recompute = recompute;
		if (!(w->space == SPACE_EXECUTIONS ? over_collectives(w) : w->visit(w->ctx, &w->c)))
			return false;
	}
	return true;
}

/* Chunks of equal numbers of layers; or so that embedding and head stand for a layer each. */
static bool even(const struct walk *w, int64_t chunks)
{
	int64_t layers = w->parts->model->shape.layers;

	if (w->space == SPACE_EXECUTIONS)
		return layers % chunks == 0 || (layers % w->c.pp != 0 && (chunks == w->c.pp || (layers + 2) % chunks == 0));
	return chunks == w->c.pp || layers % chunks == 0 || layers + 2 == chunks;
}

static bool over_chunks(struct walk *w)
{
	int64_t layers = w->parts->model->shape.layers, most = w->c.pp > 1 ? layers + 2 : 1;

	for (int64_t vp = 1; vp * w->c.pp <= most || vp == 1; vp++) {
		if (!even(w, vp * w->c.pp))
			continue;
		w->c.vp = vp;
		if (!over_recomputation(w))
			return false;
	}
	return true;
}

static bool over_batches(struct walk *w)
{
	int64_t a_rank = w->job->batch.global / w->dp, most = w->space == SPACE_EXECUTIONS ? a_rank : 64;

	if (w->job->batch.global % w->dp != 0)
		return true;
	for (int64_t micro = 1; micro <= a_rank && micro <= most; micro = w->space == SPACE_EXECUTIONS ? micro + 1 : 2 * micro) {
		if (a_rank % micro != 0 || (micro * w->job->batch.sequence) % w->c.tp != 0)
			continue;
		w->c.micro = micro;
		if (!over_chunks(w))
			return false;
	}
	return true;
}

static bool over_experts(struct walk *w)
{
	int64_t experts = w->parts->model->moe.experts, tp = w->c.tp, most = w->dp * w->c.cp * tp;

	w->c.ep = 1, w->c.etp = 0;
	if (experts == 0)
		return over_batches(w);
	for (int64_t ep = 1; ep <= experts && ep <= most; ep++) {
		if (experts % ep != 0 || most % ep != 0 || (ep > tp && ep % tp != 0))
			continue;
		w->c.ep = ep;
		if (!over_batches(w))
			return false;
	}
	return true;
}

static bool over_contexts(struct walk *w, int64_t rest)
{
	if (w->space == SPACE_EXECUTIONS) {
		w->c.cp = w->job->layout.cp, w->c.ep = w->job->layout.ep, w->c.etp = w->job->layout.etp;
		w->dp = rest / w->c.cp;
		return rest % w->c.cp != 0 || over_batches(w);
	}
	for (int64_t cp = 1; cp <= rest && (cp == 1 || w->job->batch.sequence / cp >= 2048); cp *= 2) {
		if (rest % cp != 0)
			break;
		w->c.cp = cp, w->dp = rest / cp;
		if (!over_experts(w))
			return false;
	}
	return true;
}

static bool over_pipelines(struct walk *w, int64_t rest)
{
	for (int64_t pp = 1; pp <= rest && pp <= w->parts->model->shape.layers; pp++) {
		if (rest % pp != 0)
			continue;
		w->c.pp = pp;
		if (!over_contexts(w, rest / pp))
			return false;
	}
	return true;
}

bool cuts_each(const struct job *job, const struct train_parts *parts, enum layout_space space, int64_t tp_most,
	       bool (*visit)(void *ctx, const struct cut *c), void *ctx)
{
	const struct job_layout *l = &job->layout;
	struct walk w = { .job = job, .parts = parts, .space = space, .visit = visit, .ctx = ctx };
	int64_t devices = job->hardware.devices, domain = system_domain(parts->system), heads = parts->model->attention.heads;
	int64_t most = tp_most > 0 ? tp_most : space == SPACE_EXECUTIONS ? devices : domain > 16 ? 16 : domain;

	/* What the space leaves alone is the job's. */
	w.c = (struct cut){ .sequence_parallel = l->sequence_parallel, .gather_again = l->gather_again, .tp_overlap = l->tp_overlap, .tp_network = l->tp_network, .scatter_sends = l->scatter_sends };
	for (int64_t tp = 1; tp <= most && tp <= devices; tp = space == SPACE_EXECUTIONS ? tp + 1 : 2 * tp) {
		if (devices % tp != 0 || (heads > 0 && heads % tp != 0) || (space == SPACE_EXECUTIONS && parts->model->shape.hidden % tp != 0))
			continue;
		w.c.tp = tp;
		if (!over_pipelines(&w, devices / tp))
			return false;
	}
	return true;
}

/* A dimension of two values, or of one. Of equally good ones the first is taken: the plainer one. */
struct choice {
	int first, count, step;
};

static struct choice choice(bool there, int first, int second, int otherwise)
{
	return there ? (struct choice){ first, 2, second - first } : (struct choice){ otherwise, 1, 0 };
}

static size_t executions(const struct job *job, const struct train_parts *parts, const struct cut *c, struct way *out)
{
	bool several = job->hardware.devices / (c->tp * c->pp) > 1, host = parts->system->host.dram_bytes > 0;
	struct choice d[] = {
		choice(several, 1, 0, 0), choice(several, YES, NO, NO), choice(host, 0, 1, 0), choice(host && c->recompute != RECOMPUTE_FULL, 0, 1, 0),
		choice(host, 0, 1, 0), choice(c->pp > 1, NETWORK_SCALE_UP, NETWORK_SCALE_OUT, NETWORK_DEFAULT),
		choice(several, NETWORK_SCALE_UP, NETWORK_SCALE_OUT, NETWORK_DEFAULT),
	};
	size_t count = 1;

	for (size_t k = 0; k < COUNT_OF(d); k++)
		count *= (size_t)d[k].count;
	for (size_t i = 0; i < count; i++) {
		int v[COUNT_OF(d)];
		size_t rest = i;

		for (size_t k = 0; k < COUNT_OF(d); k++) {
			v[k] = d[k].first + d[k].step * (int)(rest % (size_t)d[k].count);
			rest /= (size_t)d[k].count;
		}
		out[i] = (struct way){ .zero = v[0], .dp_overlap = v[1], .offload_weights = v[2], .offload_activations = v[3], .offload_optimizer = v[4],
				       .pp_network = v[5], .dp_network = v[6] };
	}
	return count;
}

size_t ways_of(const struct job *job, const struct train_parts *parts, enum layout_space space, const struct cut *c, struct way *out)
{
	const struct job_layout *l = &job->layout;
	size_t count = 0;

	if (space == SPACE_EXECUTIONS)
		return executions(job, parts, c, out);
	for (int zero = 0; zero <= (c->pp > 1 ? 1 : 3); zero++)
		out[count++] = (struct way){ zero, l->dp_overlap, l->pp_network, l->dp_network, l->offload_weights, l->offload_activations, l->offload_optimizer };
	return count;
}
