#include "hardware/system.h"

#include <math.h>

#include "hardware/catalog.h"

#define TEXT(name, member, help) { name, FIELD_TEXT, AT(member), 0, 0, 0, false, NULL, NULL, help }
#define NUMBER(name, member, si, least, most, help) \
	{ name, FIELD_NUMBER, AT(member), si, least, most, false, NULL, NULL, help }
#define SOURCE { "source", FIELD_TEXT, AT(source), 0, 0, 0, true, NULL, NULL, "where the figures come from" }
#define GIB 1073741824.0

#define LINK_ELEMENT(id, title, text) \
	static const struct element id##_element = { \
		.name = title, .fields = link_fields, .field_count = LINK_FIELD_COUNT, \
		.offset = offsetof(struct system, id), .size = sizeof(struct link), .help = text }
LINK_ELEMENT(scale_up, "scale_up", "links inside the node, rack or pod");
LINK_ELEMENT(scale_out, "scale_out", "network between nodes, one device's share");
LINK_ELEMENT(host_link, "host_link", "a device's link to the host's memory");

#define AT(member) offsetof(struct system_host, member)
static const struct field host_fields[] = {
	TEXT("cpu", cpu, "processors of a node"),
	{ "sockets", FIELD_INT, AT(sockets), 0, 0, 64, false, NULL, NULL, "processors in a node" },
	{ "cores", FIELD_INT, AT(cores), 0, 0, 4096, false, NULL, NULL, "cores in a node" },
	NUMBER("dram_gib", dram_bytes, GIB, 1, 1e6, "memory of a node"),
	NUMBER("dram_gb_s", dram_bytes_s, 1e9, 1, 1e5, "its bandwidth"),
	SOURCE,
};
static const struct element host_element = {
	.name = "host",
	.fields = host_fields,
	.field_count = COUNT_OF(host_fields),
	.offset = offsetof(struct system, host),
	.size = sizeof(struct system_host),
	.help = "the computer around the devices",
};
#undef AT

#define AT(member) offsetof(struct system_power, member)
static const struct field power_fields[] = {
	NUMBER("node_w", node_w, 1, 0, 1e6, "of a node without its devices"),
	NUMBER("pue", pue, 1, 1, 5, "facility power over IT power"),
	SOURCE,
};
static const struct element power_element = {
	.name = "power",
	.fields = power_fields,
	.field_count = COUNT_OF(power_fields),
	.offset = offsetof(struct system, power),
	.size = sizeof(struct system_power),
	.help = "power beside the devices'",
};
#undef AT

#define AT(member) offsetof(struct device_price, member)
static const struct field price_fields[] = {
	{ "kind", FIELD_CHOICE, AT(kind), 0, 0, 0, true, NULL, price_kind_names, "how it is paid for" },
	NUMBER("usd", usd, 1, 0, 1e9, "of one device with its share of the system, when bought"),
	NUMBER("usd_per_h", usd_per_h, 1, 0, 1e6, "of one device with its share of the system"),
	TEXT("date", date, "when this price was seen"),
	SOURCE,
};
static const struct element price_element = {
	.name = "price",
	.fields = price_fields,
	.field_count = COUNT_OF(price_fields),
	.offset = offsetof(struct system, prices),
	.size = sizeof(struct device_price),
	.repeated = true,
	.count_offset = offsetof(struct system, price_count),
	.help = "what one device costs in this system",
};
#undef AT

#define AT(member) offsetof(struct system, member)
static const struct field system_fields[] = {
	{ "name", FIELD_TEXT, AT(name), 0, 0, 0, true, NULL, NULL, "a short lower-case name, as the file's" },
	TEXT("title", title, "what it is"),
	TEXT("aliases", aliases, "other names, separated by blanks"),
	{ "device", FIELD_TEXT, AT(device_name), 0, 0, 0, true, NULL, NULL, "its devices, by catalog name or path" },
	{ "devices_per_node", FIELD_INT, AT(devices_per_node), 0, 1, 1e6, true, NULL, NULL,
	  "devices that share a host" },
	{ "nodes", FIELD_INT, AT(nodes), 0, 1, 1e6, false, "1", NULL, "hosts" },
	TEXT("note", note, "what to know about the figures"),
	TEXT("source", source, "where the entry as a whole comes from"),
};
static const struct element *const system_children[] = {
	&scale_up_element, &scale_out_element, &host_link_element, &host_element, &power_element, &price_element, NULL
};
const struct element system_element = {
	.name = "system", .fields = system_fields, .field_count = COUNT_OF(system_fields), .children = system_children,
	.size = sizeof(struct system), .help = "devices wired together",
};

static double either(double own, double inherited)
{
	return isnan(own) ? inherited : own;
}

/* A link of the file may give only what differs from the device's (an efficiency, a domain): the rest is inherited,
 * unless it is another kind of link, whose calibration does not carry over. */
static void inherit(struct link *l, const struct link *from)
{
	if (!link_present(l) && l->topology == TOPOLOGY_NONE && !l->name) {
		int64_t domain = l->domain;

		*l = *from;
		if (domain)
			l->domain = domain;
		return;
	}
	if (l->topology == TOPOLOGY_NONE)
		l->topology = from->topology;
	if (l->topology != from->topology)
		return;
	l->bytes_s = either(l->bytes_s, from->bytes_s);
	l->latency_s = either(l->latency_s, from->latency_s);
	l->base_s = either(l->base_s, from->base_s);
	l->hop_s = either(l->hop_s, from->hop_s);
	l->efficiency = either(l->efficiency, from->efficiency);
	l->reduce_efficiency = either(l->reduce_efficiency, from->reduce_efficiency);
	l->direct_base_s = either(l->direct_base_s, from->direct_base_s);
	l->direct_hop_s = either(l->direct_hop_s, from->direct_hop_s);
	l->reduces = l->reduces || from->reduces;
	if (!l->name)
		l->name = from->name;
	if (!l->domain)
		l->domain = from->domain;
}

const struct system *system_load(const char *name_or_path, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("hardware/systems", "system", name_or_path, arena, err);
	struct system *s = path ? arena_alloc(arena, sizeof(*s)) : NULL;
	struct err own = { 0 };

	if (!s) {
		if (path)
			err_memory(err);
		return NULL;
	}
	if (!schema_load(path, &system_element, s, arena, err))
		return NULL;
	s->device = device_load(s->device_name, arena, &own);
	if (!s->device) {
		err_set(err, own.kind, "%s: device=\"%s\": %s", path, s->device_name, own.text);
		return NULL;
	}
	s->path = path;
	inherit(&s->scale_up, &s->device->scale_up);
	inherit(&s->scale_out, &s->device->scale_out);
	inherit(&s->host_link, &s->device->host);
	return s;
}

const struct system *system_for_device(const struct device *device, struct arena *arena, struct err *err)
{
	struct system *s = arena_alloc(arena, sizeof(*s));

	if (!s || !schema_defaults(&system_element, s, arena, err)) {
		err_memory(err);
		return NULL;
	}
	s->name = device->name;
	s->title = device->title;
	s->device_name = device->name;
	s->device = device;
	s->scale_up = device->scale_up;
	s->scale_out = device->scale_out;
	s->host_link = device->host;
	s->nodes = 1;
	s->devices_per_node = device->scale_up.domain > 0 ? device->scale_up.domain : 1;
	return s;
}

int64_t system_domain(const struct system *s)
{
	return s->scale_up.domain > 0 ? s->scale_up.domain : s->devices_per_node > 0 ? s->devices_per_node : 1;
}

int64_t system_devices(const struct system *s)
{
	return s->devices_per_node * s->nodes;
}

const struct device_price *system_price(const struct system *s, enum price_kind kind)
{
	for (size_t i = 0; i < s->price_count; i++)
		if (s->prices[i].kind == (int)kind)
			return &s->prices[i];
	return s->device ? device_price(s->device, kind) : NULL;
}
