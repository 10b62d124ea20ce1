/* Weights of strangers: safetensors and GGUF. What is accepted can be read from its first to its last value. */
#include <math.h>

#include "tests/fuzz/input.h"
#include "validation/engine/tensor_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct tensor_file *f = tensor_file_open(input_file(data, size), &err);
	float values[QUANT_BLOCK];
	double number;

	verdict(f != NULL, &err);
	if (!f)
		return 0;
	for (size_t i = 0; i < tensor_file_count(f); i++) {
		const struct file_tensor *t = tensor_file_at(f, i);
		int64_t last = (t->elements - 1) / QUANT_BLOCK * QUANT_BLOCK, left = t->elements - last;

		if (t->elements < 1 || tensor_file_find(f, t->name) != t)
			abort();
		tensor_values(t, 0, t->elements < QUANT_BLOCK ? t->elements : QUANT_BLOCK, values);
		tensor_values(t, last, left, values);
	}
	if (tensor_file_number(f, "general.alignment", &number) && isnan(number))
		abort();
	tensor_file_text(f, "general.architecture");
	tensor_file_close(f);
	return 0;
}
