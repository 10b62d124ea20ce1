/* Hugging Face config.json. What is accepted has layers that can be walked and is written as a model file that loads. */
#include <math.h>

#include "models/hf_config.h"
#include "models/model.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct model *m = a ? hf_config_read(input_file(data, size), a, &err) : NULL;
	struct model_counts counts;
	struct layer layer;

	if (!a)
		return 0;
	verdict(m != NULL, &err);
	if (m) {
		if (m->shape.layers <= 0)
			abort();
		model_layer(m, 0, &layer);
		model_layer(m, m->shape.layers - 1, &layer);
		model_parameters(m, &counts);
	}
	arena_free(a);
	return 0;
}
