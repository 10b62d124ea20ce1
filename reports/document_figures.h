/* Drawings that a kept document asks for itself, so that whoever shows it later needs to know nothing of its kind:
 *
 *   "drawings": [{ "title": "Demand", "unit": "requests/s", "list": "months", "at": "month",
 *                  "of": [{ "value": "requests_per_s_peak", "label": "peak" }, ...] }, ...]
 *
 * `list` is an array of objects of the document. Where `at` is a date in each of them, each value is a line over time; else the first
 * value is a bar for each name. */
#ifndef REPORTS_DOCUMENT_FIGURES_H
#define REPORTS_DOCUMENT_FIGURES_H

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

struct json_t;                                 /* of jansson */

struct drawing_value {
	const char *value, *label;
};
/* Adds an element to an open array "drawings". */
void drawing_json(struct json *j, const char *title, const char *unit, const char *list, const char *at, const struct drawing_value *of, size_t count);

/* Adds a section with the document's drawings to a page; nothing when it asks for none. What does not fit is left out; without gnuplot
 * a word about that. False: no memory. */
MUST_USE bool document_figures(const struct json_t *root, struct str *out, struct err *err);

#endif
