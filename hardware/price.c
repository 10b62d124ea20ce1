#include "hardware/price.h"

#include <math.h>

#include "base/str.h"
#include "hardware/energy.h"

/* PUE 1.25: what neoclouds list (hyperscalers 1.06 to 1.18, world average 1.55); 0.08 USD/kWh: planning value within
 * 0.06 to 0.12 for industry; a node adds 30 % to its devices where its power is not given (planning rule); four years of
 * life (3 to 5 are used). Sources: ai-infra-index 2026-03, Uptime survey via Upsite, aiinframap. */
static const double PUE = 1.25, USD_PER_KWH = 0.08, NODE_SHARE = 0.30, LIFE_YEARS = 4, HOURS_A_YEAR = 8766;

int price_kind_parse(const char *text)
{
	static const struct { const char *alias; enum price_kind kind; } aliases[] = {
		{ "cloud", PRICE_ON_DEMAND }, { "ondemand", PRICE_ON_DEMAND }, { "on_demand", PRICE_ON_DEMAND },
		{ "reserved", PRICE_RESERVED_3Y }, { "3y", PRICE_RESERVED_3Y }, { "hyperscaler", PRICE_OWN_HYPERSCALER },
		{ "neocloud", PRICE_OWN_NEOCLOUD }, { "own", PRICE_OWN_NEOCLOUD }, { "capex", PRICE_BUY },
	};

	for (int i = 0; price_kind_names[i]; i++)
		if (text_equal_fold(text, price_kind_names[i]))
			return i;
	for (size_t i = 0; i < COUNT_OF(aliases); i++)
		if (text_equal_fold(text, aliases[i].alias))
			return (int)aliases[i].kind;
	return -1;
}

double price_wall_w(const struct system *s, const struct price_options *options, double device_w)
{
	double pue = options->pue > 0 ? options->pue : s->power.pue > 0 ? s->power.pue : PUE;
	double devices = s->devices_per_node > 0 ? (double)s->devices_per_node : 1;
	double node = s->power.node_w >= 0 ? s->power.node_w / devices : NODE_SHARE * energy_limit_w(s->device, NULL);

	return (device_w + node) * pue;
}

double price_energy_usd(const struct price_options *options, double wall_joules)
{
	return wall_joules / 3.6e6 * (options->usd_per_kwh > 0 ? options->usd_per_kwh : USD_PER_KWH);
}

/* Power at 80 % of the limit: a busy serving device (the ML.ENERGY rows lie between 60 and 97 %). */
static double bought_usd_per_h(const struct system *s, const struct price_options *options, double usd)
{
	double years = options->life_years > 0 ? options->life_years : LIFE_YEARS;
	double wall = price_wall_w(s, options, 0.8 * energy_limit_w(s->device, NULL));

	return usd / (years * HOURS_A_YEAR) + price_energy_usd(options, wall * 3600);
}

static bool take(const struct system *s, const struct price_options *options, enum price_kind kind, struct price *out)
{
	const struct device_price *p = system_price(s, kind);
	double usd_per_h;

	if (!p)
		return false;
	usd_per_h = p->usd_per_h > 0 ? p->usd_per_h : p->usd > 0 ? bought_usd_per_h(s, options, p->usd) : NAN;
	if (isnan(usd_per_h))
		return false;
	*out = (struct price){ .usd_per_h = usd_per_h, .kind = kind, .substituted = kind != options->kind, .date = p->date,
			       .source = p->source };
	return true;
}

bool price_device(const struct system *s, const struct price_options *options, struct price *out, struct err *err)
{
	static const enum price_kind order[] = {
		PRICE_ON_DEMAND, PRICE_RESERVED_3Y, PRICE_OWN_NEOCLOUD, PRICE_OWN_HYPERSCALER, PRICE_BUY
	};

	if (options->usd_per_h > 0) {
		*out = (struct price){ .usd_per_h = options->usd_per_h, .kind = options->kind, .source = "given" };
		return true;
	}
	if (options->kind == PRICE_BUY && options->buy_usd > 0) {
		*out = (struct price){ .usd_per_h = bought_usd_per_h(s, options, options->buy_usd), .kind = PRICE_BUY, .source = "given" };
		return true;
	}
	if (take(s, options, options->kind, out))
		return true;
	for (size_t i = 0; i < COUNT_OF(order); i++)
		if (take(s, options, order[i], out))
			return true;
	return err_set(err, ERR_INPUT, "no price is known for device '%s': expected a <price> in its file, or one given",
		       s->device->name);
}
