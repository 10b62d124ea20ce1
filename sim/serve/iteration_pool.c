#include "sim/serve/iteration_pool.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "sim/serve/iteration_private.h"

/* Tables of a stage take some megabytes. Those used longest ago go first. */
enum { STAGES_KEPT = 24, KEPT = 24 };

struct iteration_pool {
	pthread_mutex_t lock;
	struct iteration *idle[KEPT];          /* oldest first */
	size_t count;
	int stages;
};

struct iteration_pool *iteration_pool_new(struct err *err)
{
	struct iteration_pool *pool = mem_calloc(1, sizeof(*pool));

	if (!pool) {
		err_memory(err);
		return NULL;
	}
	pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

void iteration_pool_free(struct iteration_pool *pool)
{
	if (!pool)
		return;
	for (size_t i = 0; i < pool->count; i++)
		iteration_free(pool->idle[i]);
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool);
}

/* A new member has to be compared below, or two deployments that differ in it would share their prices. */
_Static_assert(sizeof(struct iteration_options) == 7 * sizeof(void *) + sizeof(struct host_time) + 5 * 8, "iteration_options has changed: see equal");
_Static_assert(sizeof(struct host_time) == 7 * 8 + 8 + 4 * 8, "host_time has changed: see same_host");
_Static_assert(sizeof(struct placement) == 19 * 8, "placement has changed: see same_place");

static bool same_host(const struct host_time *a, const struct host_time *b)
{
	return a->step_s == b->step_s && a->seq_s == b->seq_s && a->prefill_seq_s == b->prefill_seq_s && a->token_s == b->token_s &&
	       a->launch_s == b->launch_s && a->beside_graph == b->beside_graph && a->visible_s == b->visible_s && a->overlap == b->overlap && a->graph_prefill == b->graph_prefill &&
	       a->graph_max_tokens == b->graph_max_tokens && a->graph_granularity == b->graph_granularity &&
	       a->graph_fine_tokens == b->graph_fine_tokens && a->ranks == b->ranks;
}

static bool same_place(const struct placement *a, const struct placement *b)
{
	return a->tp == b->tp && a->pp == b->pp && a->ep == b->ep && a->cp == b->cp && a->dp_attention == b->dp_attention && a->weights == b->weights &&
	       a->gate_up == b->gate_up && a->experts == b->experts && a->attention == b->attention && a->recurrent == b->recurrent && a->router == b->router && a->head == b->head && a->kv == b->kv &&
	       a->activations == b->activations && a->expert_imbalance == b->expert_imbalance && a->wide_dispatch == b->wide_dispatch &&
	       a->routing_skew == b->routing_skew &&
	       a->devices_per_node == b->devices_per_node && a->sequence_parallel == b->sequence_parallel && a->chain == b->chain &&
	       a->stages == b->stages && a->weights_near == b->weights_near && a->weights_far == b->weights_far && a->bare_ends == b->bare_ends;
}

static bool equal(const struct iteration_options *a, const struct iteration_options *b)
{
	return a->model == b->model && a->stack == b->stack && a->costs == b->costs && a->device == b->device &&
	       same_place(a->place, b->place) && !a->op_factor == !b->op_factor &&
	       (!a->op_factor || memcmp(a->op_factor, b->op_factor, OP_KIND_COUNT * sizeof(double)) == 0) &&
	       same_host(&a->host, &b->host) && a->max_tokens == b->max_tokens && a->max_seqs == b->max_seqs &&
	       a->verified == b->verified && a->tokens_per_pass == b->tokens_per_pass && a->swap_s_per_token == b->swap_s_per_token;
}

static struct iteration *remove_at(struct iteration_pool *pool, size_t i)
{
	struct iteration *it = pool->idle[i];

	memmove(pool->idle + i, pool->idle + i + 1, (--pool->count - i) * sizeof(pool->idle[0]));
	pool->stages -= it->stage_count;
	return it;
}

struct iteration *iteration_pool_take(struct iteration_pool *pool, const struct iteration_options *options, struct err *err)
{
	struct iteration *it = NULL;

	pthread_mutex_lock(&pool->lock);
	for (size_t i = pool->count; i-- > 0 && !it;)
		if (equal(&pool->idle[i]->options, options))
			it = remove_at(pool, i);
	pthread_mutex_unlock(&pool->lock);
	if (!it)
		return iteration_new(options, err);
	iteration_forget(it);
	return it;
}

void iteration_pool_give(struct iteration_pool *pool, struct iteration *it)
{
	struct iteration *gone[KEPT + 1];
	size_t count = 0;

	if (!it)
		return;
	pthread_mutex_lock(&pool->lock);
	while (pool->count > 0 && (pool->count == KEPT || pool->stages + it->stage_count > STAGES_KEPT))
		gone[count++] = remove_at(pool, 0);
	if (pool->stages + it->stage_count > STAGES_KEPT) {
		gone[count++] = it;
	} else {
		pool->idle[pool->count++] = it;
		pool->stages += it->stage_count;
	}
	pthread_mutex_unlock(&pool->lock);
	while (count > 0)
		iteration_free(gone[--count]);
}
