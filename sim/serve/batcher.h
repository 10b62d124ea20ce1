/* The state that a batching policy works on -- queues, running sequences, cache blocks -- without any notion of time
 * but the order of calls. The simulator drives it with predicted durations, the engine with measured ones: form a
 * batch, execute it, commit it. */
#ifndef SIM_SERVE_BATCHER_H
#define SIM_SERVE_BATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "models/graph.h"
#include "sim/serve/decode_group.h"
#include "sim/serve/prefix_cache.h"
#include "sim/serve/seq.h"

struct scheduler_ops;

enum { PRIORITY_LEVELS = 16, LANES_MOST = 256 };
enum reserve { RESERVE_AS_NEEDED, RESERVE_TOTAL };              /* blocks at admission: of the chunk; of prompt + output */
enum wait_order { ORDER_DEFAULT, ORDER_FCFS, ORDER_LPM, ORDER_DFS, ORDER_LOF, ORDER_PRIORITY, ORDER_RANDOM };

struct batcher_limits {
	int64_t max_seqs, max_tokens;
	int64_t decode_tokens;                 /* of the budget that a decoding sequence takes: 1 + drafted ones; 0 counts as 1 */
	int64_t block_tokens, kv_blocks;
	/* Blocks that a sequence holds beside those of its full-attention layers: recurrent state, and the cache of sliding
	 * windows (this many a token, up to the window), taken at admission for its final length. */
	double state_blocks, window_blocks_per_token;
	int64_t window_tokens;
	bool unpaged;                          /* no layer's cache grows with the context: one allocation a sequence */
	int64_t max_model_len;                 /* prompt + output; 0 = no limit */
	int64_t long_prefill_threshold;        /* 0 = none */
	int64_t watermark_blocks;
	int64_t max_waiting_iters;
	int64_t reserve_tokens;                /* RESERVE_TOTAL: this many a sequence; 0 = its prompt + output */
	int64_t host_cache_blocks, disk_cache_blocks;           /* slower tiers, in blocks of block_tokens */
	double conservativeness;
	int64_t ranks, balance_steps;          /* trtllm: attention ranks, and decode steps that prompts wait for one on each; 0 = none */
	int64_t recv_interval;                 /* sglang, vllm-v0: decode steps between looks at new requests; 0 counts as 1 */
	bool chunked, prefix_caching, swap, handoff;            /* handoff: prefill only, decode elsewhere */
	bool late;                             /* asynchronous scheduling: the next batch is formed while one runs, so that
						* an arrival joins the batch after the next */
	enum wait_order order;
	enum reserve reserve;
	int lanes;                             /* batches in flight at once (pipeline stages) */
	int64_t windows[GRAPH_WINDOWS];
	int window_count;
	int wheel_bits;
};

struct chunk {
	int32_t seq, tokens, prior;
	bool last;                             /* completes the prompt: a token comes out */
};

struct batch {
	struct chunk *chunks;
	size_t chunk_count, chunk_capacity;
	bool decodes;                          /* the lane's decode group makes a step */
	int64_t prefill_tokens, logits;        /* of the chunks; logits: chunks that end a prompt */
	int64_t swap_tokens;                   /* moved between device and host memory before this batch can run */
	int64_t quiet_steps;                   /* this batch may run that many times before the next decision (1 with chunks) */
	int64_t policy_steps;                  /* set by a policy that wants to decide again earlier; 0 = no wish */
};

struct lane {
	struct decode_group decoding;
	int32_t *partial;                      /* admitted prompts not yet fully computed, in order of admission */
	size_t partial_count, partial_capacity;
	struct batch batch;
	/* Decoding sequences whose last token is not as old as the group's last step (fresh from a batch without decodes,
	 * swapped in, handed over): their next gap is measured from their own last_token_s. */
	int32_t *fresh;
	size_t fresh_count, fresh_capacity;
	int64_t reserved;                      /* blocks already taken for the next step of the decode group */
	double last_token_s;                   /* end of the last batch with decodes; kept by the driver */
	bool in_flight;
};

struct batcher {
	struct seq_pool *pool;                 /* shared by all batchers of a simulation */
	const struct scheduler_ops *ops;
	void *policy;                          /* the policy's state */
	struct batcher_limits limits;
	int64_t free_blocks;                   /* neither held by a sequence nor by the prefix cache */
	struct prefix_cache *prefix;           /* NULL = no prefix caching */
	bool has_fixed;                        /* sequences hold blocks whatever their length */
	int64_t key_tokens, key_blocks;        /* tokens and cache blocks of one prefix key */
	struct seq_list waiting[PRIORITY_LEVELS], running, swapped, loading, inbox;
	int64_t waiting_count;
	struct lane *lanes;
	int32_t *finished;                     /* of the last commit: sequences that ended, then given back by the driver */
	int32_t *first_tokens;                 /* of the last commit: prompts completed (also those that ended or left) */
	size_t finished_count, finished_capacity, first_count, first_capacity;
	int32_t load_new;                      /* the last so many of `loading` came with the last form: the driver fetches them */
	int64_t grown;                         /* blocks that the last commit's decodes took beyond those reserved */
	double grown_mean;                     /* of these, how many a step of it had (mean) */
	int64_t preemptions;
	bool out_of_memory;
};

MUST_USE bool batcher_init(struct batcher *b, struct seq_pool *pool, const struct scheduler_ops *ops, const struct batcher_limits *limits,
			   struct err *err);
void batcher_release(struct batcher *b);

/* ---- for drivers ---- */
/* Tokens of one prefix key, a multiple of the block size: once, before the first sequence with keys. */
void batcher_set_keys(struct batcher *b, int64_t key_tokens);
/* Could this sequence ever run here? False: refuse it. */
bool batcher_accepts(const struct batcher *b, int64_t prompt, int64_t output);
/* A new request, or one handed over with its cache. late: it is seen only after the next batch has been formed. */
void batcher_add(struct batcher *b, int32_t i, bool late);
/* Forms the next batch of a lane that is not in flight. False when there is nothing to do. */
bool batcher_form(struct batcher *b, int lane, double now_s);
/* The lane's batch has run `steps` times (1 .. quiet_steps). Fills finished and first_tokens. */
void batcher_commit(struct batcher *b, int lane, int64_t steps);
/* After a commit of one step: decoding sequence `i` of the lane has got up to `tokens` more than the one of the step (drafted ones that
 * a pass has accepted). Fewer when it ends before, joining `finished`, or when no block is free for them. Returns how many it took. */
int64_t batcher_gain(struct batcher *b, int lane, int32_t i, int64_t tokens);
/* The lane's batch is in the last of so many steps: what these have thrown out of the prefix cache is gone from it. Blocks
 * are taken by the commit; this only keeps what a router sees of the cache up to date. */
void batcher_settle(struct batcher *b, int lane, int64_t steps);
/* Gives back what a finished or handed-over sequence holds (blocks, prefix references); the slot stays the driver's. */
void batcher_release_seq(struct batcher *b, int32_t i);
/* A sequence's prefix has come from the slower tier: it waits in front. late: as batcher_add. */
void batcher_loaded(struct batcher *b, int32_t i, bool late);
/* Would an arrival be considered before the present batch's quiet steps are over? */
bool batcher_may_admit(const struct batcher *b);
static inline int64_t batcher_running(const struct batcher *b)
{
	return b->running.count;
}
static inline int64_t batcher_outstanding(const struct batcher *b)
{
	return b->running.count + b->waiting_count + b->inbox.count + b->swapped.count + b->loading.count;
}

/* ---- for policies ---- */
enum admit { ADMIT_OK, ADMIT_NO_ROOM, ADMIT_LOADING };
/* Blocks that could be handed out now (free and idle prefix blocks). */
static inline int64_t batcher_room(const struct batcher *b)
{
	return b->free_blocks + (b->prefix ? prefix_cache_idle(b->prefix) * b->key_blocks : 0);
}
/* Held by sequences (prefix cache: referenced ones). */
static inline int64_t batcher_used_blocks(const struct batcher *b)
{
	return b->limits.kv_blocks - batcher_room(b);
}
/* Tokens of the budget that the lane's decoding sequences take. */
static inline int64_t batcher_decode_tokens(const struct batcher *b, int lane)
{
	int64_t count = b->lanes[lane].decoding.count;

	return b->limits.decode_tokens > 1 ? count * b->limits.decode_tokens : count;
}
/* The first waiting sequence, or NO_SEQ. */
int32_t batcher_head(const struct batcher *b);
/* Tokens that `i` would still have to compute if it were admitted now (after a prefix hit). */
int64_t batcher_missing(const struct batcher *b, int32_t i);
/* May `i` run whole within `budget` tokens? A preempted sequence has grown, perhaps past any budget: it may run alone. */
bool batcher_prompt_fits(const struct batcher *b, int lane, int32_t i, int64_t budget);
/* Prompt tokens of waiting `i` found in the cache. */
int64_t batcher_hit(const struct batcher *b, int32_t i);
/* Admits waiting `i` into the lane with a first chunk of at most `most` tokens; `whole` demands room for the whole
 * prompt, `spare` blocks must stay free. A sequence that needs no prefill joins the decode group. */
enum admit batcher_admit(struct batcher *b, int lane, int32_t i, int64_t most, bool whole, int64_t spare);
/* Adds the next chunk (at most `most` tokens) of a partial prompt. False when blocks are short. */
bool batcher_continue(struct batcher *b, int lane, int32_t i, int64_t most);
/* The same, preempting by batcher_victim until it fits; *preempted is raised then. False when `i` itself had to go, or none may. */
bool batcher_continue_or_preempt(struct batcher *b, int lane, int32_t i, int64_t most, bool *preempted);
/* Takes the blocks that the decoding sequences of the lane need for one more token, preempting from the end of the running list (never
 * a sequence in flight on another lane). Returns how many were preempted. */
int64_t batcher_fit_decodes(struct batcher *b, int lane);
void batcher_preempt(struct batcher *b, int lane, int32_t i);
/* The sequence to preempt next for this lane: last of the running list, or by priority; NO_SEQ when none may be. */
int32_t batcher_victim(const struct batcher *b, int lane);
/* Swapped sequences come back, oldest first, while room lasts. Returns how many. */
int64_t batcher_swap_in(struct batcher *b, int lane);

#endif
