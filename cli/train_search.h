/* The best layout of a training job: `train --best`, `search --job`. */
#ifndef CLI_TRAIN_SEARCH_H
#define CLI_TRAIN_SEARCH_H

#include "cli/options.h"
#include "sim/train/layout.h"

/* Replaces the job's layout by the best one for --objective in --space, and says on standard error what was searched. */
MUST_USE bool take_best(const struct call *call, struct job *job, struct layout_search *search, struct err *err);

/* The search as a study of its own: counts, the layout and its figures as text, or JSON (vibee.search/1, kind "train"). */
MUST_USE bool train_search(const struct call *call, struct job *job, struct err *err);

#endif
