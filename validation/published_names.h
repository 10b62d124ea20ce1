/* Names of published rows that stand in no table of ours word for word: read by the catalog's names and aliases, without
 * regard to case and separators, by Hugging Face ids, and with words dropped that name no other thing. Every reading that is
 * not literal comes with a note of what was assumed. */
#ifndef VALIDATION_PUBLISHED_NAMES_H
#define VALIDATION_PUBLISHED_NAMES_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"
#include "validation/published_map.h"

/* All names of models and accelerators: those of published_map.c and of the catalogs. Lives in the arena. */
struct published_lexicon;
MUST_USE struct published_lexicon *published_lexicon_new(struct arena *arena, struct err *err);

/* Each returns NULL when nothing that it knows is meant. Notes ("model 'x' read as y") are added to `notes`, "; " between. */
const struct model_name *published_find_model(const struct published_lexicon *l, const char *text, struct str *notes);
const struct accelerator_name *published_find_accelerator(const struct published_lexicon *l, const char *text, struct str *notes);

/* An unknown format is taken as the model's own; a blank one as what the model's name says ("-FP8", "-AWQ"). Never NULL. */
const struct precision_name *published_find_precision(const char *text, const char *model, struct str *notes);

/* "itl" for "tpot", "P99 TTFT (s)", "tok/s/GPU", "req/s" ...; false when the figure is none that a simulation gives. */
bool published_find_metric(const char *metric, const char *unit, struct metric_name *out);

/* Adds one note, "; " before it when there are others. */
void published_note(struct str *notes, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
