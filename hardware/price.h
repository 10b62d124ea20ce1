/* What a device costs an hour, and what electricity costs. Every price has a kind, a date and a source. */
#ifndef HARDWARE_PRICE_H
#define HARDWARE_PRICE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "hardware/system.h"

struct price {
	double usd_per_h;              /* of one device */
	enum price_kind kind;          /* that was found */
	bool substituted;              /* another kind than asked for */
	const char *date, *source;     /* borrowed from the catalog */
};

struct price_options {
	enum price_kind kind;          /* asked for; PRICE_ON_DEMAND is the default */
	double usd_per_h;              /* > 0: this price, whatever the catalog says */
	double buy_usd;                /* PRICE_BUY, > 0: what one device costs, whatever the catalog says */
	double life_years;             /* PRICE_BUY: hours the purchase is spread over; 0 = 4 years */
	double pue;                    /* facility over IT power; 0 = the system's, else 1.25 */
	double usd_per_kwh;            /* 0 = 0.08 */
};

/* Name as --price takes it ("on-demand", "buy", also "cloud", "spot" is unknown); -1 when unknown. */
int price_kind_parse(const char *text);

/* USD of one device-hour. The system's price is preferred to the device's. Where the kind asked for is not known the
 * nearest is taken, in the order on-demand, reserved-3y, own-neocloud, own-hyperscaler, buy, and `substituted` set.
 * Rented and owned-per-hour prices contain power; PRICE_BUY spreads the purchase over life_years and adds the power that
 * one device draws with its share of the node (price_wall_w). ERR_INPUT when the device has no price at all. */
MUST_USE bool price_device(const struct system *s, const struct price_options *options, struct price *out, struct err *err);

/* Watts at the meter when the device draws device_w: its share of the node added, times PUE. */
double price_wall_w(const struct system *s, const struct price_options *options, double device_w);
double price_energy_usd(const struct price_options *options, double wall_joules);

#endif
