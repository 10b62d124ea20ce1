/* Variants of a training job on their way out. */
#ifndef CLI_TRAIN_VARY_OUTPUTS_H
#define CLI_TRAIN_VARY_OUTPUTS_H

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "reports/train_result.h"

struct job_variant {
	const char *label, *why;               /* why: it cannot run; NULL */
	struct train_result r;
};
struct job_variants {
	const char *title;
	size_t count;
	struct job_variant *at;                /* 0: the base */
};

void job_figures_json(struct json *j, const struct train_result *r);   /* members of the open object */
MUST_USE bool job_variants_json(const struct job_variants *v, struct str *out, struct err *err);
MUST_USE bool job_variants_text(const struct job_variants *v, struct str *out, struct err *err);
MUST_USE bool job_variants_csv(const struct job_variants *v, struct str *out, struct err *err);
MUST_USE bool job_variants_svg(const struct job_variants *v, bool standalone, struct str *out, struct err *err);       /* step times as bars */
MUST_USE bool job_variants_html(const struct job_variants *v, struct str *out, struct err *err);

#endif
