/* One accelerator, or one host that computes with its CPUs: peak rates, memory, links, power and prices with their
 * sources. hardware/devices/NAME.xml. A figure that nobody published stays NAN. */
#ifndef HARDWARE_DEVICE_H
#define HARDWARE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "hardware/execution.h"
#include "hardware/link.h"
#include "hardware/operator.h"

enum device_status { DEVICE_SHIPPING, DEVICE_CLOUD, DEVICE_IN_HOUSE, DEVICE_EOL, DEVICE_ANNOUNCED, DEVICE_STATUS_COUNT };
extern const char *const device_status_names[];

enum device_kind {
	DEVICE_GPU, DEVICE_TPU, DEVICE_TRAINIUM, DEVICE_LPU, DEVICE_WAFER, DEVICE_DATAFLOW, DEVICE_BSP, DEVICE_MESH,
	DEVICE_MTIA, DEVICE_GAUDI, DEVICE_CPU, DEVICE_KIND_COUNT
};
extern const char *const device_kind_names[];

enum price_kind {
	PRICE_ON_DEMAND, PRICE_RESERVED_3Y, PRICE_OWN_HYPERSCALER, PRICE_OWN_NEOCLOUD, PRICE_BUY, PRICE_KIND_COUNT
};
extern const char *const price_kind_names[];

struct device_peak {
	double flop_s[DTYPE_COUNT];            /* dense; multiply and add counted apart; NAN = no such units */
	const char *source, *note;
};

struct device_memory {
	const char *type, *source;
	double bytes;                          /* on the data sheet */
	double visible_bytes;                  /* that a program can allocate, where known */
	double bytes_s;                        /* peak */
};

struct device_sram {
	double bytes, bytes_s;
	const char *source, *note;
};

struct device_units {
	const char *name, *source;             /* "SM", "CU", "MXU", "core" */
	int64_t count;
	double clock_hz;
	int64_t tile_m, tile_n, tile_k;        /* matrix unit granularity: extents are padded up to these; 0 = finest */
	double exp_per_clock;                  /* exponentials of a unit in a clock; NAN = as most GPUs (roofline.c) */
	int64_t decode_blocks;                 /* of decode attention that a unit holds at once; 0 = one, as most GPUs' kernels do */
	double cast8_ops;                      /* vector instructions (lanes x slots) that widen one 8-bit float; NAN = the matrix units take it */
	int64_t cast8_rows;                    /* queries of attention that share a widened key */
};

/* How kernels reach the device, where software captures no graphs. */
struct device_submission {
	double kernel_s;                       /* of the host for one kernel; 0 = captured graphs */
	const char *source;
};

struct device_power {
	double tdp_w, idle_w;
	double allin_w;                        /* with its share of host, network and facility */
	double busy_w, memory_w, compute_w;    /* fitted law of energy.h: kernels run; added at the full rate of memory, and at
						* peak arithmetic */
	const char *source;
};

struct device_price {
	int kind;                              /* enum price_kind */
	double usd;                            /* of one device */
	double usd_per_h;
	const char *date, *source;
};

/* Shares of peak that software was measured to reach, for one dtype, or for all of them (dtype = none). */
struct device_efficiency {
	int dtype;
	double gemm, attention_prefill, attention_decode, memory;
	double launch_s;                       /* fixed time of one kernel inside a captured graph */
	const char *source;
};

struct device {
	const char *name, *title, *aliases, *vendor, *generation, *note, *source;
	const char *fits_of;                   /* its sisters (sisters.h): measured devices, nearest first, in one text */
	int64_t year;
	int status, kind;
	struct device_peak peak;
	struct device_memory memory;
	struct device_memory memory2;          /* the next tier: host DRAM over a fast link, DDR of a dataflow chip */
	struct device_sram sram;
	struct device_units units;
	struct device_submission submission;
	struct execution execution;            /* kind none: as GPUs do */
	struct link scale_up, scale_out, host;
	struct device_power power;
	struct device_price *prices;
	size_t price_count;
	struct device_efficiency *efficiencies;
	size_t efficiency_count;

	bool simulatable;                      /* derived: some peak, some bandwidth and a capacity are known */
	const char *reason;                    /* when it is not: what is missing */
	const char *path;                      /* the file it came from */
	const char *home;                      /* of a calibrated device: the folder beside its file, with STACK/OP.csv and fits.xml; else NULL */
};
extern const struct element device_element;

/* Reads an entry by catalog name, alias or path. The result lives as long as the arena. NULL with err on failure.
 * A device that lacks essential figures loads, with `simulatable` false. */
MUST_USE const struct device *device_load(const char *name_or_path, struct arena *arena, struct err *err);
/* Beside the catalog, `calibrate` leaves devices in device_user_folder: their names ("here") come after the catalog's. */
MUST_USE const char *device_user_folder(struct arena *arena, struct err *err);
/* The same, refusing a device that cannot be simulated, with the reason. */
MUST_USE const struct device *device_load_usable(const char *name_or_path, struct arena *arena, struct err *err);

/* Dense peak for a dtype, FLOP/s. When the device has no such units, the next wider format it does support, and any
 * other one at last; *used (may be NULL) says which. NAN only when the device has no peak at all. */
double device_peak(const struct device *d, enum dtype dtype, enum dtype *used);
/* Rate of plain vector arithmetic, FLOP/s: fp32 units, or a sixteenth of the 16-bit matrix rate when not published. */
double device_vector_peak(const struct device *d);
/* Memory that a program can allocate, bytes. */
double device_memory_bytes(const struct device *d);
/* Fastest local storage weights can stream from, bytes a second: the memory's rate. */
double device_bandwidth(const struct device *d);

/* NULL when the entry gives none for this dtype nor for all of them. */
const struct device_efficiency *device_efficiency(const struct device *d, enum dtype dtype);
const struct device_price *device_price(const struct device *d, enum price_kind kind);   /* NULL when absent */

#endif
