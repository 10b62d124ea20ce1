/* What the engine's own files share. */
#ifndef VALIDATION_ENGINE_ENGINE_PRIVATE_H
#define VALIDATION_ENGINE_ENGINE_PRIVATE_H

#include "validation/engine/draft_head.h"
#include "validation/engine/engine.h"
#include "validation/engine/kv_pages.h"

/* What the engine keeps of a sequence beside the batcher's slot of the same number. */
struct live {
	struct block_table table;
	struct prefix_keys keys;
	uint64_t *key_memory;
	int32_t *ids;                          /* prompt, then what was generated */
	int64_t known;                         /* of ids */
	int32_t seat;                          /* while it has blocks; NO_SEQ: none */
	struct request asked;
	bool here;
	int32_t guesses[DRAFT_DEPTH_MOST];     /* of the tokens after those known, by the draft layer */
	int guess_count;
	int64_t gained;                        /* guesses that the last pass has accepted */
};

/* A decoding sequence whose guesses the batch verifies: it has guess_count + 1 rows, each with logits. */
struct verified {
	int32_t seq;
	int64_t row, logit;                    /* first ones */
	int guesses;                           /* that it came with */
};

struct engine {
	const struct engine_model *m;
	struct engine_options o;
	struct seq_pool pool;
	struct batcher batcher;
	struct kv_pages *pages;
	struct forward *forward;
	struct live *live;
	size_t live_capacity;
	/* The batch as the model wants it. */
	int32_t *ids, *positions, *logit_rows, *logit_seqs;
	int64_t *slots, *lengths, *first;
	const int32_t **tables;
	int32_t *seats, *free_seats;           /* of the batch's sequences; those that nobody has */
	int64_t free_seat_count;
	size_t row_capacity, seq_capacity;
	struct draft_head *draft;              /* NULL: a pass gives a sequence one token */
	struct draft_rows *draft_rows;
	struct verified *verified;
	int64_t verified_count;
	struct forward_batch batch;
	engine_done *done;
	void *done_ctx;
	int64_t recomputed, preemptions_seen;
};

/* A well-mixed number for each number. */
uint64_t engine_mix(uint64_t x);
/* The token that a prefix key stands for at a position of a sequence: what the workload says; -1: nothing. */
int32_t engine_keyed_token(const struct engine *e, const struct live *l, int64_t position);
/* Room for so many rows and sequences of a batch. */
MUST_USE bool engine_make_room(struct engine *e, int64_t rows, int64_t seqs);
/* Rows for tokens from .. to - 1 of sequence i, guesses among them. */
void engine_put_rows(struct engine *e, int32_t i, int64_t from, int64_t to);
/* Sequence i is the batch's number `at`. */
void engine_put_seat(struct engine *e, int32_t i, int64_t at);

/* ---- drafting (engine_draft.c) ---- */
MUST_USE bool engine_draft_new(struct engine *e, const struct forward_limits *limits, struct err *err);
void engine_draft_free(struct engine *e);
/* Blocks that guesses may take before the batcher has counted the tokens accepted before them. */
int64_t engine_draft_spare(const struct engine_options *o);
/* Decoding sequences join the batch as short chunks: the token that is due and the guesses after it. */
MUST_USE bool engine_put_verified(struct engine *e, struct err *err);
/* After the pass: which guesses hold; the answers' tokens. Logits of the batch up to the number returned are used up. */
int64_t engine_take_verified(struct engine *e);
/* The draft layer catches up with what the model has been through, and guesses on. */
MUST_USE bool engine_guess(struct engine *e, struct err *err);
/* After the batcher's commit of one step: accepted guesses are tokens more. */
void engine_commit_gains(struct engine *e);

#endif
