/* The table of technique entries: it drives the loader, `catalog check`, error texts and the reference page. */
#include "models/technique.h"

const char *const technique_area_names[] = { "hardware", "arch", "compiler", "optim", "data", "lora", "kv", "spec", "serving", NULL };

#define TEXT(type, name, member, required, help) \
	{ name, FIELD_TEXT, offsetof(struct type, member), 0, 0, 0, required, NULL, NULL, help }
#define PART(id, title, type, list, counter, text) \
	static const struct element id##_element = { \
		.name = title, .fields = id##_fields, .field_count = COUNT_OF(id##_fields), \
		.offset = offsetof(struct technique, list), .size = sizeof(struct type), .repeated = true, \
		.count_offset = offsetof(struct technique, counter), .help = text }

static const struct field paper_fields[] = {
	TEXT(technique_paper, "title", title, true, "of the paper, code or specification"),
	TEXT(technique_paper, "authors", authors, false, "who wrote it"),
	{ "year", FIELD_INT, offsetof(struct technique_paper, year), 0, 1900, 2100, true, NULL, NULL, "when" },
	TEXT(technique_paper, "ref", ref, true, "how to find it: arXiv number, venue, repository"),
};
PART(paper, "paper", technique_paper, papers, paper_count, "where the method comes from");

static const struct field param_fields[] = {
	TEXT(technique_param, "name", name, true, "as in --with ID:name=value"),
	TEXT(technique_param, "default", fallback, true, "its value when not given"),
	{ "least", FIELD_NUMBER, offsetof(struct technique_param, least), 0, 0, 0, false, NULL, NULL, "smallest value of a number" },
	{ "most", FIELD_NUMBER, offsetof(struct technique_param, most), 0, 0, 0, false, NULL, NULL, "largest value of a number" },
	TEXT(technique_param, "choices", choices, false, "the words it may be, separated by blanks"),
	TEXT(technique_param, "unit", unit, false, "of the number"),
	TEXT(technique_param, "source", source, true, "where the default comes from"),
	TEXT(technique_param, "help", help, true, "what it is"),
};
PART(param, "parameter", technique_param, params, param_count, "a physical parameter, never a speed-up");

static const struct field line_fields[] = {
	TEXT(technique_line, "text", text, true, "in one line"),
	TEXT(technique_line, "source", source, false, "where it is from"),
};
PART(line, "formula", technique_line, formulas, formula_count, "what the mechanism computes");
static const struct element cost_element = {
	.name = "quality", .fields = line_fields, .field_count = COUNT_OF(line_fields), .offset = offsetof(struct technique, costs),
	.size = sizeof(struct technique_line), .repeated = true, .count_offset = offsetof(struct technique, cost_count),
	.help = "its cost in quality as reported; never part of any time",
};
static const struct element pitfall_element = {
	.name = "pitfall", .fields = line_fields, .field_count = COUNT_OF(line_fields), .offset = offsetof(struct technique, pitfalls),
	.size = sizeof(struct technique_line), .repeated = true, .count_offset = offsetof(struct technique, pitfall_count),
	.help = "what a naive multiplier gets wrong",
};

static const struct field exclude_fields[] = {
	TEXT(technique_exclude, "what", what, true, "id, family or slot of what it cannot be combined with"),
	TEXT(technique_exclude, "reason", reason, true, "why"),
};
PART(exclude, "exclude", technique_exclude, excludes, exclude_count, "what it cannot be combined with");

static const struct field technique_fields[] = {
	TEXT(technique, "id", id, true, "name_vNNNN, as the file's name"),
	{ "area", FIELD_CHOICE, offsetof(struct technique, area), 0, 0, 0, true, NULL, technique_area_names, "branch of the tree; the folder's name" },
	TEXT(technique, "family", family, true, "the mechanism in C that it is bound to"),
	TEXT(technique, "title", title, true, "what it is called"),
	TEXT(technique, "aliases", aliases, false, "other names, separated by blanks"),
	TEXT(technique, "idea", idea, true, "the idea, for a newcomer"),
	TEXT(technique, "kernel", kernel, false, "its algorithm as a kernel that runs here (kernels/)"),
	TEXT(technique, "slot", slot, false, "at most one module of a slot is active at a time"),
	TEXT(technique, "composes", composes, false, "what it is known to go with"),
};
const struct element technique_element = {
	.name = "technique", .fields = technique_fields, .field_count = COUNT_OF(technique_fields),
	.children = (const struct element *const[]){ &paper_element, &param_element, &line_element, &exclude_element, &cost_element,
						     &pitfall_element, NULL },
	.size = sizeof(struct technique), .help = "a module of the technology tree",
};
