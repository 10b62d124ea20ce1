/* A demand: the bytes as a table of rates, and as a shape in one argument. What is read gives rates at any time. */
#include <math.h>

#include "base/arena.h"
#include "sim/plan/traffic.h"
#include "tests/fuzz/input.h"

enum { GRID = 200 };

static void rates_are_rates(const struct traffic *t)
{
	static const double grids[] = { 60, 900, 86400 };
	double rates[GRID];

	for (size_t g = 0; g < sizeof(grids) / sizeof(grids[0]); g++) {
		traffic_rates(t, 1.8e9, 3600 * (double)g, grids[g], GRID, rates);
		for (size_t i = 0; i < GRID; i++)
			if (!(rates[i] >= 0 && isfinite(rates[i])))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size);
	struct arena *a = arena_new();
	struct traffic t = { .weekend = 1, .steps = { .first_day_s = NAN } };
	struct err err = { 0 };
	bool ok;

	if (!a) {
		free(text);
		return 0;
	}
	ok = traffic_read_shape(text, "--demand", &t, a, &err);
	verdict(ok, &err);
	if (ok)
		rates_are_rates(&t);
	t = (struct traffic){ .weekend = 1, .steps = { .first_day_s = NAN } };
	err = (struct err){ 0 };
	ok = traffic_read_csv(input_file(data, size), &t, a, &err);
	verdict(ok, &err);
	if (ok)
		rates_are_rates(&t);
	arena_free(a);
	free(text);
	return 0;
}
