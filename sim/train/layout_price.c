#include "sim/train/layout_price.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "sim/train/finish.h"
#include "sim/train/pipeline.h"

enum { PRICE_SLOTS = 16384, SHAPE_SLOTS = 4096, ZEROS = 4, NETWORKS = 3 };

/* Prices of the embedding (first), every layer, and the head (last) at one cut of a layer. */
struct layer_prices {
	struct cut key;                /* pp, vp and scatter_sends: 0 */
	struct train_raw *raw;         /* layers + 2; NULL: no such cut */
	bool used;
};

struct traffic {
	bool known;
	double *reduce_s, *gather_s;   /* a chunk kind */
};

/* What all cuts with the same degrees and chunks share. */
struct shape {
	struct cut key;                /* tp, pp, vp, cp, ep, etp */
	int chunks, kinds;
	int *kind;                     /* of a chunk */
	int *example;                  /* a chunk of the kind */
	int64_t *first, *layers;       /* of a kind */
	struct training_parameters *stage, *chunk;     /* chunk: of a kind */
	struct traffic traffic[ZEROS][NETWORKS];
	bool used;
};

struct layout_prices {
	const struct job *asked;
	const struct train_parts *parts;
	struct arena *arena;
	int *layer_kind;               /* the first layer that is equal */
	struct layer_prices *prices;
	struct shape *shapes;

	/* The cut at hand. */
	struct job job;
	struct train_setup s;
	struct shape *shape;
	struct train_chunk *passes, *work;     /* a kind: as priced; of the way at hand */
	struct chunk_time *times;              /* a chunk */
	struct training_activations *held;     /* a stage */
	struct slot *scratch;
	size_t room, scratch_room;             /* chunks; slots */
	double in_flight, slowest, send_s[NETWORKS];
	bool send_known[NETWORKS];
};

struct layout_prices *layout_prices_new(const struct job *job, const struct train_parts *parts, struct err *err)
{
	struct layout_prices *p = mem_calloc(1, sizeof(*p));
	int64_t layers = parts->model->shape.layers;

	if (!p) {
		err_memory(err);
		return NULL;
	}
	p->asked = job, p->parts = parts, p->arena = arena_new();
	p->prices = mem_calloc(PRICE_SLOTS, sizeof(*p->prices)), p->shapes = mem_calloc(SHAPE_SLOTS, sizeof(*p->shapes));
	p->layer_kind = mem_calloc((size_t)layers + 1, sizeof(*p->layer_kind));
	if (!p->arena || !p->prices || !p->shapes || !p->layer_kind) {
		err_memory(err);
		layout_prices_free(p);
		return NULL;
	}
	for (int64_t i = 0; i < layers; i++) {
		struct layer x, y;

		model_layer(parts->model, i, &x);
		for (int64_t k = 0; k <= i; k++) {
			model_layer(parts->model, k, &y);
			p->layer_kind[i] = (int)k;
			if (layer_equal(&x, &y))
				break;
		}
	}
	return p;
}

void layout_prices_free(struct layout_prices *p)
{
	if (!p)
		return;
	arena_free(p->arena);
	mem_free(p->prices), mem_free(p->shapes), mem_free(p->layer_kind);
	mem_free(p->passes), mem_free(p->work), mem_free(p->times), mem_free(p->held), mem_free(p->scratch);
	mem_free(p);
}

static size_t slot_of(const struct cut *c, size_t slots)
{
	const int64_t parts[] = { c->tp, c->pp, c->vp, c->cp, c->ep, c->etp, c->micro, c->recompute, c->sequence_parallel, c->gather_again, c->tp_overlap, c->tp_network };
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < COUNT_OF(parts); i++)
		h = (h ^ (uint64_t)parts[i]) * 1099511628211u, h ^= h >> 29;
	return (size_t)(h % slots);
}

static bool same(const struct cut *a, const struct cut *b)
{
	return a->tp == b->tp && a->pp == b->pp && a->vp == b->vp && a->cp == b->cp && a->ep == b->ep && a->etp == b->etp && a->micro == b->micro &&
	       a->recompute == b->recompute && a->sequence_parallel == b->sequence_parallel && a->gather_again == b->gather_again &&
	       a->tp_overlap == b->tp_overlap && a->tp_network == b->tp_network;
}

/* One layer a chunk: the ends hold what stands before and behind the layers. */
static bool price_layers(struct layout_prices *p, struct layer_prices *out, struct err *err)
{
	int64_t layers = p->parts->model->shape.layers;
	struct train_setup s = p->s;
	struct err own = { 0 };

	s.graph.place.pp = layers + 2, s.graph.place.bare_ends = true, s.graph.place.heavy_end = false;
	out->raw = arena_alloc(p->arena, (size_t)(layers + 2) * sizeof(*out->raw));
	if (!out->raw)
		return err_memory(err);
	for (int64_t c = 0; c < layers + 2; c++) {
		if (c > 0 && c <= layers && p->layer_kind[c - 1] < c - 1) {
			out->raw[c] = out->raw[p->layer_kind[c - 1] + 1];
		} else if (!train_price_arithmetic(&s, (int)c, &out->raw[c], p->arena, &own)) {
			out->raw = NULL;
			return own.kind == ERR_INPUT || err_set(err, own.kind, "%s", own.text);
		}
	}
	return true;
}

static const struct layer_prices *layer_prices_of(struct layout_prices *p, const struct cut *c, struct err *err)
{
	struct cut key = *c;

	key.pp = key.vp = 0, key.scatter_sends = false;
	for (size_t i = slot_of(&key, PRICE_SLOTS), tries = 0; tries < PRICE_SLOTS; i = (i + 1) % PRICE_SLOTS, tries++) {
		struct layer_prices *l = &p->prices[i];

		if (l->used && same(&l->key, &key))
			return l;
		if (l->used)
			continue;
		*l = (struct layer_prices){ .key = key, .used = true };
		return price_layers(p, l, err) ? l : NULL;
	}
	err_set(err, ERR_INPUT, "more than %d ways to cut a layer: name fewer devices or a smaller batch", PRICE_SLOTS);
	return NULL;
}

/* Chunks with the same kinds of layers in the same order, neither of them at an end, are of a kind. */
static bool alike(const struct layout_prices *p, const struct shape *h, int chunk, int kind, int64_t first, int64_t layers)
{
	int other = h->example[kind];

	if (layers != h->layers[kind] || chunk == h->chunks - 1 || other == 0)
		return false;
	for (int64_t i = 0; i < layers; i++)
		if (p->layer_kind[first + i] != p->layer_kind[h->first[kind] + i])
			return false;
	return true;
}

static bool find_kinds(struct layout_prices *p, struct shape *h)
{
	size_t n = (size_t)h->chunks;

	h->kind = arena_alloc(p->arena, n * sizeof(int)), h->example = arena_alloc(p->arena, n * sizeof(int));
	h->first = arena_alloc(p->arena, n * sizeof(int64_t)), h->layers = arena_alloc(p->arena, n * sizeof(int64_t));
	if (!h->kind || !h->example || !h->first || !h->layers)
		return false;
	for (int c = 0; c < h->chunks; c++) {
		int64_t first, layers;
		int k = h->kinds - 1;

		placement_layers(p->parts->model, &p->s.graph.place, c, &first, &layers);
		while (k >= 0 && !alike(p, h, c, k, first, layers))
			k--;
		if (k < 0) {
			k = h->kinds++;
			h->example[k] = c, h->first[k] = first, h->layers[k] = layers;
		}
		h->kind[c] = k;
	}
	return true;
}

static bool fill_shape(struct layout_prices *p, struct shape *h, struct err *err)
{
	struct training_memory_options one = p->s.memory;

	h->chunks = (int)p->s.graph.place.pp;
	if (!find_kinds(p, h))
		return err_memory(err);
	h->stage = arena_alloc(p->arena, (size_t)p->s.pp * sizeof(*h->stage));
	h->chunk = arena_alloc(p->arena, (size_t)h->kinds * sizeof(*h->chunk));
	if (!h->stage || !h->chunk)
		return err_memory(err);
	one.graph = &p->s.graph, one.stages = p->s.graph.place.pp;
	for (int k = 0; k < h->kinds; k++)
		if (!training_parameters(&one, h->example[k], &h->chunk[k], err))
			return false;
	one.stages = p->s.pp;
	for (int stage = 0; stage < p->s.pp; stage++)
		if (!training_parameters(&one, stage, &h->stage[stage], err))
			return false;
	return true;
}

static struct shape *shape_of(struct layout_prices *p, const struct cut *c, struct err *err)
{
	struct cut key = { .tp = c->tp, .pp = c->pp, .vp = c->vp, .cp = c->cp, .ep = c->ep, .etp = c->etp };

	for (size_t i = slot_of(&key, SHAPE_SLOTS), tries = 0; tries < SHAPE_SLOTS; i = (i + 1) % SHAPE_SLOTS, tries++) {
		struct shape *h = &p->shapes[i];

		if (h->used && same(&h->key, &key))
			return h;
		if (h->used)
			continue;
		*h = (struct shape){ .key = key, .used = true };
		return fill_shape(p, h, err) ? h : NULL;
	}
	err_set(err, ERR_INPUT, "more than %d combinations of degrees: name fewer devices", SHAPE_SLOTS);
	return NULL;
}

static bool grow(void *at, size_t count, size_t size)
{
	void **old = at, *grown = mem_calloc(count, size);

	if (!grown)
		return false;
	mem_free(*old);
	*old = grown;
	return true;
}

static bool make_room(struct layout_prices *p, struct err *err)
{
	size_t chunks = (size_t)p->shape->chunks, slots = 2 * (size_t)(p->s.micros * p->s.vp);

	if (chunks > p->room) {
		if (!grow(&p->passes, chunks, sizeof(*p->passes)) || !grow(&p->work, chunks, sizeof(*p->work)) || !grow(&p->times, chunks, sizeof(*p->times)) ||
		    !grow(&p->held, chunks, sizeof(*p->held)))
			return err_memory(err);
		p->room = chunks;
	}
	if (slots > p->scratch_room) {
		if (!grow(&p->scratch, slots, sizeof(*p->scratch)))
			return err_memory(err);
		p->scratch_room = slots;
	}
	return true;
}

/* Passes of a kind of chunk: its layers', and what stands at the ends. */
static void price_kind(struct layout_prices *p, const struct layer_prices *prices, int kind)
{
	const struct shape *h = p->shape;
	int64_t layers = p->parts->model->shape.layers;
	struct train_raw sum = { 0 };

	for (int64_t i = h->first[kind]; i < h->first[kind] + h->layers[kind]; i++)
		train_raw_add(&sum, &prices->raw[i + 1]);
	if (h->example[kind] == 0)
		train_raw_add(&sum, &prices->raw[0]);
	if (h->example[kind] == h->chunks - 1)
		train_raw_add(&sum, &prices->raw[layers + 1]);
	train_price_passes(&p->s, &sum, &p->passes[kind]);
}

bool layout_prices_cut(struct layout_prices *p, const struct cut *c, bool *refused, struct err *err)
{
	const struct layer_prices *prices;
	struct err own = { 0 };

	p->job = *p->asked;
	cut_apply(c, &p->job);
	*refused = !train_setup(&p->job, p->parts, &p->s, &own);
	if (*refused)
		return own.kind == ERR_INPUT || err_set(err, own.kind, "%s", own.text);
	if (!(prices = layer_prices_of(p, c, err)) || !(p->shape = shape_of(p, c, err)) || !make_room(p, err))
		return false;
	*refused = !prices->raw;
	if (*refused)
		return true;
	for (int k = 0; k < p->shape->kinds; k++)
		price_kind(p, prices, k);
	for (int stage = 0; stage < p->s.pp; stage++)
		training_activations(&p->s.memory, stage, &p->held[stage]);
	p->in_flight = pipeline_held(p->s.schedule, (int)p->s.pp, (int)p->s.vp, (int)p->s.micros, p->scratch);
	p->slowest = train_slowest(&p->s);
	memset(p->send_known, 0, sizeof(p->send_known));
	return true;
}

static double bound_of(struct layout_prices *p, const struct train_chunk *kinds)
{
	struct pipeline_options o = { .schedule = p->s.schedule, .ranks = (int)p->s.pp, .chunks_a_rank = (int)p->s.vp, .micros = (int)p->s.micros,
				      .chunks = p->times, .overlap = p->s.memory.zero >= 3 ? 0 : p->s.dp_overlap, .contention = p->parts->stack->contention };

	for (int c = 0; c < p->shape->chunks; c++)
		p->times[c] = kinds[p->shape->kind[c]].time;
	return pipeline_bound(&o);
}

const struct train_setup *layout_prices_setup(const struct layout_prices *p)
{
	return &p->s;
}

double layout_prices_least_s(struct layout_prices *p)
{
	return (bound_of(p, p->passes) + p->parts->stack->step_s) * p->slowest;
}

/* Reductions do not depend on how long the passes are: worked out once for a shape (not with ZeRO-3, which waits in passes). */
static bool reductions(struct layout_prices *p, struct err *err)
{
	struct shape *h = p->shape;
	struct traffic *t = &h->traffic[p->s.memory.zero][p->job.layout.dp_network];

	if (!t->known) {
		t->reduce_s = arena_alloc(p->arena, (size_t)h->kinds * sizeof(double)), t->gather_s = arena_alloc(p->arena, (size_t)h->kinds * sizeof(double));
		if (!t->reduce_s || !t->gather_s)
			return err_memory(err);
		for (int k = 0; k < h->kinds; k++) {
			struct train_chunk one = p->passes[k];

			train_price_traffic(&p->s, &h->chunk[k], h->layers[k], &one);
			t->reduce_s[k] = one.time.reduce_s, t->gather_s[k] = one.gather_step_s;
		}
		t->known = true;
	}
	for (int k = 0; k < h->kinds; k++)
		p->work[k].time.reduce_s = t->reduce_s[k], p->work[k].gather_step_s = t->gather_s[k];
	return true;
}

static bool surroundings(struct layout_prices *p, struct err *err)
{
	struct shape *h = p->shape;
	int network = p->job.layout.pp_network;

	memcpy(p->work, p->passes, (size_t)h->kinds * sizeof(*p->work));
	if (!p->send_known[network])
		p->send_s[network] = train_price_send(&p->s), p->send_known[network] = true;
	if (p->s.memory.zero < 3 && !reductions(p, err))
		return false;
	for (int k = 0; k < h->kinds; k++) {
		struct train_chunk *w = &p->work[k];

		w->time.send_s = p->send_s[network];
		if (p->s.memory.zero >= 3)
			train_price_traffic(&p->s, &h->chunk[k], h->layers[k], w);
		if (p->s.memory.offload_weights || p->s.memory.offload_activations) {
			double one = 0;

			for (int64_t i = h->first[k]; i < h->first[k] + h->layers[k]; i++) {
				struct layer l;

				model_layer(p->parts->model, i, &l);
				one += training_layer_activations(&p->s.graph, &l);
			}
			if (h->example[k] == h->chunks - 1)
				one += training_prediction_activations(&p->s.graph);
			train_price_host(&p->s, &h->chunk[k], one, w);
		}
	}
	return true;
}

static void memory(struct layout_prices *p, struct layout_bound *out)
{
	double in_flight = p->in_flight > 0 ? p->in_flight : 1;

	out->exact_memory = p->in_flight > 0;
	for (int stage = 0; stage < p->s.pp; stage++) {
		struct training_memory m;

		train_stage_memory(&p->s, stage, in_flight, p->shape->stage, &p->held[stage], &m);
		out->peak_bytes = fmax(out->peak_bytes, m.peak_bytes);
		out->host_bytes = fmax(out->host_bytes, m.host_bytes);
	}
}

bool layout_prices_way(struct layout_prices *p, const struct way *w, struct layout_bound *out, struct err *err)
{
	struct train_end end = { 0 };
	const struct shape *h = p->shape;
	struct err own = { 0 };

	*out = (struct layout_bound){ 0 };
	way_apply(w, &p->job);
	out->possible = train_setup_surroundings(&p->s, &own);
	if (!out->possible)
		return true;
	memory(p, out);
	if (!surroundings(p, err))
		return false;
	for (int stage = 0; stage < p->s.pp; stage++) {
		double gather = 0, forward = 0;

		for (int c = stage; c < h->chunks; c += (int)p->s.pp)
			gather += p->work[h->kind[c]].gather_step_s, forward += p->work[h->kind[c]].time.pass_s[PASS_FORWARD];
		train_end_add(&p->s, &h->stage[stage], gather, forward, &end);
	}
	out->step_s = train_step_s(&p->s, bound_of(p, p->work), &end);
	return true;
}
