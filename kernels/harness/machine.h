/* What this host is: packages, cores, caches and memory as hwloc sees them. */
#ifndef KERNELS_HARNESS_MACHINE_H
#define KERNELS_HARNESS_MACHINE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

struct machine {
	char cpu[128], vendor[64];
	int packages, numa_nodes;
	int cores, threads;            /* that this process may use */
	double l1_bytes, l2_bytes, l3_bytes;           /* of one cache; l3: all of them together */
	double memory_bytes, clock_hz; /* clock: NAN where the system does not tell */
	const char *instructions;      /* "AVX-512 bf16" "AVX-512" "AVX2" "none of x86-64's" */
};
MUST_USE bool machine_read(struct machine *out, struct err *err);
/* Processor seconds since the system started that a virtual machine's host gave to others (in steps of a hundredth); NAN where nobody tells. */
double machine_stolen_s(void);
/* Processor seconds since the system started that went to anybody but this process: what its host gave to others, and what other programs and the system's
 * own work took. NAN where nobody tells. */
double machine_taken_s(void);

#endif
