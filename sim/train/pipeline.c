#include "sim/train/pipeline.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

struct event {
	double at_s;
	int64_t sequence;              /* breaks ties */
	int32_t rank;
	int32_t task;                  /* index of the pass that ends, or one of the two below */
};
/* Something arrived; and, after all else of that moment: the rank may fill its wait with weight gradients. */
enum { ARRIVED = -1, IDLE = -2 };

struct rank {
	double free_s, busy_s, link_s[2];
	bool working;
	int next;                      /* in its order */
	int held, held_most;           /* chunk activations */
	int weights_done, weights_ready;
	int forward_next[2], backward_next[2]; /* ranks without an order: by local chunk, the next micro-batch */
	double last_s;
};

struct engine {
	const struct pipeline_options *o;
	int p, v, m, total;            /* total: chunks of the model (CHUNKS_BOTH: both copies) */
	struct rank *ranks;
	struct slot *orders;           /* p x 2 m v */
	double *ready_forward, *ready_backward;        /* when the inputs of (chunk, micro) are there; INFINITY: not yet */
	int32_t *weight_queue;         /* p x m v: passes whose weight gradients are pending, in order */
	int32_t *left;                 /* passes that a chunk still needs before its gradients are whole */
	int32_t *held;                 /* micro-batches whose activations a chunk holds */
	double *whole_s;               /* when they are */
	struct event *heap;
	size_t heap_count, heap_capacity;
	int64_t sequence;
};

static bool before(const struct event *a, const struct event *b)
{
	if (a->at_s != b->at_s)
		return a->at_s < b->at_s;
	if ((a->task == IDLE) != (b->task == IDLE))
		return b->task == IDLE;
	return a->sequence < b->sequence;
}

/* The heap never outgrows its room: a pass adds its end, an arrival and at most two idle moments. */
static void push(struct engine *e, double at_s, int rank, int task)
{
	size_t i = e->heap_count++;
	struct event ev = { at_s, e->sequence++, rank, task };

	while (i > 0 && before(&ev, &e->heap[(i - 1) / 2])) {
		e->heap[i] = e->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	e->heap[i] = ev;
}

static struct event pop(struct engine *e)
{
	struct event top = e->heap[0], last = e->heap[--e->heap_count];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= e->heap_count)
			break;
		if (c + 1 < e->heap_count && before(&e->heap[c + 1], &e->heap[c]))
			c++;
		if (!before(&e->heap[c], &last))
			break;
		e->heap[i] = e->heap[c];
		i = c;
	}
	e->heap[i] = last;
	return top;
}

static int rank_of(const struct engine *e, int chunk)
{
	return schedule_rank(e->o->schedule, chunk, e->p);
}

/* CHUNKS_BOTH: chunks p .. 2p - 1 are the second copy, which starts at the last rank. */
static const struct chunk_time *times(const struct engine *e, int chunk)
{
	return &e->o->chunks[e->o->schedule->chunks == CHUNKS_BOTH ? chunk % e->p : chunk];
}

static bool first_chunk(const struct engine *e, int chunk)
{
	return chunk == 0 || (e->o->schedule->chunks == CHUNKS_BOTH && chunk == e->p);
}

static bool last_chunk(const struct engine *e, int chunk)
{
	return chunk == e->total - 1 || (e->o->schedule->chunks == CHUNKS_BOTH && chunk == e->p - 1);
}

static size_t at(const struct engine *e, int chunk, int micro)
{
	return (size_t)chunk * (size_t)e->m + (size_t)micro;
}

/* Micro-batches that go through a chunk: half from each end with two copies. */
static int micros_of(const struct engine *e, int chunk)
{
	if (e->o->schedule->chunks != CHUNKS_BOTH)
		return e->m;
	return chunk < e->p ? (e->m + 1) / 2 : e->m / 2;
}

static void start(struct engine *e, int r, double now, enum pass pass, int chunk, int micro)
{
	struct rank *k = &e->ranks[r];
	double t = times(e, chunk)->pass_s[pass] * (e->o->slow ? e->o->slow[r] : 1);

	if (pass == PASS_BACKWARD && !e->o->schedule->split)
		t += times(e, chunk)->pass_s[PASS_WEIGHT] * (e->o->slow ? e->o->slow[r] : 1);
	if (pass == PASS_FORWARD) {
		e->held[chunk]++;
		if (++k->held > k->held_most)
			k->held_most = k->held;
	}
	k->working = true;
	k->busy_s += t;
	k->last_s = now + t;
	if (e->o->span)
		e->o->span(e->o->ctx, r, pass, chunk, micro, now, now + t);
	push(e, now + t, r, (int)((at(e, chunk, micro)) * PASS_COUNT + (size_t)pass));
}

static void start_weight(struct engine *e, int r, double now)
{
	struct rank *k = &e->ranks[r];
	int32_t task = e->weight_queue[(size_t)r * (size_t)(e->m * e->v) + (size_t)k->weights_done++];

	start(e, r, now, PASS_WEIGHT, task / e->m, task % e->m);
}

/* Whether another forward pass of this chunk keeps within the memory that the schedule grants. */
static bool room(const struct engine *e, int chunk)
{
	const struct schedule_ops *s = e->o->schedule;
	int depth = s->chunks == CHUNKS_BOTH ? e->p - chunk % e->p : e->total - chunk;

	return !s->split || e->held[chunk] < s->limit(depth, e->p);
}

static bool start_ordered(struct engine *e, int r, double now)
{
	struct rank *k = &e->ranks[r];
	const struct slot *s = &e->orders[(size_t)r * 2 * (size_t)(e->m * e->v)];

	if (k->next < 2 * e->m * e->v) {
		const struct slot *n = &s[k->next];
		double ready = (n->pass == PASS_FORWARD ? e->ready_forward : e->ready_backward)[at(e, n->chunk, n->micro)];

		if (ready <= now && (n->pass == PASS_BACKWARD || room(e, n->chunk))) {
			k->next++;
			start(e, r, now, n->pass, n->chunk, n->micro);
			return true;
		}
	}
	return false;
}

/* Backward before forward, the later chunk first: what frees memory and what others wait for. */
static bool start_greedy(struct engine *e, int r, double now)
{
	struct rank *k = &e->ranks[r];
	int chunk[2] = { r, 2 * e->p - 1 - r };

	for (int c = 1; c >= 0; c--) {
		int i = k->backward_next[c];

		if (i < micros_of(e, chunk[c]) && e->ready_backward[at(e, chunk[c], i)] <= now) {
			k->backward_next[c]++;
			start(e, r, now, PASS_BACKWARD, chunk[c], i);
			return true;
		}
	}
	for (int c = 1; c >= 0; c--) {
		int i = k->forward_next[c];

		if (i < micros_of(e, chunk[c]) && room(e, chunk[c]) && e->ready_forward[at(e, chunk[c], i)] <= now) {
			k->forward_next[c]++;
			start(e, r, now, PASS_FORWARD, chunk[c], i);
			return true;
		}
	}
	return false;
}

static void wake(struct engine *e, int r, double now, bool idle)
{
	struct rank *k = &e->ranks[r];

	if (k->working || (e->o->schedule->order ? start_ordered(e, r, now) : start_greedy(e, r, now)))
		return;
	if (k->weights_done == k->weights_ready)
		return;
	if (idle)
		start_weight(e, r, now);
	else
		push(e, now, r, IDLE);
}

/* One message at a time on each direction of a rank's link. */
static void send(struct engine *e, int from, int to, double now, double seconds, double *ready)
{
	int direction = to > from;
	double *link = &e->ranks[from].link_s[direction];

	if (from == to) {
		*ready = now;
	} else {
		*link = fmax(*link, now) + seconds;
		*ready = *link;
	}
	push(e, *ready, to, ARRIVED);
}

static void whole(struct engine *e, int chunk, double now)
{
	if (--e->left[chunk] == 0)
		e->whole_s[chunk] = now;
}

static void finish(struct engine *e, int r, int task, double now)
{
	enum pass pass = (enum pass)(task % PASS_COUNT);
	int chunk = task / PASS_COUNT / e->m, micro = task / PASS_COUNT % e->m;
	struct rank *k = &e->ranks[r];
	size_t i = at(e, chunk, micro);

	k->working = false;
	if (pass == PASS_FORWARD) {
		if (last_chunk(e, chunk))
			e->ready_backward[i] = now;
		else
			send(e, r, rank_of(e, chunk + 1), now, times(e, chunk)->send_s, &e->ready_forward[at(e, chunk + 1, micro)]);
	} else if (pass == PASS_BACKWARD) {
		if (!first_chunk(e, chunk))
			send(e, r, rank_of(e, chunk - 1), now, times(e, chunk - 1)->send_s, &e->ready_backward[at(e, chunk - 1, micro)]);
		if (e->o->schedule->split)
			e->weight_queue[(size_t)r * (size_t)(e->m * e->v) + (size_t)k->weights_ready++] = (int32_t)i;
		else
			whole(e, chunk, now);
	} else {
		whole(e, chunk, now);
	}
	if (pass == PASS_WEIGHT || (pass == PASS_BACKWARD && !e->o->schedule->split))
		k->held--, e->held[chunk]--;
	wake(e, r, now, false);
}

static bool prepare(struct engine *e, const struct pipeline_options *o, struct err *err)
{
	size_t cells, passes;

	*e = (struct engine){ .o = o, .p = o->ranks, .v = o->chunks_a_rank, .m = o->micros, .total = o->ranks * o->chunks_a_rank };
	if (e->p < 1 || e->v < 1 || e->m < 1)
		return err_set(err, ERR_INPUT, "pipeline of %d ranks, %d chunks, %d micro-batches: expected at least one of each", e->p, e->v, e->m);
	cells = (size_t)e->total * (size_t)e->m, passes = cells * PASS_COUNT;
	if (passes > 1u << 29)
		return err_set(err, ERR_INPUT, "pipeline of %d ranks, %d chunks, %d micro-batches: too many passes for one step", e->p, e->v, e->m);
	e->heap_capacity = 4 * passes + (size_t)e->p;
	e->ranks = mem_calloc((size_t)e->p, sizeof(*e->ranks));
	e->ready_forward = mem_calloc(cells, sizeof(double)), e->ready_backward = mem_calloc(cells, sizeof(double));
	e->orders = o->schedule->order ? mem_calloc(2 * cells, sizeof(*e->orders)) : NULL;
	e->weight_queue = mem_calloc(cells, sizeof(*e->weight_queue));
	e->held = mem_calloc((size_t)e->total, sizeof(*e->held));
	e->left = mem_calloc((size_t)e->total, sizeof(*e->left)), e->whole_s = mem_calloc((size_t)e->total, sizeof(double));
	e->heap = mem_calloc(e->heap_capacity, sizeof(*e->heap));
	if (!e->ranks || !e->ready_forward || !e->ready_backward || (o->schedule->order && !e->orders) || !e->weight_queue || !e->held || !e->left ||
	    !e->whole_s || !e->heap)
		return err_memory(err);
	for (size_t i = 0; i < cells; i++)
		e->ready_forward[i] = e->ready_backward[i] = INFINITY;
	for (int c = 0; c < e->total; c++) {
		e->left[c] = micros_of(e, c);
		for (int i = 0; first_chunk(e, c) && i < micros_of(e, c); i++)
			e->ready_forward[at(e, c, i)] = 0;
	}
	for (int r = 0; o->schedule->order && r < e->p; r++)
		o->schedule->order(r, e->p, e->v, e->m, &e->orders[(size_t)r * 2 * (size_t)(e->m * e->v)]);
	return true;
}

static void release(struct engine *e)
{
	mem_free(e->ranks), mem_free(e->ready_forward), mem_free(e->ready_backward), mem_free(e->orders);
	mem_free(e->weight_queue), mem_free(e->held), mem_free(e->left), mem_free(e->whole_s), mem_free(e->heap);
}

/* Reductions of a rank's chunks, in the order in which their gradients become whole, on one communication stream. What runs
 * beside arithmetic slows it down; what cannot overlap waits for the rank to be done. */
static double reduce(const struct engine *e, int r, double *beside_s)
{
	const struct pipeline_options *o = e->o;
	double end = e->ranks[r].last_s, stream = 0, alone = 0;

	for (int done = 0; done < e->v; done++) {
		int c = -1;

		for (int g = 0; g < e->total; g++)
			if (rank_of(e, g) == r && e->whole_s[g] >= 0 && (c < 0 || e->whole_s[g] < e->whole_s[c]))
				c = g;
		if (c < 0)
			break;
		/* Its layers' gradients come one by one during its last pass: all but the first layer's share may start early. */
		double early = times(e, c)->pass_s[PASS_BACKWARD] + times(e, c)->pass_s[PASS_WEIGHT];
		double t = times(e, c)->reduce_s * o->overlap, begin = fmax(stream, e->whole_s[c] - early * o->overlap);

		if (o->span && times(e, c)->reduce_s > 0)
			o->span(o->ctx, r, PASS_COUNT, c, 0, begin, begin + t);
		stream = begin + t;
		*beside_s += fmax(0, fmin(stream, end) - begin);
		alone += times(e, c)->reduce_s - t;
		e->whole_s[c] = -1;
	}
	/* The last bucket can only go when the last gradient is there. */
	return fmax(end, stream) + alone;
}

static void summary(struct engine *e, struct pipeline_result *out)
{
	double beside = 0, busy = 0;

	for (int r = 0; r < e->p; r++)
		out->arithmetic_s = fmax(out->arithmetic_s, e->ranks[r].last_s);
	for (int r = 0; r < e->p; r++) {
		struct rank *k = &e->ranks[r];
		double with = 0, end = reduce(e, r, &with);

		end += with * e->o->contention;
		out->seconds = fmax(out->seconds, end);
		out->busy_s = fmax(out->busy_s, k->busy_s);
		out->in_flight = fmax(out->in_flight, k->held_most);
		busy += k->busy_s;
		beside = fmax(beside, with);
	}
	out->bubble_s = out->arithmetic_s - busy / e->p;
	out->exposed_reduce_s = out->seconds - out->arithmetic_s;
	out->events = e->sequence;
}

bool pipeline_run(const struct pipeline_options *o, struct pipeline_result *out, struct err *err)
{
	struct engine e;
	bool ok;

	*out = (struct pipeline_result){ 0 };
	ok = prepare(&e, o, err);
	if (ok) {
		for (int r = 0; r < e.p; r++)
			push(&e, 0, r, ARRIVED);
		while (e.heap_count > 0) {
			struct event ev = pop(&e);

			if (ev.task < 0)
				wake(&e, ev.rank, ev.at_s, ev.task == IDLE);
			else
				finish(&e, ev.rank, ev.task, ev.at_s);
		}
		for (int c = 0; c < e.total && ok; c++)
			if (e.left[c] > 0)
				ok = err_set(err, ERR_INTERNAL, "schedule %s with %d ranks, %d chunks and %d micro-batches stands still",
					     o->schedule->name, e.p, e.v, e.m);
		if (ok)
			summary(&e, out);
	}
	release(&e);
	return ok;
}
