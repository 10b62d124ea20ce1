/* Settings of published recipes that tables of results do not print: Megatron-Bridge's, and configurations of MLPerf submissions. */
#ifndef VALIDATION_TRAINING_RECIPES_H
#define VALIDATION_TRAINING_RECIPES_H

#include <stdbool.h>
#include <stdint.h>

#include "validation/rows.h"

/* Attributes of a job, each ended by a blank; "" for rows of other sources. vp: chunks a stage. */
const char *training_recipe(const struct published_row *row, int64_t vp);
/* Whether a row of Megatron-Bridge is of an earlier release than that, such as "26.06". */
bool training_recipe_before(const struct published_row *row, const char *release);
/* Its number format, or what its configuration says where the form of a submission names two. */
const char *training_format(const struct published_row *row);

#endif
