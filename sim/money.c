#include "sim/money.h"

#include <math.h>

#include "hardware/price.h"

void money_per_hour(const struct scenario *sc, const struct system *system, double devices, struct money *out, struct arena *arena)
{
	const struct scenario_price *asked = &sc->price;
	struct price_options options = { .usd_per_h = isnan(asked->usd_per_device_hour) ? 0 : asked->usd_per_device_hour,
					 .pue = asked->pue, .usd_per_kwh = asked->usd_per_kwh };
	int kind = price_kind_parse(asked->kind);
	struct err none = { 0 };
	struct price price;

	options.kind = kind < 0 ? PRICE_ON_DEMAND : (enum price_kind)kind;
	if (!price_device(system, &options, &price, &none)) {
		*out = (struct money){ NAN, "no price known: give --set price.usd_per_device_hour=..." };
		return;
	}
	out->usd_per_hour = price.usd_per_h * devices;
	out->kind = options.usd_per_h > 0 ? "own price" :
		arena_printf(arena, "%s, %s%s", price_kind_names[price.kind], price.date ? price.date : "undated",
			     price.substituted ? " (the kind asked for is not in the catalog)" : "");
}
