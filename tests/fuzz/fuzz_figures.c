/* The JSON that comparisons read: kept figures and what commands wrote. */
#include "reports/side.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct side side;
	struct err err = { 0 };

	if (arena) {
		side_init(&side, "input", arena);
		verdict(side_of_json(&side, input_file(data, size), &err), &err);
	}
	arena_free(arena);
	return 0;
}
