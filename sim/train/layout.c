#include "sim/train/layout.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "sim/train/stage.h"

/* Layouts are ranked by a closed form of the pipeline over prices of single layers, which many layouts share; the best few
 * are then simulated event by event. */
enum { FINALISTS = 6, PRICES_MOST = 4096 };
const char *const layout_objective_names[] = { "step", "cost", "memory", NULL };

/* Prices of every layer, of the embedding (first) and of the head (last) at one cut of the layers. */
struct price {
	int64_t tp, cp, ep, etp, micro;
	int sequence_parallel, recompute;
	struct train_chunk *chunks;    /* layers + 2; NULL: such a cut is refused */
};

struct finalist {
	struct job job;
	double score;
};

struct hunt {
	const struct job *asked;
	const struct train_parts *parts;
	struct layout_search *search;
	struct arena *arena;
	struct price *prices;
	size_t price_count;
	struct finalist best[FINALISTS];
	size_t best_count;
	struct err refused;            /* why the nearest one did not do */
	double least_over;
};

static bool price_layers(struct hunt *h, const struct job *job, struct price *p)
{
	int64_t layers = h->parts->model->shape.layers;
	struct job whole = *job;
	struct train_setup s;
	struct err ignored = { 0 };

	/* One layer a chunk: the ends hold what stands before and behind the layers. */
	whole.layout.vp = 1;
	if (!train_setup(&whole, h->parts, &s, &ignored))
		return true;
	s.graph.place.pp = layers + 2, s.graph.place.bare_ends = true;
	p->chunks = arena_alloc(h->arena, (size_t)(layers + 2) * sizeof(*p->chunks));
	if (!p->chunks)
		return false;
	for (int c = 0; c < (int)layers + 2; c++) {
		struct layer l, before;

		if (c > 1 && c <= layers) {
			model_layer(h->parts->model, c - 1, &l), model_layer(h->parts->model, c - 2, &before);
			if (layer_equal(&l, &before)) {
				p->chunks[c] = p->chunks[c - 1];
				continue;
			}
		}
		if (!train_price_arithmetic(&s, c, &p->chunks[c], h->arena, &ignored)) {
			p->chunks = NULL;
			return true;
		}
	}
	return true;
}

static const struct price *price_of(struct hunt *h, const struct job *job)
{
	const struct job_layout *l = &job->layout;
	struct price *p;

	for (size_t i = h->price_count; i-- > 0;) {
		p = &h->prices[i];
		if (p->tp == l->tp && p->cp == l->cp && p->ep == l->ep && p->etp == l->etp && p->micro == job->batch.micro &&
		    p->sequence_parallel == l->sequence_parallel && p->recompute == l->recompute)
			return p;
	}
	if (h->price_count == PRICES_MOST)
		return NULL;
	p = &h->prices[h->price_count++];
	*p = (struct price){ l->tp, l->cp, l->ep, l->etp, job->batch.micro, l->sequence_parallel, l->recompute, NULL };
	return price_layers(h, job, p) ? p : NULL;
}

/* Sums the prices of a chunk's layers. */
static void chunk_of(const struct train_setup *s, const struct price *p, int chunk, struct chunk_time *out, int64_t *layers)
{
	int64_t first, count, total = s->parts->model->shape.layers;

	*out = (struct chunk_time){ 0 };
	placement_layers(s->parts->model, &s->graph.place, chunk, &first, &count);
	for (int64_t i = first; i < first + count; i++)
		for (int k = 0; k < PASS_COUNT; k++)
			out->pass_s[k] += p->chunks[i + 1].time.pass_s[k];
	for (int k = 0; k < PASS_COUNT; k++) {
		if (chunk == 0)
			out->pass_s[k] += p->chunks[0].time.pass_s[k];
		if (chunk == s->graph.place.pp - 1)
			out->pass_s[k] += p->chunks[total + 1].time.pass_s[k];
	}
	*layers = count;
}

struct estimate {
	double step_s, peak_bytes;
};

/* m passes of the slowest rank, the schedule's bubble, what is left of the reductions, the optimizer. */
static bool estimate(const struct train_setup *s, const struct price *p, struct estimate *out, struct err *err)
{
	int stages[4] = { 0, s->pp > 1 ? 1 : 0, (int)s->pp / 2, (int)s->pp - 1 };
	double reduce = 0, optimizer = 0, send = 0, mean = 0;
	double in_flight = s->schedule->in_flight((int)s->pp, (int)s->vp, (int)s->micros) * (double)s->vp;
	double bandwidth = device_bandwidth(s->parts->device) * 0.8;

	for (size_t k = 0; k < 4; k++) {
		struct training_parameters n;
		struct training_memory m;
		struct training_memory_options o = s->memory;
		double busy = 0, last = 0;
		struct train_chunk traffic = { 0 };
		int64_t layers = 0;

		if (k > 0 && stages[k] == stages[k - 1])
			continue;
		for (int64_t c = stages[k]; c < s->graph.place.pp; c += s->pp) {
			struct chunk_time t;
			int64_t count;

			chunk_of(s, p, (int)c, &t, &count);
			last = t.pass_s[PASS_BACKWARD] + t.pass_s[PASS_WEIGHT];
			for (int i = 0; i < PASS_COUNT; i++)
				busy += t.pass_s[i], traffic.time.pass_s[i] += t.pass_s[i];
			layers += count;
		}
		o.in_flight = s->vp > 1 ? in_flight : fmin(in_flight, (double)(s->pp - stages[k]));
		if (strcmp(s->schedule->name, "gpipe") == 0)
			o.in_flight = in_flight;
		if (!training_parameters(&s->memory, stages[k], &n, err) || !training_memory(&o, stages[k], &m, err))
			return false;
		train_price_traffic(s, &n, layers, &traffic);
		busy += traffic.account.gather_s;
		mean = fmax(mean, busy);
		reduce = fmax(reduce, traffic.time.reduce_s * (1 - s->parts->stack->dp_overlap) +
				      fmax(0, traffic.time.reduce_s * s->parts->stack->dp_overlap - last));
		optimizer = fmax(optimizer, n.step_bytes / (s->memory.zero >= 1 ? (double)s->shard_ranks : 1) / bandwidth +
					    traffic.gather_step_s * (1 - s->parts->stack->dp_overlap));
		send = traffic.time.send_s;
		out->peak_bytes = fmax(out->peak_bytes, m.peak_bytes);
	}
	/* With fewer micro-batches than stages the way of one through all of them is what counts. */
	mean = fmax(mean * (double)s->micros + s->schedule->bubble((int)s->pp, (int)s->vp, (int)s->micros) * mean,
		    (double)s->pp * mean);
	out->step_s = mean +
		      2 * (double)(s->pp - 1) * send + reduce + optimizer + s->parts->stack->step_s;
	return true;
}

static double score_of(const struct hunt *h, const struct estimate *e)
{
	return h->search->objective == LAYOUT_MEMORY ? e->peak_bytes : e->step_s;
}

static void keep(struct hunt *h, const struct job *job, double score)
{
	size_t i = h->best_count;

	if (i == FINALISTS && score >= h->best[i - 1].score)
		return;
	if (i < FINALISTS)
		h->best_count++;
	else
		i--;
	for (; i > 0 && h->best[i - 1].score > score; i--)
		h->best[i] = h->best[i - 1];
	h->best[i] = (struct finalist){ *job, score };
}

static bool look(struct hunt *h, const struct job *job)
{
	struct err refused = { 0 };
	struct train_setup s;
	struct estimate e = { 0 };
	const struct price *p;
	double capacity = device_memory_bytes(h->parts->device);

	if (!train_setup(job, h->parts, &s, &refused))
		return true;
	h->search->candidates++;
	p = price_of(h, job);
	if (!p)
		return false;
	if (!p->chunks || !estimate(&s, p, &e, &refused))
		return true;
	if (e.peak_bytes > capacity) {
		if (h->least_over == 0 || e.peak_bytes - capacity < h->least_over)
			h->least_over = e.peak_bytes - capacity;
		return true;
	}
	h->search->fitting++;
	keep(h, job, score_of(h, &e));
	return true;
}

static bool over_memory_savers(struct hunt *h, struct job *job)
{
	bool several = job->layout.pp > 1;

	for (int recompute = RECOMPUTE_NONE; recompute <= RECOMPUTE_FULL; recompute++) {
		/* Flash attention keeps no scores: there is nothing selective about it. */
		if (recompute == RECOMPUTE_SELECTIVE && !h->parts->stack->eager_attention)
			continue;
		job->layout.recompute = recompute;
		for (int zero = 0; zero <= (several ? 1 : 3); zero++) {
			job->layout.zero = zero;
			if (!look(h, job))
				return false;
		}
	}
	return true;
}

static bool over_chunks(struct hunt *h, struct job *job)
{
	int64_t layers = h->parts->model->shape.layers, pp = job->layout.pp;

	for (int64_t vp = 1; vp * pp <= layers + 2; vp++) {
		if (pp == 1 && vp > 1)
			break;
		if (vp > 1 && layers % (pp * vp) != 0 && layers + 2 != pp * vp)
			continue;
		job->layout.vp = vp;
		if (!over_memory_savers(h, job))
			return false;
	}
	return true;
}

static bool over_batches(struct hunt *h, struct job *job, int64_t dp)
{
	int64_t a_rank = job->batch.global / dp;

	if (job->batch.global % dp != 0)
		return true;
	for (int64_t micro = 1; micro <= a_rank && micro <= 64; micro *= 2) {
		if (a_rank % micro != 0)
			break;
		job->batch.micro = micro;
		if (!over_chunks(h, job))
			return false;
	}
	return true;
}

static bool over_experts(struct hunt *h, struct job *job, int64_t dp)
{
	int64_t experts = h->parts->model->moe.experts, tp = job->layout.tp, most = dp * job->layout.cp * tp;

	job->layout.ep = 1, job->layout.etp = 0;
	if (experts == 0)
		return over_batches(h, job, dp);
	for (int64_t ep = 1; ep <= experts && ep <= most; ep++) {
		if (experts % ep != 0 || most % ep != 0 || (ep > tp && ep % tp != 0))
			continue;
		job->layout.ep = ep;
		if (!over_batches(h, job, dp))
			return false;
	}
	return true;
}

static bool over_contexts(struct hunt *h, struct job *job, int64_t rest)
{
	for (int64_t cp = 1; cp <= rest && job->batch.sequence / cp >= 2048; cp *= 2) {
		if (rest % cp != 0)
			break;
		job->layout.cp = cp;
		if (!over_experts(h, job, rest / cp))
			return false;
	}
	return true;
}

static bool over_pipelines(struct hunt *h, struct job *job, int64_t rest)
{
	for (int64_t pp = 1; pp <= rest && pp <= h->parts->model->shape.layers; pp++) {
		if (rest % pp != 0)
			continue;
		job->layout.pp = pp;
		if (!over_contexts(h, job, rest / pp))
			return false;
	}
	return true;
}

static bool over_tensors(struct hunt *h, struct job *job)
{
	int64_t devices = job->hardware.devices, domain = system_domain(h->parts->system);
	int64_t most = h->search->tp_most > 0 ? h->search->tp_most : domain > 16 ? 16 : domain;
	int64_t heads = h->parts->model->attention.heads;

	for (int64_t tp = 1; tp <= most && tp <= devices; tp *= 2) {
		if (devices % tp != 0 || (heads > 0 && (tp > heads || heads % tp != 0)))
			continue;
		job->layout.tp = tp;
		job->layout.sequence_parallel = 0;
		if (!over_pipelines(h, job, devices / tp))
			return false;
	}
	return true;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Simulates the finalists event by event. */
static bool final(struct hunt *h, struct err *err)
{
	double best = INFINITY;

	for (size_t i = 0; i < h->best_count; i++) {
		struct train_result r;
		struct err own = { 0 };
		double score;

		if (!train_layout_run(&h->best[i].job, h->parts, NULL, &r, h->arena, &own))
			continue;
		score = h->search->objective == LAYOUT_MEMORY ? r.memory.peak_bytes : r.step_s;
		if (score < best) {
			best = score;
			h->search->best = h->best[i].job;
			h->search->best_step_s = r.step_s, h->search->best_peak_bytes = r.memory.peak_bytes;
		}
	}
	if (isfinite(best))
		return true;
	if (h->search->candidates == 0)
		return err_set(err, ERR_INPUT, "no layout divides %lld devices and %lld sequences a step", (long long)h->asked->hardware.devices,
			       (long long)h->asked->batch.global);
	return err_set(err, ERR_INPUT, "%s does not fit on %lld x %s in any of %lld layouts; the nearest lacks %.0f bytes a device", h->parts->model->name,
		       (long long)h->asked->hardware.devices, h->parts->device->name, (long long)h->search->candidates, h->least_over);
}

bool layout_best(const struct job *job, const struct train_parts *parts, struct layout_search *search, struct arena *arena, struct err *err)
{
	struct hunt h = { .asked = job, .parts = parts, .search = search, .arena = arena };
	struct job work = *job;
	double began = now_s();
	bool ok;

	if (job->hardware.devices < 1)
		return err_set(err, ERR_INPUT, "hardware.devices=0: a search for the best layout needs the number of devices");
	search->candidates = search->fitting = 0;
	h.prices = arena_alloc(arena, PRICES_MOST * sizeof(*h.prices));
	work.layout.dp = 0, work.layout.shard = 0;
	ok = h.prices && over_tensors(&h, &work);
	if (!ok)
		return err_memory(err);
	ok = final(&h, err);
	search->wall_s = now_s() - began;
	return ok;
}
