/* What the tables say, written down: XML files, RELAX NG schemas, the Markdown reference. */
#include <string.h>

#include "base/schema_value.h"

static void indent(struct str *out, int depth)
{
	for (int i = 0; i < depth; i++)
		str_add(out, "\t");
}

static void escape(struct str *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		switch (*p) {
		case '<': str_add(out, "&lt;"); break;
		case '>': str_add(out, "&gt;"); break;
		case '&': str_add(out, "&amp;"); break;
		case '"': str_add(out, "&quot;"); break;
		case '\n': str_add(out, "&#10;"); break;
		case '\t': str_add(out, "&#9;"); break;
		case '\r': str_add(out, "&#13;"); break;
		default:
			if ((unsigned char)*p >= ' ')
				str_add_bytes(out, p, 1);
		}
	}
}

/* Absent values, and those equal to what a reader fills in by itself, are not written. */
static bool worth_writing(const struct field *f, const unsigned char *obj, struct str *value)
{
	unsigned char zero[64] = { 0 };
	struct field at_start = *f;
	struct str absent = { 0 };
	bool same;

	str_clear(value);
	if (!schema_value_text(f, obj, value))
		return false;
	if (f->required)
		return true;
	if (f->fallback)
		return !text_equal(f->fallback, str_text(value));
	at_start.offset = 0;
	same = f->type != FIELD_TEXT && schema_value_text(&at_start, zero, &absent) && f->type != FIELD_NUMBER &&
	       text_equal(str_text(&absent), str_text(value));
	value->failed |= absent.failed;        /* compared with a text cut short: not to be trusted */
	str_release(&absent);
	return !same;
}

/* Whether the attribute shows that its element was there: a required number that nobody set reads 0 like one set to 0. */
static bool shows_presence(const struct field *f, const unsigned char *obj, struct str *out)
{
	struct field as_optional = *f;
	struct str value = { 0 };
	bool shows;

	as_optional.required = false;
	shows = worth_writing(&as_optional, obj, &value);
	out->failed |= value.failed;
	str_release(&value);
	return shows;
}

static bool write_element(const struct element *e, const unsigned char *obj, struct str *out, int depth, bool optional)
{
	size_t start = out->length, after_attributes;
	struct str value = { 0 };
	bool any = false, children = false;

	indent(out, depth);
	str_addf(out, "<%s", e->name);
	for (size_t i = 0; i < e->field_count; i++) {
		bool worth = worth_writing(&e->fields[i], obj, &value);

		out->failed |= value.failed;
		if (!worth)
			continue;
		str_addf(out, " %s=\"", e->fields[i].name);
		escape(out, str_text(&value));
		str_add(out, "\"");
		any = any || shows_presence(&e->fields[i], obj, out);
	}
	str_release(&value);
	after_attributes = out->length;
	str_add(out, ">\n");
	for (size_t i = 0; e->children && e->children[i]; i++) {
		const struct element *child = e->children[i];
		const unsigned char *items = obj + child->offset;
		size_t count = 1;

		if (child->repeated) {
			memcpy(&count, obj + child->count_offset, sizeof(count));
			memcpy(&items, obj + child->offset, sizeof(items));
		}
		for (size_t k = 0; k < count; k++)
			children |= write_element(child, items + k * child->size, out, depth + 1, !child->repeated && !child->required);
	}
	if (!any && !children && optional) {
		out->length = start;
		if (out->text)
			out->text[start] = '\0';
		return false;
	}
	if (children) {
		indent(out, depth);
		str_addf(out, "</%s>\n", e->name);
	} else {
		out->length = after_attributes;
		str_add(out, "/>\n");
	}
	return true;
}

void schema_write_xml(const struct element *root, const void *obj, struct str *out)
{
	str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	write_element(root, obj, out, 0, false);
}

static void rng_value(const struct field *f, struct str *out, int depth)
{
	indent(out, depth);
	switch (f->type) {
	case FIELD_TEXT:
		str_add(out, "<text/>\n");
		return;
	case FIELD_FLAG:
		str_add(out, "<choice><value>yes</value><value>no</value><value>true</value><value>false</value>"
			     "<value>1</value><value>0</value><value>on</value><value>off</value></choice>\n");
		return;
	case FIELD_CHOICE:
		str_add(out, "<choice>");
		for (int i = 0; f->choices[i]; i++) {
			str_add(out, "<value>");
			escape(out, f->choices[i]);
			str_add(out, "</value>");
		}
		str_add(out, "</choice>\n");
		return;
	case FIELD_NUMBER:
	case FIELD_INT:
		break;
	}
	str_addf(out, "<data type=\"%s\">", f->type == FIELD_INT ? "decimal" : "double");
	if (f->least != 0 || f->most != 0)
		str_addf(out, f->type == FIELD_INT ? "<param name=\"minInclusive\">%.0f</param><param name=\"maxInclusive\">%.0f</param>" :
			 "<param name=\"minInclusive\">%.12g</param><param name=\"maxInclusive\">%.12g</param>", f->least, f->most);
	str_add(out, "</data>\n");
}

/* Attributes stand in the interleave with the children: in a plain group libxml2 tries every subset of the optional ones,
 * which takes seconds for an element of twenty. */
static void rng_element(const struct element *e, struct str *out, int depth)
{
	bool children = e->children && e->children[0], interleave = children || e->field_count > 1;

	indent(out, depth);
	str_addf(out, "<element name=\"%s\">\n", e->name);
	if (interleave) {
		indent(out, depth + 1);
		str_add(out, "<interleave>\n");
	}
	for (size_t i = 0; i < e->field_count; i++) {
		const struct field *f = &e->fields[i];

		indent(out, depth + 2);
		str_addf(out, "%s<attribute name=\"%s\">\n", f->required ? "" : "<optional>", f->name);
		rng_value(f, out, depth + 3);
		indent(out, depth + 2);
		str_addf(out, "</attribute>%s\n", f->required ? "" : "</optional>");
	}
	for (size_t i = 0; children && e->children[i]; i++) {
		const struct element *child = e->children[i];
		const char *wrap = child->repeated ? (child->required ? "oneOrMore" : "zeroOrMore") : child->required ? "group" : "optional";

		indent(out, depth + 2);
		str_addf(out, "<%s>\n", wrap);
		rng_element(child, out, depth + 3);
		indent(out, depth + 2);
		str_addf(out, "</%s>\n", wrap);
	}
	if (e->field_count == 0 && !children) {
		indent(out, depth + 1);
		str_add(out, "<empty/>\n");
	}
	if (interleave) {
		indent(out, depth + 1);
		str_add(out, "</interleave>\n");
	}
	indent(out, depth);
	str_add(out, "</element>\n");
}

void schema_write_rng(const struct element *root, struct str *out)
{
	str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		     "<!-- Generated from the field tables: `vibee-sim catalog schema`. -->\n"
		     "<grammar xmlns=\"http://relaxng.org/ns/structure/1.0\" "
		     "datatypeLibrary=\"http://www.w3.org/2001/XMLSchema-datatypes\">\n\t<start>\n");
	rng_element(root, out, 2);
	str_add(out, "\t</start>\n</grammar>\n");
}

static void reference(const struct element *e, const char *prefix, struct str *out)
{
	struct str inner = { 0 };

	str_addf(out, "\n### `<%s>`%s\n\n%s\n\n| attribute | value | default | what |\n| --- | --- | --- | --- |\n", e->name,
		 e->repeated ? " (repeated)" : "", e->help ? e->help : "");
	for (size_t i = 0; i < e->field_count; i++) {
		const struct field *f = &e->fields[i];
		static const char *const kinds[] = { "text", "number", "whole number", "yes/no", "choice" };

		str_addf(out, "| `%s%s` | %s", prefix, f->name, kinds[f->type]);
		if (f->type == FIELD_CHOICE)
			for (int k = 0; f->choices[k]; k++)
				str_addf(out, "%s%s", k ? ", " : ": ", f->choices[k]);
		else if (f->least != 0 || f->most != 0)
			str_addf(out, " %.6g to %.6g", f->least, f->most);
		str_addf(out, " | %s | %s |\n", f->required ? "(required)" : f->fallback ? f->fallback : "", f->help ? f->help : "");
	}
	for (size_t i = 0; e->children && e->children[i]; i++) {
		str_clear(&inner);
		str_addf(&inner, "%s%s.%s", prefix, e->children[i]->name, e->children[i]->repeated ? "N." : "");
		out->failed |= inner.failed;
		reference(e->children[i], str_text(&inner), out);
	}
	str_release(&inner);
}

void schema_write_reference(const struct element *root, struct str *out)
{
	str_addf(out, "## %s\n", root->name);
	reference(root, "", out);
}
