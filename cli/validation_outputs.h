/* The errors of a validation as text, Markdown and a page. */
#ifndef CLI_VALIDATION_OUTPUTS_H
#define CLI_VALIDATION_OUTPUTS_H

#include "base/str.h"
#include "reports/store.h"

struct validation_view {
	const struct stored_study *study;
	const struct validation_error *rows;
	size_t count;
};
MUST_USE bool validation_text(const struct validation_view *v, struct str *out, struct err *err);
MUST_USE bool validation_markdown(const struct validation_view *v, struct str *out, struct err *err);
MUST_USE bool validation_html(const struct validation_view *v, struct str *out, struct err *err);
MUST_USE bool validation_json(const struct validation_view *v, struct str *out, struct err *err);

#endif
