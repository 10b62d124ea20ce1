/* A device file; what loads answers for every number format. */
#include <math.h>

#include "hardware/device.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const struct device *d = a ? device_load(input_file(data, size), a, &err) : NULL;

	if (!a)
		return 0;
	verdict(d != NULL, &err);
	for (int dtype = 0; d && dtype < DTYPE_COUNT; dtype++) {
		enum dtype used;
		double peak = device_peak(d, (enum dtype)dtype, &used);

		if (d->simulatable && !(peak > 0 && isfinite(peak)))
			abort();
		device_efficiency(d, (enum dtype)dtype);
	}
	if (d) {
		device_vector_peak(d);
		device_memory_bytes(d);
		device_bandwidth(d);
	}
	arena_free(a);
	return 0;
}
