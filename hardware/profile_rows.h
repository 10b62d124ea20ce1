/* Inside hardware/profile_*.c: measured rows on their way into a table. */
#ifndef HARDWARE_PROFILE_ROWS_H
#define HARDWARE_PROFILE_ROWS_H

#include "hardware/profile_import.h"
#include "hardware/tables_data.h"

enum { PROFILE_FILES_MOST = 128 };

struct profile_row {
	const struct table_shape *shape;
	char stack[32];
	int64_t key[KEY_MOST];
	double x[AXIS_MOST], seconds;
	double even;        /* seconds made monotone */
	int file;           /* in profile_rows.files */
	bool keep, outlier; /* outlier: see struct table_site */
};
struct profile_rows {
	struct profile_row *row;
	size_t count, capacity;
	char files[PROFILE_FILES_MOST][96]; /* folder/name of what was read */
	int file_count;
};

/* Reads one raw file into rows (profile_formats.c). */
MUST_USE bool profile_read(const struct profile_import_options *options, const char *path, struct profile_rows *rows,
			   struct profile_import_report *report, struct err *err);
void profile_drop(struct profile_import_report *report, const char *reason, size_t rows); /* reason: a literal */
/* Leaves out the rows marked in drop; how many remain. */
size_t profile_leave_out(struct profile_row *rows, size_t count, const bool *drop, const char *reason, struct profile_import_report *report);

/* Of one operator and stack: leaves out experts that the benchmark's routing did not pick as the row says; how many remain. */
size_t profile_drop_misrouted(struct profile_row *rows, size_t count, struct profile_import_report *report);
/* The same for experts that were timed with a tactic that the tuner had not chosen (profile_tuning.c). */
size_t profile_drop_untuned(const struct tables_limits *limits, struct profile_row *rows, size_t count, struct profile_import_report *report);
/* The same for single shapes that something else disturbed (profile_disturbed.c). */
size_t profile_drop_disturbed(struct profile_row *rows, size_t count, struct profile_import_report *report);
/* One site: rows sorted by axes, `shape` alike. Fills `even`, then `keep` (profile_thin.c). */
MUST_USE bool profile_even(struct profile_row *rows, size_t count, struct err *err);
/* Marks the sites among rows of one operator and stack that are slower than others with more work. */
void profile_outliers(struct profile_row *rows, size_t count);
void profile_thin(struct profile_row *rows, size_t count, double tolerance);

/* Compares a table with all rows it was made from (profile_check.c). */
MUST_USE bool profile_check(const struct table *table, const struct tables_limits *limits,
			    const struct profile_row *rows, size_t count, struct profile_table_report *report,
			    struct err *err);
int profile_row_compare(const void *a, const void *b); /* by shape, stack, key, axes */
/* The operator of a row. */
void profile_row_op(const struct profile_row *row, struct op *op);

#endif
