/* A model file, or a description in place ("llama:layers=2,..."). */
#include "models/inplace.h"
#include "models/model.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size);
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct model *m = NULL;
	struct model_counts counts;
	struct layer layer;

	if (!a)
		goto out;
	if (inplace_matches(text))
		m = inplace_read(text, a, &err);
	else
		m = model_load(input_named(data, size, ".xml"), a, &err);
	verdict(m != NULL, &err);
	if (m) {
		if (m->shape.layers <= 0)
			abort();
		model_layer(m, 0, &layer);
		model_layer(m, m->shape.layers - 1, &layer);
		model_parameters(m, &counts);
	}
out:
	arena_free(a);
	free(text);
	return 0;
}
