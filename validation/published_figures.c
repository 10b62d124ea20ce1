/* Metrics and units in other words than those of published_map.c: which figure is meant is told from what both hold. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "validation/published_names.h"

enum { TEXT_MOST = 256 };

struct words {
	char metric[TEXT_MOST], unit[TEXT_MOST];       /* in lower case */
};

static void lower(const char *text, char out[TEXT_MOST])
{
	size_t n = 0;

	for (; *text && n + 1 < TEXT_MOST; text++)
		out[n++] = *text == '-' || *text == ' ' ? '_' : (char)tolower((unsigned char)*text);
	out[n] = '\0';
}

static bool holds_any(const char *text, const char *const *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strstr(text, parts[i]))
			return true;
	return false;
}
#define HOLDS(text, ...) holds_any(text, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* Seconds of "ms", "milliseconds", "s (mean)"; 0: not a time. */
static double time_unit(const char *unit)
{
	static const struct { const char *begins; double seconds; } units[] = {
		{ "ms", 1e-3 }, { "milli", 1e-3 }, { "us", 1e-6 }, { "micro", 1e-6 }, { "sec", 1 }, { "s", 1 },
	};

	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (text_starts(unit, units[i].begins) && (strlen(units[i].begins) > 2 || !isalnum((unsigned char)unit[strlen(units[i].begins)])) &&
		    !strchr(unit, '/'))
			return units[i].seconds;
	return 0;
}

/* The five statistics of a time stand in one order: mean, median, P90, P95, P99. */
static int statistic(const char *metric)
{
	static const char *const names[] = { "mean", "50", "90", "95", "99" };

	for (int i = 1; i < (int)COUNT_OF(names); i++)
		if (strstr(metric, names[i]))
			return i;
	return HOLDS(metric, "median") ? 1 : 0;
}

static bool time_figure(const struct words *w, struct metric_name *out)
{
	double seconds = time_unit(w->unit);
	enum published_figure first;

	if (!(seconds > 0))
		return false;
	if (HOLDS(w->metric, "ttft", "first_token"))
		first = FIGURE_TTFT_MEAN;
	else if (HOLDS(w->metric, "tpot", "itl", "inter_token", "per_output_token", "token_latency", "time_between_tokens"))
		first = FIGURE_TPOT_MEAN;
	else if (HOLDS(w->metric, "e2e", "request_latency", "end_to_end", "latency"))
		first = FIGURE_E2E_MEAN;
	else
		return false;
	out->figure = (enum published_figure)((int)first + statistic(w->metric));
	out->to_si = seconds;
	return true;
}

static bool rate_figure(const struct words *w, struct metric_name *out)
{
	bool device = HOLDS(w->unit, "/gpu", "/chip", "/device", "/accel", "/card", "/npu", "/core") || HOLDS(w->metric, "per_gpu", "per_device", "per_chip");
	bool total = HOLDS(w->unit, "input+output", "input + output", "in+out", "in + out", "total") || HOLDS(w->metric, "total"), input = HOLDS(w->unit, "input") || HOLDS(w->metric, "input", "prefill");

	out->to_si = 1;
	if (HOLDS(w->unit, "samples/s", "req/s", "requests/s", "queries/s", "request/s", "qps")) {
		out->figure = FIGURE_REQUESTS;
		return !device;
	}
	if (!HOLDS(w->unit, "tok") || !HOLDS(w->unit, "/s", "per_s"))
		return false;
	if (HOLDS(w->unit, "/mw", "/w"))
		return false;
	if (HOLDS(w->unit, "/user", "/stream", "/request") || HOLDS(w->metric, "per_user", "interactivity"))
		out->figure = FIGURE_USER;
	else if (HOLDS(w->unit, "/node"))
		out->figure = input && !total ? FIGURE_INPUT_NODE : FIGURE_OUTPUT_NODE;
	else if (total)
		out->figure = device ? FIGURE_TOTAL_DEVICE : FIGURE_TOTAL;
	else if (input)
		out->figure = device ? FIGURE_INPUT_DEVICE : FIGURE_INPUT;
	else
		out->figure = device ? FIGURE_OUTPUT_DEVICE : FIGURE_OUTPUT;
	return true;
}

bool published_find_metric(const char *metric, const char *unit, struct metric_name *out)
{
	const struct metric_name *known = published_metric(metric, unit);
	struct words w;

	if (known) {
		*out = *known;
		return true;
	}
	*out = (struct metric_name){ .metric = metric, .unit = unit };
	lower(metric, w.metric);
	lower(unit, w.unit);
	return time_figure(&w, out) || rate_figure(&w, out);
}
