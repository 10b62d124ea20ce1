/* Requests become sequences: slots are taken, prefix blocks turn into chained keys at the engine's block size. */
#include <math.h>

#include "base/hash.h"
#include "sim/serve/fleet.h"

/* Engine blocks may be larger than the trace's: then every so many-th block ends one. */
static void adopt_keys(struct sim *sim, const struct request *r, struct seq *s)
{
	int64_t block = sim->pools[0].limits.block_tokens, every = 1, tokens = r->block_tokens;
	uint64_t chain = 0x76696265;
	int32_t n = 0;

	if (tokens < block) {
		every = (block + tokens - 1) / tokens;
		tokens *= every;
	}
	if (sim->key_tokens == 0) {
		sim->key_tokens = tokens;
		for (int32_t i = 0; i < sim->replica_count; i++)
			batcher_set_keys(&sim->replicas[i].batcher, tokens);
	}
	if (tokens != sim->key_tokens || tokens % block != 0) {
		sim->dropped_keys++;
		return;
	}
	s->keys = key_pool_take(&sim->keys, (int32_t)(r->block_count / (uint32_t)every), &s->key_class);
	if (!s->keys)
		return;
	for (uint32_t k = 0; k < r->block_count; k++) {
		chain = hash_mix(chain, r->blocks[k]);
		if ((k + 1) % (uint32_t)every == 0)
			s->keys[n++] = chain;
	}
	s->key_count = n;
}

static int32_t admit_slot(struct sim *sim, const struct request *r)
{
	int32_t i = seq_pool_take(&sim->seqs);
	struct seq *s;

	if (i == NO_SEQ) {
		err_memory(&sim->err);
		return NO_SEQ;
	}
	s = &sim->seqs.at[i];
	s->id = r->id;
	s->arrival_s = r->arrival_s;
	s->first_schedule_s = -1;
	s->session = r->session;
	/* One request cannot exceed what an int32 holds; longer ones are refused as too long for any model. */
	s->prompt = r->prompt_tokens > INT32_MAX / 4 ? INT32_MAX / 4 : (int32_t)r->prompt_tokens;
	s->output = r->output_tokens > INT32_MAX / 4 ? INT32_MAX / 4 : (int32_t)r->output_tokens;
	s->priority = r->priority;
	s->class_index = r->class_index;
	s->turn = r->turn;
	s->adapter = r->adapter;
	s->replica = -1;
	if (r->blocks && r->block_count && r->block_tokens && sim->pools[0].limits.prefix_caching)
		adopt_keys(sim, r, s);
	return i;
}

/* When a request reaches the queue: HTTP and its tokeniser come first. */
static double reaches(const struct sim *sim, const struct request *r)
{
	return r->arrival_s + sim->request_s + sim->prompt_token_s * (double)r->prompt_tokens;
}

bool intake_next(struct sim *sim)
{
	struct request r;
	double before = sim->next_arrival_s;

	sim->next_arrival = NO_SEQ;
	sim->next_arrival_s = INFINITY;
	if (!sim->source_open)
		return true;
	if (!source_next(sim->source, &r, &sim->err)) {
		sim->source_open = false;
		return sim->err.kind == ERR_NONE;
	}
	sim->next_arrival = admit_slot(sim, &r);
	/* In order of arrival: the next waits for a longer prompt before it. */
	sim->next_arrival_s = fmax(reaches(sim, &r), isfinite(before) ? before : 0);
	return sim->next_arrival != NO_SEQ;
}

void intake_followup(struct sim *sim, const struct seq *done, double now_s)
{
	struct request asked = { .id = done->id, .arrival_s = done->arrival_s, .prompt_tokens = done->prompt, .output_tokens = done->output,
				 .priority = done->priority, .class_index = done->class_index, .adapter = done->adapter, .turn = done->turn,
				 .session = done->session }, next;
	int32_t i;

	if (!source_completed(sim->source, &asked, now_s, &next, &sim->err))
		return;
	i = admit_slot(sim, &next);
	if (i != NO_SEQ && !events_push(&sim->events, reaches(sim, &next), EVENT_ARRIVAL, i))
		err_memory(&sim->err);
}
