/* XML in: libxml2's parser, then one walk over the tree with the element table in hand. */
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/schema_value.h"

enum { FILE_MOST = 64 << 20, DEPTH_MOST = 32 };

struct reading {
	const char *path;
	struct arena *arena;
	struct err *err;
};

static bool read_attributes(const struct reading *r, const struct element *e, xmlNode *node, unsigned char *obj)
{
	int line = (int)xmlGetLineNo(node);

	for (xmlAttr *a = node->properties; a; a = a->next) {
		const char *name = (const char *)a->name, *near;
		const struct field *f = schema_field(e, name);
		xmlChar *value;
		bool ok;

		if (a->ns)
			return err_set(r->err, ERR_INPUT, "%s:%d: attribute %s:%s: expected plain names, no namespaces", r->path, line,
				       a->ns->prefix ? (const char *)a->ns->prefix : "", name);
		if (!f) {
			near = schema_nearest_field(e, name);
			return err_set(r->err, ERR_INPUT, "%s:%d: <%s> has no attribute '%s'%s%s%s", r->path, line, e->name, name,
				       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		}
		value = xmlNodeListGetString(node->doc, a->children, 1);
		ok = schema_value_set(f, obj, value ? (const char *)value : "", r->path, line, r->arena, r->err);
		xmlFree(value);
		if (!ok)
			return false;
	}
	for (size_t i = 0; i < e->field_count; i++)
		if (e->fields[i].required && !xmlHasProp(node, (const xmlChar *)e->fields[i].name))
			return err_set(r->err, ERR_INPUT, "%s:%d: <%s> needs the attribute '%s' (%s)", r->path, line, e->name,
				       e->fields[i].name, e->fields[i].help ? e->fields[i].help : "required");
	return true;
}

static bool read_element(const struct reading *r, const struct element *e, xmlNode *node, unsigned char *obj, int depth);

static bool read_child(const struct reading *r, const struct element *e, xmlNode *child, unsigned char *obj, uint64_t *seen, int depth)
{
	const char *name = (const char *)child->name, *near;
	const struct element *ce = schema_child(e, name, strlen(name));
	int line = (int)xmlGetLineNo(child);

	if (!ce) {
		near = schema_nearest_child(e, name);
		return err_set(r->err, ERR_INPUT, "%s:%d: <%s> holds no <%s>%s%s%s", r->path, line, e->name, name,
			       near ? "; did you mean <" : "", near ? near : "", near ? ">?" : "");
	}
	for (size_t i = 0; e->children[i]; i++) {
		assert(i < 64);                /* one bit each in *seen */
		if (e->children[i] == ce) {
			if (!ce->repeated && (*seen >> i & 1))
				return err_set(r->err, ERR_INPUT, "%s:%d: second <%s>: expected one", r->path, line, name);
			if (ce->repeated && !(*seen >> i & 1))
				memset(obj + ce->count_offset, 0, sizeof(size_t));     /* a list read over another replaces it */
			*seen |= 1ull << i;
		}
	}
	if (ce->repeated) {
		obj = schema_append(ce, obj, r->arena, r->err);
		return obj && read_element(r, ce, child, obj, depth + 1);
	}
	return read_element(r, ce, child, obj + ce->offset, depth + 1);
}

static bool read_element(const struct reading *r, const struct element *e, xmlNode *node, unsigned char *obj, int depth)
{
	uint64_t seen = 0;
	int line = (int)xmlGetLineNo(node);

	if (node->ns)
		return err_set(r->err, ERR_INPUT, "%s:%d: <%s> is in the namespace '%.60s': expected plain names, no namespaces", r->path,
			       line, e->name, (const char *)node->ns->href);
	if (depth > DEPTH_MOST)
		return err_set(r->err, ERR_INPUT, "%s:%d: elements nested over %d deep", r->path, line, DEPTH_MOST);
	if (e->line_offset)
		memcpy(obj + e->line_offset, &line, sizeof(line));
	if (!read_attributes(r, e, node, obj))
		return false;
	for (xmlNode *child = node->children; child; child = child->next) {
		if (child->type == XML_COMMENT_NODE || child->type == XML_PI_NODE || xmlIsBlankNode(child))
			continue;
		if (child->type != XML_ELEMENT_NODE)
			return err_set(r->err, ERR_INPUT, "%s:%d: <%s> holds text: expected attributes and elements only", r->path,
				       (int)xmlGetLineNo(child), e->name);
		if (!read_child(r, e, child, obj, &seen, depth))
			return false;
	}
	for (size_t i = 0; e->children && e->children[i]; i++)
		if (e->children[i]->required && !(seen >> i & 1))
			return err_set(r->err, ERR_INPUT, "%s:%d: <%s> needs a <%s> (%s)", r->path, line, e->name, e->children[i]->name,
				       e->children[i]->help ? e->children[i]->help : "required");
	return true;
}

/* libxml2 prints what it finds unless told where errors go. */
static void silent(void *ctx, const char *msg, ...)
{
	(void)ctx;
	(void)msg;
}

static bool load_text(const char *name, const char *text, size_t length, const struct element *root, void *obj, bool fresh,
		      struct arena *arena, struct err *err)
{
	struct reading r = { .path = name, .arena = arena, .err = err };
	xmlParserCtxt *ctxt = NULL;
	xmlDoc *doc = NULL;
	xmlNode *top;
	bool ok = false;

	if (length > FILE_MOST)
		return err_set(err, ERR_INPUT, "%s: over 64 MiB, not a catalog file", name);
	ctxt = xmlNewParserCtxt();
	if (!ctxt)
		return err_memory(err);
	xmlSetGenericErrorFunc(NULL, silent);
	doc = xmlCtxtReadMemory(ctxt, text, (int)length, name, NULL,
				XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
	if (!doc) {
		char what[200];

		snprintf(what, sizeof(what), "%s", ctxt->lastError.message ? ctxt->lastError.message : "nothing in it");
		err_set(err, ERR_INPUT, "%s:%d: not readable XML: %s", name, ctxt->lastError.line > 0 ? ctxt->lastError.line : 1, text_trim(what));
		goto out;
	}
	if (doc->intSubset || doc->extSubset) {
		err_set(err, ERR_INPUT, "%s:1: a DOCTYPE is not accepted here", name);
		goto out;
	}
	top = xmlDocGetRootElement(doc);
	if (strcmp((const char *)top->name, root->name) != 0) {
		err_set(err, ERR_INPUT, "%s:%d: <%s>: expected <%s>", name, (int)xmlGetLineNo(top), (const char *)top->name, root->name);
		goto out;
	}
	ok = (!fresh || schema_defaults(root, obj, arena, err)) && read_element(&r, root, top, obj, 0);
out:
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(ctxt);
	return ok;
}

bool schema_load_text(const char *name, const char *text, size_t length, const struct element *root, void *obj, struct arena *arena,
		      struct err *err)
{
	return load_text(name, text, length, root, obj, true, arena, err);
}

static bool load_file(const char *path, const struct element *root, void *obj, bool fresh, struct arena *arena, struct err *err)
{
	size_t length;
	char *text;
	bool ok;

	if (paths_is_folder(path) || access(path, R_OK) != 0)
		return err_set(err, ERR_INPUT, "%s: not a readable XML file", path);
	text = paths_read(path, FILE_MOST, &length, err);
	if (!text)
		return false;
	ok = load_text(path, text, length, root, obj, fresh, arena, err);
	mem_free(text);
	return ok;
}

bool schema_load(const char *path, const struct element *root, void *obj, struct arena *arena, struct err *err)
{
	return load_file(path, root, obj, true, arena, err);
}

bool schema_overlay(const char *path, const struct element *root, void *obj, struct arena *arena, struct err *err)
{
	return load_file(path, root, obj, false, arena, err);
}
