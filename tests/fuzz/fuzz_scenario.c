/* A scenario file, then its last line as --slo and --with would take it. */
#include "sim/scenario.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size), *last = strrchr(text, '\n');
	struct arena *a = arena_new();
	struct err err = { 0 };
	struct scenario *sc = a ? scenario_load(input_file(data, size), a, &err) : NULL;

	if (!a)
		goto out;
	verdict(sc != NULL, &err);
	err = (struct err){ 0 };
	if (!sc)
		sc = scenario_new(a, &err);
	if (sc) {
		bool ok = scenario_slo(sc, last ? last + 1 : text, "--slo", a, &err);

		verdict(ok, &err);
		err = (struct err){ 0 };
		ok = scenario_with(sc, last ? last + 1 : text, a, &err);
		verdict(ok, &err);
	}
out:
	arena_free(a);
	free(text);
	return 0;
}
