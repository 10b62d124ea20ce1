/* A what-if study as text, CSV, JSON, drawings and a page. */
#ifndef CLI_WHATIF_OUTPUTS_H
#define CLI_WHATIF_OUTPUTS_H

#include "base/str.h"
#include "cli/options.h"
#include "reports/store.h"
#include "sim/plan/whatif.h"

/* The figures of the table. */
enum { TABLE_FIGURES_MOST = 8 };
struct whatif_view {
	const struct whatif *w;
	const char *title;
	int columns[TABLE_FIGURES_MOST];
	size_t column_count;
};
/* "llama-3.1-8b on h100, vllm" */
const char *whatif_title(const struct scenario *base, struct arena *arena);
/* The variants as the database keeps them; NULL + err. */
MUST_USE const struct study_row *whatif_study_rows(const struct whatif_view *v, struct arena *arena, struct err *err);
MUST_USE bool whatif_text(const struct whatif_view *v, struct str *out, struct err *err);
MUST_USE bool whatif_csv(const struct whatif_view *v, struct str *out, struct err *err);
MUST_USE bool whatif_json(const struct whatif_view *v, struct str *out, struct err *err);
MUST_USE bool whatif_markdown(const struct whatif_view *v, struct str *out, struct err *err);
MUST_USE bool whatif_html(const struct whatif_view *v, struct str *out, struct err *err);
MUST_USE bool whatif_waterfall_svg(const struct whatif_view *v, bool standalone, struct str *out, struct err *err);
MUST_USE bool whatif_tornado_svg(const struct whatif_view *v, bool standalone, struct str *out, struct err *err);

#endif
