/* A catalog file that uses everything a table can say: for the tests of base/schema and its fuzzer. */
#ifndef TESTS_UNIT_SAMPLE_SCHEMA_H
#define TESTS_UNIT_SAMPLE_SCHEMA_H

#include "base/schema.h"

struct hole {
	double depth_m;
};
struct part {
	const char *name;
	double length_m;
	int64_t pins;
	int line;
	struct hole *holes;
	size_t hole_count;
};
struct limits {
	double share;
	int64_t most;
	bool strict;
	int mode;
};
struct label {
	const char *text;
	int64_t number;
};
struct sample {
	const char *name, *source;
	double memory_bytes, bandwidth_bytes_s, offset;
	int64_t count;
	bool open;
	int colour, line;
	struct limits limits;
	struct label label;
	struct part *parts;
	size_t part_count;
};

static const char *const sample_modes[] = { "fast", "exact", NULL };
static const char *const sample_colours[] = { "red", "green", "blue", NULL };

#define AT(type, member) .offset = offsetof(struct type, member)
static const struct field hole_fields[] = {
	{ .name = "depth_mm", .type = FIELD_NUMBER, AT(hole, depth_m), .to_si = 1e-3, .least = 0, .most = 100, .required = true,
	  .help = "how deep" },
};
static const struct field part_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, AT(part, name), .required = true, .help = "what it is called" },
	{ .name = "length_cm", .type = FIELD_NUMBER, AT(part, length_m), .to_si = 1e-2, .fallback = "2.5", .help = "end to end" },
	{ .name = "pins", .type = FIELD_INT, AT(part, pins), .least = 0, .most = 1e12, .help = "how many" },
};
static const struct field limits_fields[] = {
	{ .name = "share", .type = FIELD_NUMBER, AT(limits, share), .least = 0, .most = 1, .fallback = "0.9", .help = "of the whole" },
	{ .name = "most", .type = FIELD_INT, AT(limits, most), .least = 1, .most = 1e6, .fallback = "256", .help = "upper limit" },
	{ .name = "strict", .type = FIELD_FLAG, AT(limits, strict), .fallback = "yes", .help = "refuse rather than cut" },
	{ .name = "mode", .type = FIELD_CHOICE, AT(limits, mode), .choices = sample_modes, .fallback = "exact", .help = "how" },
};
static const struct field label_fields[] = {    /* an optional element whose attributes are required once it is there */
	{ .name = "text", .type = FIELD_TEXT, AT(label, text), .required = true, .help = "what it says" },
	{ .name = "number", .type = FIELD_INT, AT(label, number), .required = true, .help = "in a series" },
};
static const struct field sample_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, AT(sample, name), .required = true, .help = "a short name" },
	{ .name = "source", .type = FIELD_TEXT, AT(sample, source), .help = "where the figures come from" },
	{ .name = "memory_gb", .type = FIELD_NUMBER, AT(sample, memory_bytes), .to_si = 1e9, .least = 1e-3, .most = 1e6, .required = true,
	  .help = "capacity" },
	{ .name = "bandwidth_tb_s", .type = FIELD_NUMBER, AT(sample, bandwidth_bytes_s), .to_si = 1e12, .help = "peak rate" },
	{ .name = "offset", .type = FIELD_NUMBER, AT(sample, offset), .help = "any number" },
	{ .name = "count", .type = FIELD_INT, AT(sample, count), .help = "any whole number" },
	{ .name = "open", .type = FIELD_FLAG, AT(sample, open), .help = "yes or no" },
	{ .name = "colour", .type = FIELD_CHOICE, AT(sample, colour), .choices = sample_colours, .help = "one of three" },
};
static const struct element hole_element = {
	.name = "hole", .fields = hole_fields, .field_count = COUNT_OF(hole_fields), AT(part, holes), .size = sizeof(struct hole), .repeated = true,
	.count_offset = offsetof(struct part, hole_count), .help = "a hole in the part",
};
static const struct element *const part_children[] = { &hole_element, NULL };
static const struct element part_element = {
	.name = "part", .fields = part_fields, .field_count = COUNT_OF(part_fields), .children = part_children, AT(sample, parts),
	.size = sizeof(struct part), .repeated = true, .count_offset = offsetof(struct sample, part_count),
	.line_offset = offsetof(struct part, line), .help = "a part",
};
static const struct element limits_element = {
	.name = "limits", .fields = limits_fields, .field_count = COUNT_OF(limits_fields), AT(sample, limits), .size = sizeof(struct limits),
	.help = "limits",
};
static const struct element label_element = {
	.name = "label", .fields = label_fields, .field_count = COUNT_OF(label_fields), AT(sample, label), .size = sizeof(struct label),
	.help = "a label",
};
static const struct element *const sample_children[] = { &limits_element, &label_element, &part_element, NULL };
static const struct element sample_element = {
	.name = "sample", .fields = sample_fields, .field_count = COUNT_OF(sample_fields), .children = sample_children,
	.size = sizeof(struct sample), .line_offset = offsetof(struct sample, line), .help = "a sample of everything",
};
#undef AT

#endif
