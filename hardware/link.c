#include "hardware/link.h"

#include <math.h>

const char *const topology_names[] = { "none", "switch", "mesh", "ring", "torus2d", "torus3d", "pcie", "pair", NULL };

#define AT(member) offsetof(struct link, member)
const struct field link_fields[] = {
	{ "name", FIELD_TEXT, AT(name), 0, 0, 0, false, NULL, NULL, "what it is called: NVLink 4" },
	{ "topology", FIELD_CHOICE, AT(topology), 0, 0, 0, false, "none", topology_names,
	  "how devices reach each other" },
	{ "gb_s", FIELD_NUMBER, AT(bytes_s), 1e9, 1e-3, 1e8, false, NULL, NULL, "one way, all wires of one device" },
	{ "domain", FIELD_INT, AT(domain), 0, 0, 1e7, false, NULL, NULL, "devices it joins (0 = any number)" },
	{ "latency_us", FIELD_NUMBER, AT(latency_s), 1e-6, 0, 1e6, false, NULL, NULL, "one message, device to device" },
	{ "reduces", FIELD_FLAG, AT(reduces), 0, 0, 0, false, "no", NULL, "the switch adds in all-reduce" },
	{ "base_us", FIELD_NUMBER, AT(base_s), 1e-6, 0, 1e6, false, NULL, NULL, "fixed part of a library collective" },
	{ "hop_us", FIELD_NUMBER, AT(hop_s), 1e-6, 0, 1e6, false, NULL, NULL,
	  "part of each step of a library collective" },
	{ "efficiency", FIELD_NUMBER, AT(efficiency), 0, 0.01, 1, false, NULL, NULL,
	  "share of gb_s in a large ring collective" },
	{ "reduce_efficiency", FIELD_NUMBER, AT(reduce_efficiency), 0, 0.01, 2, false, NULL, NULL,
	  "bus rate of a large in-switch all-reduce over gb_s" },
	{ "direct_base_us", FIELD_NUMBER, AT(direct_base_s), 1e-6, 0, 1e6, false, NULL, NULL,
	  "fixed part of an all-reduce by direct peer reads" },
	{ "direct_hop_us", FIELD_NUMBER, AT(direct_hop_s), 1e-6, 0, 1e6, false, NULL, NULL, "part of each peer of it" },
	{ "source", FIELD_TEXT, AT(source), 0, 0, 0, false, NULL, NULL, "where the figures come from" },
	{ "note", FIELD_TEXT, AT(note), 0, 0, 0, false, NULL, NULL, "what to know about them" },
};
_Static_assert(COUNT_OF(link_fields) == LINK_FIELD_COUNT, "LINK_FIELD_COUNT");

bool link_present(const struct link *l)
{
	return l->bytes_s > 0;         /* NAN compares false */
}

double link_pair_bytes_s(const struct link *l)
{
	if (l->topology == TOPOLOGY_MESH && l->domain > 2)
		return l->bytes_s / (double)(l->domain - 1);
	if (l->topology == TOPOLOGY_TORUS2D)
		return l->bytes_s / 4;
	if (l->topology == TOPOLOGY_TORUS3D)
		return l->bytes_s / 6;
	if (l->topology == TOPOLOGY_RING && l->domain > 2)
		return l->bytes_s / 2;
	return l->bytes_s;
}
