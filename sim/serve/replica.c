#include "sim/serve/replica.h"

#include <math.h>

#include "base/mem.h"

bool replica_init(struct replica *r, const struct pool *pool, struct seq_pool *seqs, int32_t number, struct err *err)
{
	int lanes = pool->limits.lanes;

	*r = (struct replica){ .pool = pool, .number = number, .per_block = 1 / (double)pool->limits.kv_blocks };
	if (!batcher_init(&r->batcher, seqs, pool->scheduler, &pool->limits, err))
		return false;
	r->flights = mem_calloc((size_t)lanes, sizeof(*r->flights));
	r->stage_free_s = mem_calloc((size_t)lanes, sizeof(*r->stage_free_s));
	if (!r->flights || !r->stage_free_s)
		return err_memory(err);
	return true;
}

void replica_release(struct replica *r)
{
	batcher_release(&r->batcher);
	mem_free(r->flights);
	mem_free(r->stage_free_s);
	*r = (struct replica){ 0 };
}

static struct flight *flight_at(const struct replica *r, int k)
{
	int i = r->flight_head + k, lanes = r->pool->limits.lanes;

	return &r->flights[i < lanes ? i : i - lanes];        /* k < lanes: a comparison, not a division */
}

/* Duration of the first k steps of a flight. */
static double span(const struct step_time *t, int64_t k)
{
	double n = (double)k;

	return n * t->base_s + t->slope_s * (n * (n - 1) / 2);
}

/* Least k in 1 .. steps after which the flight's clock reaches t_s. */
static int64_t steps_to(const struct flight *f, double t_s)
{
	double need = t_s - f->start.hi, a = f->time.slope_s / 2, b = f->time.base_s - a, guess;
	int64_t k;

	if (need <= 0)
		return 1;
	guess = a > 0 ? (sqrt(b * b + 4 * a * need) - b) / (2 * a) : need / f->time.base_s;
	k = guess >= (double)f->steps ? f->steps : (int64_t)ceil(guess);
	if (k < 1)
		k = 1;
	/* The square root is only a guess: the clock decides, exactly as it would step by step. */
	while (k > 1 && same_time(clock_after(f->start, span(&f->time, k - 1)).hi) >= t_s)
		k--;
	while (k < f->steps && same_time(clock_after(f->start, span(&f->time, k)).hi) < t_s)
		k++;
	return k;
}

/* Runs the batch through the pipeline: each stage starts when its input is there and it is free. */
static void launch_pipeline(struct replica *r, struct flight *f, double now_s)
{
	double t = now_s;

	f->steps = 1;
	for (int s = 0; s < r->pool->limits.lanes; s++) {
		struct step_time time;

		iteration_price(r->pool->iteration, s, &f->shape, 1, &time);
		iteration_count(r->pool->iteration, s, &f->shape, &time, 1);
		if (r->stage_free_s[s] > t)
			t = r->stage_free_s[s];
		if (s == 0)
			f->start = clock_at(t);
		t += time.base_s;
		r->stage_free_s[s] = t;
	}
	f->end = clock_at(t);
}

/* `now` by address: a pair of doubles passed by value is stored apart and loaded whole, which stalls. */
static bool launch(struct replica *r, int lane, const struct clock *now, const struct replica_events *events)
{
	struct batcher *b = &r->batcher;
	bool formed = batcher_form(b, lane, now->hi);
	struct flight *f = flight_at(r, r->flight_count);

	if (b->load_new) {
		int32_t i = b->loading.tail;

		for (int32_t n = b->load_new; n > 1; n--)
			i = b->pool->at[i].prev;
		for (; i != NO_SEQ; i = b->pool->at[i].next)
			events->loading(events->ctx, r, i, now->hi);
		b->load_new = 0;
	}
	if (!formed)
		return false;
	f->lane = lane;
	f->start = *now;
	batch_shape_of(b, lane, &f->shape);
	for (size_t k = 0; k < b->lanes[lane].batch.chunk_count; k++) {
		struct seq *s = &b->pool->at[b->lanes[lane].batch.chunks[k].seq];

		if (s->first_schedule_s < 0)
			s->first_schedule_s = now->hi;
	}
	r->flight_count++;
	if (r->pool->limits.lanes > 1) {
		launch_pipeline(r, f, now->hi);
		return true;
	}
	iteration_price(r->pool->iteration, 0, &f->shape, r->pool->exact_steps ? 1 : b->lanes[lane].batch.quiet_steps, &f->time);
	f->steps = f->time.steps;
	f->end = clock_after(f->start, span(&f->time, f->steps));
	return true;
}

/* Starts batches on free lanes, in turn. */
static void launch_all(struct replica *r, const struct clock *now, const struct replica_events *events)
{
	int lanes = r->pool->limits.lanes;

	for (int tried = 0; tried < lanes && r->flight_count < lanes; tried++) {
		int lane = r->next_lane + tried < lanes ? r->next_lane + tried : r->next_lane + tried - lanes;

		if (!r->batcher.lanes[lane].in_flight && launch(r, lane, now, events)) {
			r->next_lane = lane + 1 < lanes ? lane + 1 : 0;
			tried = -1;
		}
	}
}

/* Gaps between tokens: all but the fresh have their last token at the lane's last batch with decodes. */
static void measure_gaps(struct replica *r, const struct flight *f, struct metrics *m)
{
	struct lane *l = &r->batcher.lanes[f->lane];
	const struct seq *at = r->batcher.pool->at;
	bool pipeline = r->pool->limits.lanes > 1;
	double first_end = pipeline ? f->end.hi : clock_after(f->start, f->time.base_s).hi;
	int64_t fresh = 0;

	for (size_t k = 0; k < l->fresh_count; k++) {
		const struct seq *s = &at[l->fresh[k]];

		if (s->state != SEQ_DECODE || s->join_step != l->decoding.step || s->replica != r->number)
			continue;
		sketch_add(m->itl, first_end - s->last_token_s, 1);
		fresh++;
	}
	if (f->shape.decodes > fresh) {
		double gap = l->last_token_s == f->start.hi && !pipeline ? f->time.base_s : first_end - l->last_token_s;

		sketch_add(m->itl, gap, (double)(f->shape.decodes - fresh));
	}
	if (f->steps > 1)
		sketch_add_ramp(m->itl, f->time.base_s + f->time.slope_s, f->time.slope_s, f->steps - 1, (double)f->shape.decodes);
}

/* `before`: as it was while the flight ran; the batcher has committed it meanwhile. */
struct before {
	double used_blocks, running, waiting;
};

static void measure(struct replica *r, const struct flight *f, const struct before *before, struct metrics *m, const struct serve_sink *sink)
{
	const struct batcher *b = &r->batcher;
	double grown = (double)b->grown, per_block = r->per_block, t0 = f->start.hi, t1 = f->end.hi, k = (double)f->steps;
	struct batch_sample s = { .steps = k, .decodes = (double)f->shape.decodes, .tokens = (double)f->shape.tokens,
				  .running = before->running, .waiting = before->waiting,
				  .kv_share = (before->used_blocks + b->grown_mean) * per_block, .output_tokens = k * (double)f->shape.logits };

	if ((before->used_blocks + grown) * per_block > r->kv_peak)
		r->kv_peak = (before->used_blocks + grown) * per_block;
	r->busy_s += t1 - t0;
	metrics_batches(m, t0, t1, &s);
	if (sink && sink->batch)
		sink->batch(sink->ctx, r->number, t0, t1, f->steps, f->shape.decodes, f->shape.prefills, f->shape.tokens);
}

/* What the flight leaves to do: requests that it began, first tokens one by one, others in chunks. */
static void send(struct replica *r, const struct flight *f)
{
	const struct pool *p = r->pool;
	double firsts = (double)r->batcher.first_count, others = fmax(0, (double)f->shape.logits - firsts);
	double first_s = f->steps == 1 ? f->end.hi : clock_after(f->start, span(&f->time, 1)).hi;

	outbox_take(&r->outbox, firsts * (p->intake_s + p->message_s) + others / p->chunk * p->message_s, f->steps, first_s, f->end.hi);
}

void replica_advance(struct replica *r, struct metrics *m, const struct replica_events *events, const struct serve_sink *sink)
{
	struct flight *f = &r->flights[r->flight_head];
	struct batcher *b = &r->batcher;
	struct lane *l = &b->lanes[f->lane];
	struct clock now = f->end;
	struct before before = { (double)batcher_used_blocks(b), (double)b->running.count, (double)b->waiting_count };
	double first_s = now.hi, complete_s = now.hi;  /* when clients have them */

	if (r->pool->limits.lanes == 1)
		iteration_count(r->pool->iteration, 0, &f->shape, &f->time, f->steps);
	if (f->shape.decodes) {
		measure_gaps(r, f, m);
		l->last_token_s = now.hi;
	}
	batcher_commit(b, f->lane, f->steps);
	measure(r, f, &before, m, sink);
	if (r->pool->message_s > 0) {
		send(r, f);
		first_s = outbox_last_s(&r->outbox);
		complete_s = outbox_first_s(&r->outbox, r->pool->message_s);
	}
	for (size_t k = 0; k < b->first_count; k++) {
		struct seq *s = &b->pool->at[b->first_tokens[k]];

		if (s->generated == 1)
			s->first_token_s = first_s;
		else
			sketch_add(m->itl, now.hi - s->last_token_s, 1);
		s->last_token_s = now.hi;
	}
	r->flight_head = r->flight_head + 1 < r->pool->limits.lanes ? r->flight_head + 1 : 0;
	r->flight_count--;
	for (size_t k = 0; k < b->first_count; k++)
		if (UNLIKELY(b->pool->at[b->first_tokens[k]].state == SEQ_HANDOFF))
			events->hand_over(events->ctx, r, b->first_tokens[k], now.hi);
	for (size_t k = 0; k < b->finished_count; k++) {
		batcher_release_seq(b, b->finished[k]);
		events->finished(events->ctx, r, b->finished[k], fmax(complete_s, b->pool->at[b->finished[k]].first_token_s));
	}
	launch_all(r, &now, events);
}

/* The time that something happens at, as the steps of r see it: what another replica caused at the very instant at which
 * one of r's steps ends, after r had its turn there, comes after that step. */
static double seen_s(const struct replica *r, double t_s, const struct replica_events *events)
{
	return r->number < events->decided && clock_key(t_s) == events->decided_key ? same_time(same_time(same_time(t_s))) : t_s;
}

void replica_poke(struct replica *r, double t_s, const struct replica_events *events)
{
	struct flight *f;

	if (r->flight_count < r->pool->limits.lanes) {
		launch_all(r, &(struct clock){ t_s, 0 }, events);
		return;
	}
	f = &r->flights[r->flight_head];
	if (r->pool->limits.lanes > 1 || f->steps == 1 || !batcher_may_admit(&r->batcher))
		return;
	f->steps = steps_to(f, seen_s(r, t_s, events));
	f->end = clock_after(f->start, span(&f->time, f->steps));
}

/* The next batch is formed while this one runs: what arrives before step j ends is seen when the batch after step j + 1 is
 * formed. Until then nothing changes, so the flight runs on to that point as one. True: seen at the end of this flight. */
static bool arrives_in_time(struct replica *r, double t_s, const struct replica_events *events)
{
	struct flight *f = &r->flights[r->flight_head];
	int64_t j;

	if (f->steps == 1)
		return false;
	j = steps_to(f, seen_s(r, t_s, events));
	if (j >= f->steps)
		return false;
	if (batcher_may_admit(&r->batcher)) {
		f->steps = j + 1;
		f->end = clock_after(f->start, span(&f->time, f->steps));
	}
	return true;
}

void replica_hold(struct replica *r, int32_t seq)
{
	r->batcher.pool->at[seq].replica = r->number;
	r->requests++;
	batcher_add(&r->batcher, seq, false);
}

void replica_add(struct replica *r, int32_t seq, double t_s, const struct replica_events *events)
{
	r->batcher.pool->at[seq].replica = r->number;
	r->requests++;
	if (r->flight_count > 0 && r->batcher.limits.late) {
		batcher_add(&r->batcher, seq, !arrives_in_time(r, t_s, events));
		return;
	}
	batcher_add(&r->batcher, seq, false);
	replica_poke(r, t_s, events);
}

void replica_loaded(struct replica *r, int32_t seq, double t_s, const struct replica_events *events)
{
	/* Known to the scheduler like an arrival: poking would end the flight before what it already runs on for. */
	if (r->flight_count > 0 && r->batcher.limits.late) {
		batcher_loaded(&r->batcher, seq, !arrives_in_time(r, t_s, events));
		return;
	}
	batcher_loaded(&r->batcher, seq, false);
	replica_poke(r, t_s, events);
}

void replica_settle(struct replica *r, double t_s, const struct replica_events *events)
{
	const struct flight *f = r->flight_count ? &r->flights[r->flight_head] : NULL;

	if (f && f->steps > 1)
		batcher_settle(&r->batcher, f->lane, steps_to(f, seen_s(r, t_s, events)));
}
