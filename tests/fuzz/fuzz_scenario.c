/* A scenario file (it begins with '<'), or text as --slo and --with take it. */
#include "sim/scenario.h"
#include "tests/fuzz/input.h"

static void as_options(const char *text, struct arena *a)
{
	struct err err = { 0 };
	struct scenario *sc = scenario_new(a, &err);
	bool ok;

	verdict(sc != NULL, &err);
	if (!sc)
		return;
	ok = scenario_slo(sc, text, "--slo", a, &err);
	verdict(ok, &err);
	err = (struct err){ 0 };
	ok = scenario_with(sc, text, a, &err);
	verdict(ok, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size);
	struct arena *a = arena_new();
	struct err err = { 0 };

	if (a && text[0] == '<') {
		struct scenario *sc = scenario_load(input_file(data, size), a, &err);

		verdict(sc != NULL, &err);
	} else if (a) {
		as_options(text, a);
	}
	arena_free(a);
	free(text);
	return 0;
}
