/* Measured operator times: the tables of one device, and how they answer for shapes that were not measured.
 *
 * A table is hardware/tables/DEVICE/STACK/OP.csv: comment lines with its source, licence and measured errors, then one
 * row a measured shape, columns named as in `vibee-sim op` plus `seconds` (README.md there). A *site* is what a model
 * fixes (the n,k of a GEMM, a head layout, an expert layout, a collective's ranks); within a site the table is a
 * monotone curve or grid over what a batch changes (m; batch, q_len, kv_len; bytes). Interpolation is continuous and
 * monotone along those axes. For a site that is not there, neighbours answer at equal work per device. Past the end of
 * a curve the last utilisation holds: seconds grow as the roofline does. */
#ifndef HARDWARE_TABLES_H
#define HARDWARE_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/cost.h"
#include "hardware/operator.h"

struct tables;

/* The roofline beyond the tables: dense FLOP/s by number format (0 or NAN: not known) and memory bytes/s. */
struct tables_limits {
	double peak_flop_s[DTYPE_COUNT];
	double bandwidth_bytes_s;
	/* (optional) Seconds by a law of the device, which says better how time grows than the roofline does: a small batch
	 * fills the device as it grows. NAN: the law knows nothing of such operators. */
	double (*law)(const void *context, const char *stack, const struct op *op);
	const void *law_context;
};

/* Reads the tables of a device (its catalog name, the folder under hardware/tables) for the named stacks, in order of
 * preference ("vllm trtllm"; NULL or "": every stack there is, vllm trtllm sglang vidur first). `nccl` (or `oneccl`) comes
 * along unasked, for collectives; naming `vidur` alone uses nothing else. NULL with err->kind == ERR_NONE when
 * the device has no such tables; NULL with err filled when a table is malformed ("file:line: ..."). */
MUST_USE struct tables *tables_load(const char *device_name, const char *stacks, const struct tables_limits *limits,
				    struct err *err);
/* The same, but each file is read when it is first asked: for devices of the catalog, whose tables were checked. One that
 * cannot be read answers nothing, and tables_sound says so. */
MUST_USE struct tables *tables_open(const char *device_name, const char *stacks, const struct tables_limits *limits,
				    struct err *err);
/* False + err: a file that was asked could not be read. */
MUST_USE bool tables_sound(const struct tables *t, struct err *err);
/* How another device's tables are restated for this one: ratio = this device's time over the other's by some law. */
struct tables_transfer {
	double (*ratio)(const void *context, const char *stack, const struct op *op);
	const void *context;          /* lives as long as the tables */
	double rel_error;             /* what that adds to the expected error */
	bool wanted[OP_KIND_COUNT];   /* tables of other operators are not there */
};
/* The tables of another device for this one, whose limits are given; every answer is what that device took, times the
 * ratio. As tables_open otherwise. */
MUST_USE struct tables *tables_open_restated(const char *device_name, const char *stacks, const struct tables_limits *limits,
					     const struct tables_transfer *how, struct err *err);
/* Measured shapes of op's kind and number format (collectives: of its kind). */
size_t tables_rows(const struct tables *t, const struct op *op);
/* Measured shapes of a kind (no collective) in just that format. */
size_t tables_rows_of_format(const struct tables *t, enum op_kind kind, enum dtype dtype);
/* Whether a table of such operators is there. */
bool tables_have(const struct tables *t, enum op_kind kind);

/* The same from any folder that holds STACK/OP.csv. */
MUST_USE struct tables *tables_load_folder(const char *folder, const char *stacks, const struct tables_limits *limits,
					   struct err *err);
void tables_free(struct tables *t); /* NULL is fine */

/* Prices one operator; false when no table answers. Thread-safe. Fills seconds, provider
 * (PROVIDER_MEASURED), extrapolated and rel_error (median error of answers of this kind: on a measured point, between
 * points, for a site that was left out, beyond the range), and flops, bytes and bound from the roofline.
 * - gemm with batch > 1, moe, mla: see README.md for what the measured operator contains.
 * - all_reduce: the faster of NCCL's and the framework's own, as engines choose.
 * - reduce_scatter without a table of its own: all_gather's, which moves the same bytes. */
bool tables_op(const struct tables *t, const struct op *op, struct op_cost *out);

/* What is loaded, for reports. Pointers live as long as the tables. */
struct tables_info {
	const char *path, *stack, *op, *source, *licence;
	size_t rows, sites;
	double error_exact, error_between, error_site, error_outside;
};
size_t tables_count(const struct tables *t);
void tables_info(const struct tables *t, size_t i, struct tables_info *out);

/* One measured point of table i, for validation. */
struct tables_point {
	struct op op;
	double seconds;
	size_t site; /* number of its site in the table */
};
/* All info.rows points of table i, in the order of the file, into out. */
void tables_points(const struct tables *t, size_t i, struct tables_point *out);
/* What table i would answer for the point had its whole site not been measured: the site is left out, the rest answers
 * as tables_op does (site SIZE_MAX: nothing is left out). False when the rest cannot. Thread-safe. */
bool tables_held_out(const struct tables *t, size_t i, const struct tables_point *point, struct op_cost *out);

#endif
