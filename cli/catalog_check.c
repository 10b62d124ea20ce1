#include "cli/catalog_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/relaxng.h>

#include "base/mem.h"
#include "base/paths.h"
#include "hardware/tables.h"
#include "models/model.h"

static void problem(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void problem(struct check *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	str_vaddf(c->out, fmt, args);
	va_end(args);
	str_add(c->out, "\n");
	c->problems++;
}

/* libxml2's complaints become problems, one line each. */
struct complaints {
	struct check *check;
	const char *path;
};

static void on_complaint(void *ctx, xmlErrorPtr e)
{
	struct complaints *c = ctx;
	size_t n = strcspn(e->message ? e->message : "", "\n");

	problem(c->check, "%s:%d: schema: %.*s", c->path, e->line, (int)n, e->message ? e->message : "");
}

static void validate(struct check *check, const struct kind *kind, const char *path)
{
	struct complaints complaints = { check, path };
	struct str rng = { 0 };
	xmlRelaxNGParserCtxtPtr parser;
	xmlRelaxNGValidCtxtPtr valid = NULL;
	xmlRelaxNGPtr schema = NULL;
	xmlDocPtr doc = NULL;

	schema_write_rng(kind->element, &rng);
	parser = xmlRelaxNGNewMemParserCtxt(str_text(&rng), (int)rng.length);
	if (parser)
		schema = xmlRelaxNGParse(parser);
	if (schema)
		valid = xmlRelaxNGNewValidCtxt(schema);
	if (valid)
		doc = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!valid) {
		problem(check, "%s: the generated schema of '%s' is not valid RELAX NG", path, kind->name);
	} else if (doc) {              /* a file that does not parse is reported by its loader */
		xmlRelaxNGSetValidStructuredErrors(valid, on_complaint, &complaints);
		(void)xmlRelaxNGValidateDoc(valid, doc);
	}
	xmlFreeDoc(doc);
	xmlRelaxNGFreeValidCtxt(valid);
	xmlRelaxNGFree(schema);
	xmlRelaxNGFreeParserCtxt(parser);
	str_release(&rng);
}

static bool near_one_percent(double computed, double published)
{
	return fabs(computed / published - 1) <= 0.01;
}

/* A recomputed parameter count that differs from the published one by more than 1 % must say why. Authors count the
 * input embedding among the active parameters, or do not. */
static void check_parameters(struct check *c, const char *path, const struct model *m)
{
	const struct model_published *p = &m->published;
	struct model_counts counts;

	model_parameters(m, &counts);
	if (p->total > 0 && !near_one_percent(counts.total, p->total) && !p->total_reason)
		problem(c, "%s: %.4g parameters recomputed, %.4g published, without total_reason", path, counts.total, p->total);
	if (p->active > 0 && !near_one_percent(counts.active, p->active) && !near_one_percent(counts.multiplied, p->active) &&
	    !p->active_reason)
		problem(c, "%s: %.4g active parameters recomputed, %.4g published, without active_reason", path, counts.active, p->active);
}

/* The name an entry gives itself must be its file's. */
static void check_name(struct check *c, const struct kind *kind, const void *entry, const char *name, const char *path)
{
	struct str own = { 0 };

	if (schema_get(kind->element, entry, "name", &own) && strcmp(str_text(&own), name) != 0)
		problem(c, "%s: name=\"%s\": expected that of the file, '%s'", path, str_text(&own), name);
	str_release(&own);
}

void check_file(struct check *c, const struct kind *kind, const char *name, const char *path)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	const void *entry;

	c->entries++;
	if (!arena) {
		problem(c, "%s: out of memory", path);
		return;
	}
	validate(c, kind, path);
	entry = kind->load(path, arena, &err);
	if (!entry) {
		problem(c, "%s", err.text);
	} else {
		if (name && strcmp(kind->one, "scenario") != 0 && strcmp(kind->one, "training") != 0)
			check_name(c, kind, entry, name, path);
		if (strcmp(kind->one, "model") == 0)
			check_parameters(c, path, entry);
	}
	arena_free(arena);
}

/* Names and aliases seen so far, to find those that two entries claim. */
struct claim {
	char *name;
	const char *owner;
};
struct claims {
	struct claim *at;
	size_t count, capacity;
};

static void claim(struct check *c, const struct kind *kind, struct claims *all, const char *name, size_t length, const char *owner)
{
	for (size_t i = 0; i < all->count; i++)
		if (strlen(all->at[i].name) == length && strncmp(all->at[i].name, name, length) == 0) {
			if (strcmp(all->at[i].owner, owner) != 0)
				problem(c, "%s/%s.xml: '%.*s' is a name of '%s', too", kind->folder, owner, (int)length, name, all->at[i].owner);
			return;
		}
	if (mem_grow(&all->at, &all->capacity, all->count + 1, sizeof(*all->at))) {
		char *copy = mem_alloc(length + 1);

		if (!copy)
			return;
		memcpy(copy, name, length);
		copy[length] = '\0';
		all->at[all->count++] = (struct claim){ copy, owner };
	}
}

static void check_aliases(struct check *c, const struct kind *kind, const char *const *names, size_t count, struct arena *arena)
{
	struct claims all = { 0 };

	for (size_t i = 0; i < count; i++)
		claim(c, kind, &all, names[i], strlen(names[i]), names[i]);
	for (size_t i = 0; i < count; i++) {
		struct err ignored = { 0 };
		const void *entry = kind->load(names[i], arena, &ignored);
		struct str aliases = { 0 };

		if (entry && schema_get(kind->element, entry, "aliases", &aliases))
			for (const char *p = str_text(&aliases); *p; p += strspn(p, " ")) {
				size_t n = strcspn(p, " ");

				claim(c, kind, &all, p, n, names[i]);
				p += n;
			}
		str_release(&aliases);
	}
	for (size_t i = 0; i < all.count; i++)
		mem_free(all.at[i].name);
	mem_free(all.at);
}

void check_kind(struct check *c, const struct kind *kind)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	size_t count;
	const char *const *names = arena ? kind_names(kind, &count, arena, &err) : NULL;

	if (!names) {
		problem(c, "%s", err.text);
		arena_free(arena);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const char *path = kind_path(kind, names[i], arena, &err);

		if (path)
			check_file(c, kind, names[i], path);
	}
	check_aliases(c, kind, names, count, arena);
	arena_free(arena);
}

void check_tables(struct check *c)
{
	struct arena *arena = arena_new();
	struct err err = { 0 };
	size_t count = 0;
	const struct kind *devices = kind_find("devices");
	const char *const *names = arena ? kind_names(devices, &count, arena, &err) : NULL;

	for (size_t i = 0; names && i < count; i++) {
		struct tables_limits limits = { .bandwidth_bytes_s = 0 };
		struct tables *t;

		err = (struct err){ 0 };
		t = tables_load(names[i], NULL, &limits, &err);
		if (err.kind != ERR_NONE)
			problem(c, "%s", err.text);
		c->entries += t ? tables_count(t) : 0;
		tables_free(t);
	}
	arena_free(arena);
}

const struct kind *check_kind_of(const char *path, struct err *err)
{
	xmlDocPtr doc = paths_is_file(path) ? xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING) : NULL;
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	const struct kind *found = NULL;

	for (const struct kind *k = kinds; root && k->name; k++)
		if (k->element && strcmp(k->element->name, (const char *)root->name) == 0)
			found = k;
	if (!found && root)
		err_set(err, ERR_INPUT, "%s: root element <%s>: expected device, system, model, workload, scenario, training, stack or training-stack", path,
			(const char *)root->name);
	else if (!found)
		err_set(err, ERR_INPUT, "%s: not a readable XML file", path);
	xmlFreeDoc(doc);
	return found;
}
