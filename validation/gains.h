/* What a module of the technology tree gains on this host, predicted and measured: one step of a small model, plain and with the
 * module. The operators that differ are taken from both graphs as the module's mechanism wrote them, priced by the calibrated
 * device, and run by the kernels that do that work. The prediction knows nothing of the measurement. */
#ifndef VALIDATION_GAINS_H
#define VALIDATION_GAINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "hardware/operator.h"
#include "kernels/harness/kernel.h"
#include "reports/table.h"

enum { GAIN_PARTS_MOST = 48 };
enum gain_side { GAIN_PLAIN, GAIN_WITH, GAIN_SIDES };

/* One operator of one side, and the kernel that runs it. Where one kernel does the work of several operators, those have no kernel,
 * and the kernel has a part without an operator. */
struct gain_part {
	const char *label;
	bool priced;                   /* op counts in the prediction */
	struct op op;
	const struct kernel_family *family;    /* NULL: another part's kernel does it */
	struct shape shape;
	double count;                  /* runs a step */
	double predicted_s, measured_s;        /* of one run; 0 without operator or kernel */
	const char *provider;
	size_t job;                    /* parts of equal work share a measurement */
};

/* One comparison. */
struct gain_case {
	const char *module, *area;
	const char *what;              /* what is compared, one line */
	const char *scenario;          /* words as in validation/published: model, batch */
	const char *plain;             /* words of the plain side where they differ; NULL */
	const char *params;            /* of the module, as its kernel here is: "unpack_ops=0.5"; NULL: its defaults */
	const char *wide_params;       /* instead, where the AVX-512 variant runs and counts otherwise; NULL: the same */
	const char *also;              /* labels that both sides run although their operators are equal; NULL */
	const char *own;               /* labels of the module's side that its own kernel does together; NULL: core kernels do all */
	const char *kernel;
	void (*shape)(const struct op *first, struct shape *out);      /* of that kernel, from the first operator of `own` */
	/* (optional) Work outside a serving step: more parts, or all of them when there is no scenario. */
	bool (*more)(enum gain_side side, struct gain_part *parts, size_t *count, struct err *err);
};
extern const struct gain_case gain_cases[];    /* ends with a NULL module */

struct gain_row {
	const struct gain_case *gain;
	struct gain_part parts[GAIN_SIDES][GAIN_PARTS_MOST];
	size_t count[GAIN_SIDES];
	double yield;                  /* tokens that a step of the module's side brings over the plain one's: speculation */
	double predicted_s[GAIN_SIDES], measured_s[GAIN_SIDES];
	double predicted, measured;    /* plain seconds over the module's, times yield */
	double low, high;              /* quartiles of the ratios of single rounds */
	double rel_error;              /* predicted / measured - 1 */
	double kernel_error;           /* largest error of the module's own kernels against their references, over their tolerance */
	const char *verdict;           /* NULL; or why it could not be compared */
};
struct gains_options {
	const char *device;            /* a calibrated one; NULL: here */
	const char *area, *module;     /* only these; NULL: all */
	int rounds;                    /* visits of each kernel, in random order */
	void (*progress)(void *ctx, double share, const char *what);
	void *ctx;
};
struct gains_study {
	const char *device, *host, *clock;
	char at[24];                   /* UTC, 2026-03-01T12:34:56Z */
	struct gain_row *rows;
	size_t count;
	double median;                 /* of |predicted / measured - 1| */
	double pace_median;            /* of all samples: 1 = undisturbed */
};
/* Rows live in the arena. */
MUST_USE bool gains_run(const struct gains_options *o, struct gains_study *out, struct arena *arena, struct err *err);

#define GAINS_MEDIAN_BAR 0.10

MUST_USE bool gains_text(const struct gains_study *s, bool parts, const struct term *term, struct str *out, struct err *err);
void gains_json(const struct gains_study *s, struct str *out);         /* vibee.validate/1 */

/* One comparison as it is kept: in the database by the user's own runs, in validation/gains.csv by ours. */
struct gain_record {
	const char *module, *kernel, *device, *at;     /* device: whose processor */
	double kernel_error, predicted, measured;
};
void gains_csv(const struct gains_study *s, struct str *out);          /* lines as validation/gains.csv has them */
/* Text of a record, as the database keeps it under "gain/MODULE", and back. */
MUST_USE bool gain_record_text(const struct gain_row *row, const struct gains_study *s, struct str *out, struct err *err);
MUST_USE bool gain_record_write(const struct gain_record *r, struct str *out, struct err *err);
bool gain_record_parse(const char *text, struct gain_record *out, struct arena *arena);
/* The shipped records. */
MUST_USE bool gain_records_load(const struct gain_record **out, size_t *count, struct arena *arena, struct err *err);

#endif
