/* Names that published training rows use, and what they are here. */
#ifndef VALIDATION_TRAINING_MAP_H
#define VALIDATION_TRAINING_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct name_pair {
	const char *name, *ours;
};
const char *training_model_name(const char *name);             /* catalog name or description in place; NULL: not known */
const char *training_device_name(const char *name);            /* settings of hardware; NULL: not known */
const char *training_precision(const char *name);     /* settings; NULL: not known */

/* How the rows of a source were measured, where a row does not say it itself. */
struct training_source {
	const char *source;            /* how it begins */
	const char *settings;          /* attributes of a job */
	bool causal;                   /* its FLOP counts take attention as masked; else as full */
	bool plain;                    /* its FLOP counts are 6 N a token */
};
const struct training_source *training_source_of(const char *source);

/* How runs of that kind are laid out whose rows do not say: what other rows of their source state (device counts up to the
 * table's); "" when unknown. */
const char *training_usual_layout(const char *source, const char *model, const char *accelerator, double count);

#endif
