/* Turns measured operator times of other tools into table files (hardware/tables/README.md): Vidur's profiles,
 * AIConfigurator's tables as CSV, or our own columns. Shapes measured several times are merged, times are made monotone
 * along the axes, rows that interpolation reproduces are left out, and what that costs is measured and written into
 * the file. */
#ifndef HARDWARE_PROFILE_IMPORT_H
#define HARDWARE_PROFILE_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/tables.h"

enum profile_format { PROFILE_AUTO, PROFILE_VIDUR, PROFILE_AICONFIGURATOR, PROFILE_VIBEE };
extern const char *const profile_format_names[]; /* "auto" "vidur" "aiconfigurator" "vibee" NULL */

struct profile_import_options {
	const char *path; /* a file, or a folder: every .csv in it and below */
	enum profile_format format;
	const char *device;           /* catalog name; names the output folder */
	const char *stack;            /* NULL: from the file name (TABLE__FRAMEWORK_VERSION.csv), else "vidur" */
	const char *out_folder;       /* writes OUT/DEVICE/STACK/OP.csv, replacing what is there */
	const char *source, *licence; /* for the header; NULL: the file names, and "unknown" */
	double tolerance;             /* rows nearer than this to their interpolation are left out; 0 = 0.03 */
	bool tiles;                   /* more rows of a product may take less: they make fuller tiles. Its times stay as they were measured */
	struct tables_limits limits;  /* of the device: rows faster than its peak allows are dropped (0: kept) */
};

enum { PROFILE_TABLES_MOST = 64, PROFILE_REASONS_MOST = 16 };

/* rows_read = merged + kept + thinned + dropped. Errors are |table / measured - 1|. */
struct profile_table_report {
	char stack[32];
	const char *op;
	size_t rows_full, rows_kept, bytes, sites;
	double exact_median, exact_p90;     /* rows that are in the table: what making times monotone changed */
	double between_median, between_p90; /* rows that were thinned out */
	double site_median, site_p90;       /* sites answered by their neighbours, within the range of sites */
	double outside_median, outside_p90; /* sites answered from beyond that range */
	double site_of[DTYPE_COUNT], outside_of[DTYPE_COUNT]; /* medians by number format; NAN: no such rows */
};
struct profile_import_report {
	size_t files, rows_read, rows_merged, rows_kept, rows_thinned, rows_dropped;
	struct {
		const char *reason;
		size_t rows;
	} dropped[PROFILE_REASONS_MOST];
	size_t reasons;
	struct profile_table_report tables[PROFILE_TABLES_MOST];
	size_t table_count;
};
MUST_USE bool profile_import(const struct profile_import_options *options, struct profile_import_report *report,
			     struct err *err);

#endif
