/* models/techniques/hardware/die_to_die.c -- one device made of several dies of the kind at hand, joined along their
 * edges. Data lies evenly over the dies' memories, so (n-1)/n of what a kernel reads crosses an edge: memory bandwidth is
 * the sum of the dies' or what the edges let through, whichever is less, and every crossing bit costs energy. */
#include <math.h>

#include "models/technique.h"

static void several(double *at, double n)
{
	*at *= n;                      /* NAN stays NAN: not published */
}

/* So many dies cost so many times as much: nobody has published a price. */
static bool dearer(struct device_price **prices, size_t count, double n, struct arena *arena, struct err *err)
{
	struct device_price *own = arena_alloc(arena, (count + 1) * sizeof(*own));

	if (!own)
		return err_memory(err);
	for (size_t i = 0; i < count; i++) {
		own[i] = (*prices)[i];
		several(&own[i].usd, n);
		several(&own[i].usd_per_h, n);
	}
	*prices = own;
	return true;
}

static bool dies_hardware(const struct technique_use *use, struct hardware_change *hw, struct err *err)
{
	struct device *d = hw->device;
	double n = technique_number(use, "dies"), crossing = (n - 1) / n;
	double edge_bytes_s = technique_number(use, "shoreline_mm") * technique_number(use, "gb_s_per_mm") * 1e9 * technique_number(use, "flit_share");
	double through;

	if (n < 2)
		return true;
	for (int t = 0; t < DTYPE_COUNT; t++)
		several(&d->peak.flop_s[t], n);
	several(&d->memory.bytes, n);
	several(&d->memory.visible_bytes, n);
	several(&d->memory.bytes_s, n);
	several(&d->sram.bytes, n);
	several(&d->sram.bytes_s, n);
	d->units.count = (int64_t)((double)d->units.count * n);
	through = n * edge_bytes_s / crossing;
	d->memory.bytes_s = fmin(d->memory.bytes_s, through);
	d->power.tdp_w = d->power.tdp_w * n + d->memory.bytes_s * crossing * 8 * technique_number(use, "pj_per_bit") * 1e-12;
	several(&d->power.idle_w, n);
	hw->system->scale_up.latency_s += technique_number(use, "latency_ns") * 1e-9;
	return dearer(&d->prices, d->price_count, n, hw->arena, err) && dearer(&hw->system->prices, hw->system->price_count, n, hw->arena, err);
}

const struct technique_ops technique_die_to_die = {
	.name = "die-to-die", .help = "a device of several dies: edge bandwidth, energy of crossing bits",
	.params = "dies shoreline_mm gb_s_per_mm flit_share pj_per_bit latency_ns", .hardware = dies_hardware,
};
