/* One pass of the model over a batch: decoding sequences (one token each) and chunks of prompts together, keys and values in
 * the paged cache. */
#ifndef VALIDATION_ENGINE_FORWARD_H
#define VALIDATION_ENGINE_FORWARD_H

#include "kernels/core/paged.h"
#include "validation/engine/engine_model.h"

/* Where the time of passes goes. Names as the simulator's operators. */
#define FORWARD_OPS(X) X(embedding) X(norm) X(gemm) X(rope) X(kv_append) X(attention_decode) X(attention_prefill) X(activation) X(add) X(router) X(moe) X(sampling)
enum forward_op {
#define X(name) FORWARD_##name,
	FORWARD_OPS(X)
#undef X
		FORWARD_OP_COUNT
};
extern const char *const forward_op_names[];

/* Rows 0 .. decodes - 1 are decoding sequences, then come the chunks. Block 0 of the cache belongs to nobody: what another
 * sequence writes already goes there. */
struct forward_batch {
	int64_t rows, decodes, chunks, logits;
	const int32_t *ids, *positions;        /* [rows] */
	const int64_t *slots;                  /* [rows] block * block_tokens + offset that keys and values go to */
	const int64_t *lengths;                /* [decodes + chunks] tokens attended, the new ones included */
	const int64_t *first;                  /* [chunks + 1] rows of the chunks, from 0 at the first chunk's */
	const int32_t *const *tables;          /* [decodes + chunks] */
	const int32_t *seats;                  /* [decodes + chunks] a number below `sequences` that is the sequence's while it runs; read
						* by techniques that keep something beside the blocks, else it may be NULL */
	const int32_t *logit_rows;             /* [logits] rows that get a token */
};

/* What seconds are: of the wall, or of this thread's processor, which other programs on the machine do not lengthen (one
 * thread only: those of a team are not in it). */
enum clock_kind { CLOCK_OF_WALL, CLOCK_OF_PROCESSOR };
double forward_clock_s(enum clock_kind kind);

struct engine_methods;
struct forward_limits {
	int64_t rows, sequences, logits, blocks, block_tokens, context;        /* most in a batch; blocks: with block 0; context: longest */
	enum kernel_format kv_format;          /* fp32 or bf16 */
	int threads;
	enum clock_kind clock;
	const struct engine_methods *methods;  /* borrowed; NULL: none */
};

struct forward;
/* Borrows the model. NULL + err on failure. */
MUST_USE struct forward *forward_new(const struct engine_model *m, const struct forward_limits *limits, struct err *err);
void forward_free(struct forward *f);          /* NULL is fine */
/* Runs the batch and chooses the most probable token of every row in logit_rows. False when a larger batch than ever needs memory. */
MUST_USE bool forward_run(struct forward *f, const struct forward_batch *b, struct err *err);
const float *forward_logits(const struct forward *f);          /* [logits][vocab] of the last run */
const int32_t *forward_tokens(const struct forward *f);        /* [logits] */
/* [rows][fused hidden] what a draft layer feeds on: the rows' states after layers low, in the middle and high; NULL without one. */
const float *forward_features(const struct forward *f);
/* What happened since the pass, or the last call, was this operator: of work outside the model's own layers. */
void forward_spent(struct forward *f, enum forward_op op);
const double *forward_op_s(const struct forward *f);           /* [FORWARD_OP_COUNT] seconds since forward_new */
const int64_t *forward_op_calls(const struct forward *f);       /* [FORWARD_OP_COUNT] times that time was booked there */
void forward_reset_times(struct forward *f);
int64_t forward_routed_rows(const struct forward *f);         /* that entered routed layers since forward_new */
double forward_kv_bytes(const struct forward *f);


#endif
