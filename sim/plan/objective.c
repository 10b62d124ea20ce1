#include "base/str.h"
#include "sim/plan/search.h"

const struct objective objectives[] = {
	{ "cost", "cheapest output token", FIGURE_USD_PER_1M_OUTPUT },
	{ "latency", "shortest time of a whole request, mean", FIGURE_E2E_MEAN },
	{ "tpot", "fastest output, mean time per token", FIGURE_TPOT_MEAN },
	{ "ttft", "shortest wait for the first token, P99", FIGURE_TTFT_P99 },
	{ "throughput", "most output tokens a second and device", FIGURE_PER_DEVICE },
	{ "energy", "least energy of an output token", FIGURE_JOULES_PER_OUTPUT },
	{ "devices", "fewest devices", FIGURE_DEVICES },
	{ "capacity", "largest rate within the targets (with --capacity)", FIGURE_CAPACITY_QPS },
	{ NULL, NULL, 0 },
};

const struct front_axes front_axes[FRONTS] = {
	{ "cost_latency", "Cost against latency", { FIGURE_USD_PER_1M_OUTPUT, FIGURE_E2E_MEAN } },
	{ "throughput_interactivity", "Throughput of a device against speed of a user", { FIGURE_PER_USER, FIGURE_PER_DEVICE } },
};

const struct objective *objective_find(const char *name, struct err *err)
{
	const char *names[16], *near;
	size_t n = 0;

	for (const struct objective *o = objectives; o->name; o++) {
		if (text_equal(o->name, name))
			return o;
		names[n++] = o->name;
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "--objective %.40s: expected cost, latency, tpot, ttft, throughput, energy, devices or capacity%s%s%s", name,
		near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
	return NULL;
}
