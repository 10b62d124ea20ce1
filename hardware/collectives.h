/* What a collective costs on a network: alpha-beta laws of the algorithms that libraries choose from, and the cheapest
 * of those that the topology allows. */
#ifndef HARDWARE_COLLECTIVES_H
#define HARDWARE_COLLECTIVES_H

#include <stdbool.h>

#include "hardware/operator.h"
#include "hardware/system.h"

struct collective {
	double seconds;                /* latency_s + wire_s */
	double latency_s, wire_s;      /* that would remain for no bytes; the rest */
	const char *algorithm;         /* "ring", "in-switch" ..., "none" for a single rank */
	bool calibrated;               /* its link's figures were fitted to measurements */
	bool across_nodes;
};

/* Prices op (one of the collective kinds) on the system. Ranks beyond op->devices_per_node, or beyond the scale-up
 * domain, talk over scale_out. `library_only` leaves out the engines' own all-reduce by direct peer reads (NCCL as is). */
void collective_price(const struct system *s, const struct op *op, bool library_only, struct collective *out);

/* Bytes a second that the op's narrowest link carries one way per device: no schedule beats op_bytes / this. */
double collective_wire_bytes_s(const struct system *s, const struct op *op);

#endif
