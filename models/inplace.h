/* A model written in place: "gpt:layers=24,hidden=1024,heads=16" or "llama:layers=32,hidden=4096,heads=32,kv_heads=8". */
#ifndef MODELS_INPLACE_H
#define MODELS_INPLACE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "models/model.h"

bool inplace_matches(const char *text);                 /* does it begin with a known family and a colon? */
MUST_USE struct model *inplace_read(const char *text, struct arena *arena, struct err *err);

#endif
