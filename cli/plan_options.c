#include "cli/plan_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/pairs.h"
#include "base/str.h"
#include "sim/plan/traffic.h"

static const struct option demand_table[] = {
	{ .name = "demand", .word = "RATE", .words = WORDS_FILE, .help = "requests a second over time: 20, FILE.csv (time_s or date, requests_per_s), trace:FILE, "
								      "diurnal:mean=20,peak=60,peak_hour=14, weekly:... (quieter weekends), growth:mean=20,growth=0.05" },
	{ .name = "growth", .word = "G/month", .help = "compounded: 5%/month, 0.05/month, 0.6/year", .fallback = "that of RATE" },
	{ .name = "weekend", .word = "F", .help = "factor on Saturdays and Sundays", .fallback = "that of RATE" },
	{ .name = "start", .word = "DATE", .help = "first day", .fallback = "that of the file, or 2027-01-01" },
	{ .name = "horizon", .word = "TIME", .help = "how long the plan is: 12mo, 3y", .fallback = "12mo" },
	{ .name = "interval", .word = "TIME", .help = "grid: 5min, 15min, 1h, seconds; divides a day", .fallback = "15min" },
	{ .name = "class", .word = "NAME:K=V,...", .help = "a class of requests: share=, rate= of its own, scenario=, and any attribute of its scenario "
							 "(model=, tp=, workload=, slo.ttft_p99=) (repeatable)" },
	{ .name = "mix", .word = "MODEL=SHARE,...", .help = "a class for each model, else alike" },
	{ .name = "region", .word = "NAME:K=V,...", .help = "share=, price_factor=, utc_offset_h=, usd_per_kwh= (repeatable)", .fallback = "one" },
	{ .name = "file", .word = "PLAN.xml", .words = WORDS_FILE, .help = "all of this from a file, under the options; 'vibee-sim plan --schema' has its schema" },
};
const struct option_group plan_demand_options = OPTION_GROUP("Demand", demand_table);

static const struct option fleet_table[] = {
	{ .name = "autoscale", .word = "POLICY", .help = "none (sized for each month's peak), reactive, predictive, perfect", .fallback = "none" },
	{ .name = "startup-s", .word = "S", .help = "from the decision to a unit that serves; it is paid meanwhile", .fallback = "300" },
	{ .name = "react-s", .word = "S", .help = "from a change of demand to the decision", .fallback = "60" },
	{ .name = "scale-down-s", .word = "S", .help = "a unit goes once it was not wanted for so long", .fallback = "300" },
	{ .name = "min-replicas", .word = "N", .help = "units of each class and region, always", .fallback = "1" },
	{ .name = "headroom", .word = "F", .help = "share of capacity kept free", .fallback = "0.1" },
	{ .name = "redundancy", .word = "n+K", .help = "so many units more than needed", .fallback = "none" },
	{ .name = "mtbf", .word = "H", .help = "hours between failures of a device: spares so that enough units are up", .fallback = "none fails" },
	{ .name = "mttr", .word = "H", .help = "hours until a failed unit is back", .fallback = "24" },
	{ .name = "availability", .word = "F", .help = "share of time in which enough units are up", .fallback = "0.999" },
	{ .name = "tolerance", .word = "F", .kind = OPTION_NUMBER, .least = 1e-4, .most = 1, .fallback = "0.02", .help = "relative, of the simulated capacity" },
	{ .name = "no-interval", .kind = OPTION_FLAG, .help = "leave out how far operator errors move the plan (a third of the simulations)" },
};
const struct option_group plan_fleet_options = OPTION_GROUP("Fleet", fleet_table);

static const struct option buying_table[] = {
	{ .name = "on-demand", .word = "USD", .help = "a device-hour", .fallback = "the catalog's" },
	{ .name = "reserved-1y", .word = "USD", .help = "a device-hour, committed for a year", .fallback = "not to be had" },
	{ .name = "reserved-3y", .word = "USD", .help = "a device-hour, committed for three years", .fallback = "the catalog's" },
	{ .name = "spot", .word = "USD", .help = "a device-hour that may be interrupted", .fallback = "no spot" },
	{ .name = "spot-share", .word = "F", .help = "of what is rented by the hour", .fallback = "0.5" },
	{ .name = "spot-interruptions", .word = "F", .help = "a device-hour; an on-demand device stands in while a new one starts", .fallback = "0.05" },
	{ .name = "own", .kind = OPTION_FLAG, .help = "devices may be bought, too: price and power spread over --own-months" },
	{ .name = "own-usd", .word = "USD", .help = "price of one device", .fallback = "the catalog's" },
	{ .name = "own-months", .word = "N", .help = "life of a bought device", .fallback = "48" },
	{ .name = "buy-every", .word = "N", .help = "months between commitments: 3 for quarterly", .fallback = "1" },
	{ .name = "within-plan", .kind = OPTION_FLAG, .help = "no commitment beyond the plan's end (else only its months inside are charged, the rest is shown)" },
	{ .name = "unit-devices", .word = "N", .help = "devices that are had at once: 8 for whole nodes", .fallback = "1" },
};
const struct option_group plan_buying_options = OPTION_GROUP("Prices", buying_table);

enum reading { AS_IS, MONTHS, SECONDS, GROWTH };
static const struct { const char *option, *path; enum reading reading; } settings[] = {
	{ "demand", "demand.rate", AS_IS }, { "growth", "demand.growth_per_month", GROWTH }, { "weekend", "demand.weekend", AS_IS },
	{ "start", "start", AS_IS }, { "horizon", "months", MONTHS }, { "interval", "interval_s", SECONDS },
	{ "autoscale", "scaling.policy", AS_IS }, { "startup-s", "scaling.startup_s", AS_IS }, { "react-s", "scaling.react_s", AS_IS },
	{ "scale-down-s", "scaling.scale_down_s", AS_IS }, { "min-replicas", "scaling.least", AS_IS }, { "headroom", "scaling.headroom", AS_IS },
	{ "mtbf", "redundancy.mtbf_h", AS_IS }, { "mttr", "redundancy.mttr_h", AS_IS }, { "availability", "redundancy.availability", AS_IS },
	{ "on-demand", "buying.on_demand", AS_IS }, { "reserved-1y", "buying.reserved_1y", AS_IS }, { "reserved-3y", "buying.reserved_3y", AS_IS },
	{ "spot", "buying.spot", AS_IS }, { "spot-share", "buying.spot_share", AS_IS }, { "spot-interruptions", "buying.spot_interruptions_per_h", AS_IS },
	{ "own", "buying.own", AS_IS }, { "own-usd", "buying.own_usd", AS_IS }, { "own-months", "buying.own_months", AS_IS },
	{ "buy-every", "buying.every_months", AS_IS },
	{ "within-plan", "buying.within", AS_IS }, { "unit-devices", "buying.unit_devices", AS_IS },
};

/* A number and what follows it, of which `units` says what it is worth; NAN when it is none of them. */
struct unit { const char *name; double worth; };
static double with_unit(const char *text, const struct unit *units)
{
	char number[32];
	size_t length = strspn(text, "0123456789.+-eE");
	double value;

	/* The e of a unit is not the e of a number. */
	while (length > 0 && !strchr("0123456789.", text[length - 1]))
		length--;
	if (length == 0 || length >= sizeof(number))
		return NAN;
	snprintf(number, sizeof(number), "%.*s", (int)length, text);
	if (!text_to_double(number, &value))
		return NAN;
	for (; units->name; units++)
		if (strcmp(text + length, units->name) == 0)
			return value * units->worth;
	return NAN;
}

static const struct unit month_units[] = { { "", 1 }, { "mo", 1 }, { "months", 1 }, { "month", 1 }, { "m", 1 }, { "y", 12 }, { "yr", 12 }, { "years", 12 },
					   { "year", 12 }, { NULL, 0 } };
static const struct unit second_units[] = { { "", 1 }, { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 }, { NULL, 0 } };
static const struct unit growth_units[] = { { "", 1 }, { "/month", 1 }, { "/mo", 1 }, { "%", 0.01 }, { "%/month", 0.01 }, { "%/mo", 0.01 }, { NULL, 0 } };
static const struct unit yearly_units[] = { { "/year", 1 }, { "/y", 1 }, { "%/year", 0.01 }, { "%/y", 0.01 }, { NULL, 0 } };

static const char *plain(enum reading reading, const char *option, const char *text, struct arena *arena, struct err *err)
{
	double value = reading == MONTHS ? with_unit(text, month_units) : reading == SECONDS ? with_unit(text, second_units) : with_unit(text, growth_units);
	const char *kept;

	/* Growth by the year, compounded to one by the month. */
	if (reading == GROWTH && isnan(value))
		value = pow(1 + with_unit(text, yearly_units), 1.0 / 12) - 1;
	if (isnan(value)) {
		err_set(err, ERR_INPUT, "--%s %.60s: expected %s", option, text, reading == MONTHS ? "months or years, such as 12mo or 3y" :
			reading == SECONDS ? "a time such as 300, 5min or 1h" : "a rate such as 5%/month, 0.05/month or 0.6/year");
		return NULL;
	}
	kept = arena_printf(arena, "%.17g", value);
	if (!kept)
		err_memory(err);
	return kept;
}

static bool apply(const struct call *call, struct plan_spec *spec, const char *option, const char *path, enum reading reading, struct err *err)
{
	const char *text = call_text(call, option);

	if (!text)
		return true;
	if (reading != AS_IS && !(text = plain(reading, option, text, call->arena, err)))
		return false;
	return schema_set(&plan_element, spec, path, text, arena_printf(call->arena, "--%s", option), call->arena, err);
}

struct mixing {
	struct plan_spec *spec;
	struct arena *arena;
};

static bool add_model(void *ctx, const char *key, const char *value, struct err *err)
{
	const struct mixing *m = ctx;
	const char *text = arena_printf(m->arena, "%s:share=%s,model=%s", key, value, key);

	return text ? plan_spec_class(m->spec, text, "--mix", m->arena, err) : err_memory(err);
}

static bool add_lists(const struct call *call, struct plan_spec *spec, struct err *err)
{
	struct mixing mixing = { spec, call->arena };

	for (size_t i = 0; i < call->setting_count; i++) {
		const char *name = call->settings[i].option->name, *value = call->settings[i].value;

		if (strcmp(name, "class") == 0 && !plan_spec_class(spec, value, "--class", call->arena, err))
			return false;
		if (strcmp(name, "region") == 0 && !plan_spec_region(spec, value, "--region", call->arena, err))
			return false;
		if (strcmp(name, "mix") == 0 && !pairs_each(value, "--mix", call->arena, err, add_model, &mixing))
			return false;
		if (strcmp(name, "redundancy") == 0 && !plan_spec_redundancy(spec, value, "--redundancy", err))
			return false;
	}
	return true;
}

struct plan_spec *plan_spec_from_call(const struct call *call, const struct scenario *base, struct err *err)
{
	struct plan_spec *spec = plan_spec_load(call_text(call, "file"), call->arena, err);

	if (!spec)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		if (!apply(call, spec, settings[i].option, settings[i].path, settings[i].reading, err))
			return NULL;
	return add_lists(call, spec, err) && plan_spec_settle(spec, base, call->arena, err) ? spec : NULL;
}
