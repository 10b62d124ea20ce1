/* What every kernel says about itself, so that one harness tests, times and counts them all. To add one: fill a
 * kernel_family in kernels/AREA/FAMILY.c and name it in registry.c. */
#ifndef KERNELS_HARNESS_KERNEL_H
#define KERNELS_HARNESS_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "kernels/core/formats.h"

/* Members mean what the columns of `vibee-sim op` mean; those that a kernel does not use stay 0. */
struct shape {
	enum kernel_format format, kv_format;
	int64_t m, n, k, batch, heads, kv_heads, head_dim, q_len, kv_len, window, experts, top_k, bytes;
	int64_t devices;               /* ranks of a collective: threads here */
	int64_t extra[4];              /* a technique's own parameters */
	int threads;                   /* OpenMP threads; 0 = 1 */
};

enum element_type { ELEMENT_FLOAT, ELEMENT_BF16, ELEMENT_INT32, ELEMENT_INT64, ELEMENT_BYTE };
enum fill {
	FILL_UNIFORM,                  /* -scale .. scale (floats) */
	FILL_BELOW,                    /* integers 0 .. below - 1 */
	FILL_COUNT_UP,                 /* 0, 1, 2 ... */
	FILL_SHUFFLED,                 /* a permutation of 0 .. count - 1 */
	FILL_RESULT                    /* an output; compared with the reference's when of floats or 32-bit integers */
};
struct operand {
	const char *name;
	enum element_type element;
	int64_t count;
	enum fill fill;
	double scale;
	int64_t below;
	bool streamed;                 /* weights, caches: between two uses an engine reads all others, so they are in no near cache */
	/* Where timing leaves the others: `fresh` ones lie in the near caches of the threads that the operator before wrote them with, each thread its
	 * rows; a product's (`columns`, elements of a row: each thread its columns of every row) in the cache behind, since the rest of the weights
	 * has passed through the near ones after them; the rest rests since the layer before, and everything else has passed since. */
	bool fresh;
	int64_t columns;
	bool pool;                     /* part of a cache that is much larger, hence in large pages */
	int begins_as;                 /* 1 + the operand that it holds when a run begins (kernels that work in place); 0: none */
};
enum { OPERANDS_MOST = 16 };

struct kernel;
/* One execution: operands in the order of `operands`, outputs among them; state from prepare. */
struct kernel_run {
	const struct kernel *kernel;
	const struct shape *shape;
	void *const *data;
	void *state;
	void **job;                    /* OpenCL variants: what opencl_run keeps between runs; the harness frees it */
};
struct kernel {
	const char *variant;           /* "ref" "avx2" "avx512" "openblas" "opencl" */
	bool (*usable)(void);          /* NULL: always */
	bool (*takes)(const struct shape *s);          /* NULL: every shape */
	void (*run)(const struct kernel_run *r);
	const void *with;              /* the variant's own table, when one `run` serves several */
};
struct kernel_family {
	const char *area, *name, *help;
	const char *op;                /* the operator that models price it as; NULL: none */
	int (*operands)(const struct shape *s, struct operand *list);      /* how many */
	/* What the model charges: equal to op_flops and op_bytes of that operator. */
	double (*flops)(const struct shape *s), (*bytes)(const struct shape *s);
	void *(*prepare)(const struct shape *s, void *const *data, struct err *err);   /* NULL: no state. Packs weights, takes scratch */
	void (*release)(void *state);
	/* (optional) What the operators before leave near beyond `fresh` operands: called before every timed run, untimed. */
	void (*freshen)(const struct kernel_run *r);
	bool shrinks;                  /* state made for one shape serves those with fewer rows m, everything else equal */
	/* Memory that state holds and runs stream, piece number i; false when there are no more. NULL: none. */
	bool (*streams)(void *state, int i, const void **at, size_t *bytes);
	/* (optional) The next run meets streamed memory that was last used long before all that the last-level cache holds, as in an engine; false:
	 * there is none, and it has to be pushed out. turn_back: what was made by `prepare` is used again. */
	bool (*turn)(const struct kernel_run *r);
	void (*turn_back)(void *state);
	/* (optional) A property of the results beside equality with the reference (chunkwise = recurrent; a bound of the
	 * quantisation error): how far it is violated, 0 = not at all; at most `check_most`. */
	double (*check)(const struct kernel_run *r);
	double check_most;
	double tolerance[KERNEL_FORMAT_COUNT];         /* against the reference: largest difference over largest magnitude */
	const char *baseline;          /* (techniques) the family that does without: their time ratio is reported */
	const struct shape *tests;     /* ends with an all-zero shape */
	const struct shape *benches;   /* the same; timed by `bench kernels` */
	const struct kernel *variants; /* the reference first, the best last; ends with a NULL run */
};

extern const struct kernel_family *const kernel_families[];            /* NULL-terminated */
const struct kernel_family *kernel_family_find(const char *name);      /* NULL when unknown */
bool kernel_usable(const struct kernel *k, const struct shape *s);
/* The variant that runs by default: the last usable one of the list that is no library and no other device. */
const struct kernel *kernel_default(const struct kernel_family *f, const struct shape *s);
bool kernel_family_streams(const struct kernel_family *f, const struct shape *s);   /* whether it has streamed operands or state */
bool shape_is_last(const struct shape *s);     /* the all-zero shape */

/* A family's operands of one shape, filled from a seed. */
struct kernel_case;
MUST_USE struct kernel_case *kernel_case_new(const struct kernel_family *f, const struct shape *s, uint64_t seed, struct err *err);
void kernel_case_free(struct kernel_case *c);  /* NULL is fine */
/* Goes on with another shape of fewer rows, keeping operands and packed weights; false when the family cannot. */
bool kernel_case_shrink(struct kernel_case *c, const struct shape *s);
void kernel_case_run(struct kernel_case *c, const struct kernel *k);
/* Runs reference (once) and variant from equal operands: the largest difference over the largest magnitude among outputs. */
MUST_USE bool kernel_case_error(struct kernel_case *c, const struct kernel *k, double *error, struct err *err);
/* The family's check on the results of that variant's last run; 0 without a check. */
double kernel_case_check(struct kernel_case *c, const struct kernel *k);
/* Pushes streamed operands out of all caches, so that the next run reads memory. False where the machine cannot. */
bool kernel_case_flush(struct kernel_case *c);
/* Goes on to streamed memory that no cache holds; false: there is none, and flushing is left. Back to that which is flushed and read. */
bool kernel_case_turn(struct kernel_case *c, const struct kernel *k);
void kernel_case_turn_back(struct kernel_case *c);
void kernel_case_restart(struct kernel_case *c);       /* operands that begin as another do so again */
/* Whether the family says where its operands lie, and to put fresh ones there: those that products made, or all others. */
bool kernel_case_places(const struct kernel_case *c);
void kernel_case_freshen(struct kernel_case *c, const struct kernel *k, bool products);
/* Pages of what products made are looked up anew: every panel of weights has written to all of them. */
void kernel_case_translate(const struct kernel_case *c);
/* Writes memory as it is, the threads taking rows, or columns of each row: it lies in their near caches then. */
void kernel_rewrite(void *at, size_t row_bytes, int64_t rows, bool by_columns, int threads);
void kernel_case_read(struct kernel_case *c);          /* streamed operands once, each thread its part */
double kernel_case_streamed_bytes(struct kernel_case *c);
int kernel_case_threads(const struct kernel_case *c);

#endif
