/* A search as text, CSV, JSON, drawings and a page. */
#ifndef CLI_SEARCH_OUTPUTS_H
#define CLI_SEARCH_OUTPUTS_H

#include "base/str.h"
#include "sim/plan/search.h"

struct search_view {
	const struct search *s;
	const struct search_options *options;
	const char *title, *launch;            /* launch: engine; NULL = none */
	size_t total;                          /* candidates; a stored search has only the best of them in s */
	double wall_s;
	struct arena *arena;
};
MUST_USE bool search_text(const struct search_view *v, struct str *out, struct err *err);
/* One line a candidate: what became of it, and its figures. */
MUST_USE bool search_csv(const struct search_view *v, struct str *out, struct err *err);
MUST_USE bool search_json(const struct search_view *v, struct str *out, struct err *err);
MUST_USE bool search_markdown(const struct search_view *v, struct str *out, struct err *err);
MUST_USE bool search_html(const struct search_view *v, struct str *out, struct err *err);
MUST_USE bool search_front_svg(const struct search_view *v, int front, bool standalone, struct str *out, struct err *err);

#endif
