/* Devices wired together: how many share a node and a fast domain, the network beyond it, the host, and what all that
 * adds in watts. hardware/systems/NAME.xml. */
#ifndef HARDWARE_SYSTEM_H
#define HARDWARE_SYSTEM_H

#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "hardware/device.h"
#include "hardware/link.h"

struct system_host {
	const char *cpu, *source;
	int64_t sockets, cores;
	double dram_bytes, dram_bytes_s;       /* of a node */
};

struct system_power {
	double node_w;                         /* of a node without its devices: CPUs, fans, NICs, switches */
	double pue;                            /* facility over IT power; NAN = price.h's default */
	const char *source;
};

struct system {
	const char *name, *title, *aliases, *device_name, *note, *source;
	int64_t devices_per_node, nodes;
	struct link scale_up, scale_out;       /* absent in the file: the device's own */
	struct link host_link;
	struct system_host host;
	struct system_power power;
	struct device_price *prices;           /* of one device in this system; before the device's own */
	size_t price_count;

	const struct device *device;           /* loaded with the system */
	const char *path;                      /* NULL for system_for_device */
};
extern const struct element system_element;

/* Reads an entry by catalog name, alias or path, with its device. Both live as long as the arena. NULL with err. */
MUST_USE const struct system *system_load(const char *name_or_path, struct arena *arena, struct err *err);

/* A plain system of a device: one scale-up domain as large as the device's links allow. Borrows the device. */
MUST_USE const struct system *system_for_device(const struct device *device, struct arena *arena, struct err *err);

/* Devices that reach each other over scale_up: the link's domain, else a node. */
int64_t system_domain(const struct system *s);
int64_t system_devices(const struct system *s);
/* NULL when neither the system nor its device gives this kind. */
const struct device_price *system_price(const struct system *s, enum price_kind kind);

#endif
