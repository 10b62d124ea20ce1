/* A network that joins devices: what a device can send into it, how it is wired, and what collectives cost on it. */
#ifndef HARDWARE_LINK_H
#define HARDWARE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/schema.h"

/* How devices reach each other inside a link's domain. */
enum topology {
	TOPOLOGY_NONE,
	TOPOLOGY_SWITCH,       /* every device at its full rate to any other: NVSwitch, NVL72, Ethernet or InfiniBand fabrics */
	TOPOLOGY_MESH,         /* a wire per pair: a pair sees bytes_s / (domain - 1) */
	TOPOLOGY_RING,
	TOPOLOGY_TORUS2D,      /* wires to neighbours only; bytes_s is their sum: 4 wires */
	TOPOLOGY_TORUS3D,      /* 6 wires */
	TOPOLOGY_PCIE,         /* a shared tree */
	TOPOLOGY_PAIR,         /* wires in pairs of devices only; larger groups go over the host bus */
	TOPOLOGY_COUNT
};
extern const char *const topology_names[];

/* One link (seconds, bytes a second and direction per device). Figures that calibrate collectives are what a library
 * was seen to reach; absent ones (NAN) take the defaults documented in collectives.c. */
struct link {
	const char *name, *source, *note;
	int topology;
	double bytes_s;                /* one way, all wires of one device together */
	int64_t domain;                /* devices it joins; 0 = any number */
	double latency_s;              /* one message, device to device */
	bool reduces;                  /* the switch adds (NVLink SHARP) */
	double base_s;                 /* a library collective: fixed part */
	double hop_s;                  /*   and part of each of its steps */
	double efficiency;             /* share of bytes_s that a large ring collective reaches */
	double reduce_efficiency;      /* share that a large in-switch all-reduce reaches, counted as ring traffic */
	double direct_base_s;          /* an all-reduce by direct reads of the peers' memory: fixed part */
	double direct_hop_s;           /*   and part a peer */
};
extern const struct field link_fields[];
enum { LINK_FIELD_COUNT = 14 };

bool link_present(const struct link *l);
/* Best rate between two devices alone, bytes a second. */
double link_pair_bytes_s(const struct link *l);

#endif
