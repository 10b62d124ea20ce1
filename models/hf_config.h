/* Hugging Face config.json (and hf_quant_config.json beside it) -> struct model. Fields that are not understood are
 * listed in the model's notes; an architecture that cannot be modelled is refused with the reason. */
#ifndef MODELS_HF_CONFIG_H
#define MODELS_HF_CONFIG_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "models/model.h"

/* `path` is the file. The name is taken from the file ("ORG--NAME_config.json", or the folder of a config.json). */
MUST_USE struct model *hf_config_read(const char *path, struct arena *arena, struct err *err);

#endif
