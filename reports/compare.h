/* Two sides compared, case by case and figure by figure; and every form in which that is shown.
 *
 * Simulated figures are exact: equal within a tolerance (1e-9, relative) or listed. Measured ones are samples: they differ when a
 * rank test says so and the medians are further apart than the least effect that counts. */
#ifndef REPORTS_COMPARE_H
#define REPORTS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/stats.h"
#include "base/str.h"
#include "reports/side.h"
#include "reports/table.h"

#define COMPARE_EXACT 1e-9             /* what two simulations of one scenario may differ by, across compilers and libraries */

enum compare_verdict { COMPARE_SAME, COMPARE_BETTER, COMPARE_WORSE, COMPARE_CHANGED, COMPARE_NEW, COMPARE_GONE, COMPARE_VERDICTS };
extern const char *const compare_verdict_names[];      /* "same" "better" "worse" "changed" "new" "gone" */

/* A relative difference that does not count. Of several that fit a figure, the last holds. */
struct compare_tolerance {
	const char *figure;            /* "ttft_s.p99"; "ttft_s": all that begin with "ttft_s."; NULL: every figure */
	double relative;
};
struct compare_options {
	const struct compare_tolerance *tolerances;
	size_t tolerance_count;
	double least_effect;           /* of measured figures: relative difference of medians that counts */
	double significance;           /* of the test: p below it counts; the intervals have the coverage 1 - significance */
	bool exact;                    /* any difference of what both sides have fails, and what is gone */
};
/* 3 % and 0.05. */
void compare_defaults(struct compare_options *options);

struct compared {
	const struct side_figure *a, *b;       /* NULL: absent there (new, gone) */
	enum compare_verdict verdict;
	double change;                 /* b / a - 1; NAN without both or from 0 */
	bool measured;
	struct stats_interval interval_a, interval_b;  /* measured: of the medians */
	double p;                      /* measured: of Mann and Whitney's test; NAN: simulated */
	bool failed;                   /* makes the comparison fail */
};
struct compared_case {
	const struct side_case *a, *b; /* NULL: on one side only */
	const char *name;
	struct compared *figures;
	size_t count, counts[COMPARE_VERDICTS];
	size_t failed;
};
struct comparison {
	const struct side *a, *b;
	const struct compare_options *options;
	struct compared_case *cases;   /* in a's order, then what only b has */
	size_t count, only_a, only_b, both;
	size_t counts[COMPARE_VERDICTS];       /* of figures of cases on both sides */
	size_t failed, failed_cases, measured;
};
/* Pairs the cases -- the only ones of both sides; else by name and inputs; else by a name that both have once -- and judges.
 * Everything is borrowed or lives in the arena. */
MUST_USE bool compare_sides(const struct side *a, const struct side *b, const struct compare_options *options, struct arena *arena,
			    struct comparison *out, struct err *err);

/* "3 figures of 2 cases are worse": why it failed; "" when it did not. */
char *compare_failure(const struct comparison *c, char *buf, size_t room);
/* "12 better, 3 worse, 1 changed, 400 the same; 1 case only in A". */
void compare_summary(const struct comparison *c, struct str *out);

enum { COMPARE_ROOM = 64 };
char *compare_value(char *buf, const struct side_figure *f);          /* in its unit; "-" for NULL. buf: COMPARE_ROOM */
char *compare_change(char *buf, const struct compared *c);            /* "+12.3 %", "+4e-08 %", "" */
/* Of measured figures, else "": the test's p, and whether it was only too small an effect. buf: COMPARE_TEST_ROOM */
enum { COMPARE_TEST_ROOM = 3 * COMPARE_ROOM };
char *compare_test(char *buf, const struct comparison *c, const struct compared *f);
/* "27.0 us to 31.2 us (97 %, n 6)": the interval of a median. buf: COMPARE_TEST_ROOM */
char *compare_interval(char *buf, const struct side_figure *f, const struct stats_interval *in);
/* Inputs that differ, "deployment.tp: 4 -> 8", one a line. */
void compare_inputs(const struct compared_case *c, const char *before, const char *after, struct str *out);

/* The first names of figures that are new or gone as one line after `head`; nothing when there are none. */
void compare_one_sided(const struct compared_case *c, enum compare_verdict which, const char *head, struct str *out);

/* Every form. `all`: also what is the same. */
MUST_USE bool compare_text(const struct comparison *c, const struct term *term, bool all, struct str *out, struct err *err);
MUST_USE bool compare_json(const struct comparison *c, struct str *out, struct err *err);               /* vibee.compare/1 */
MUST_USE bool compare_markdown(const struct comparison *c, struct str *out, struct err *err);           /* fits a pull-request comment */
MUST_USE bool compare_junit(const struct comparison *c, struct str *out, struct err *err);
MUST_USE bool compare_html(const struct comparison *c, struct str *out, struct err *err);
MUST_USE bool compare_annotations(const struct comparison *c, struct str *out, struct err *err);        /* workflow commands of GitHub Actions */

#endif
