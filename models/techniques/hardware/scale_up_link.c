/* models/techniques/hardware/scale_up_link.c -- the wires between devices: links a device, rate of one, how many devices
 * the fabric joins, and whether its switches add. What collectives make of it is the collectives' business. */
#include <math.h>

#include "base/str.h"
#include "models/technique.h"

static bool link_hardware(const struct technique_use *use, struct hardware_change *hw, struct err *err)
{
	struct link *l = &hw->system->scale_up;
	double links = technique_number(use, "links"), domain = technique_number(use, "domain");

	(void)err;
	/* Small-message times of the wiring before stay when none are given: they are those of the library, too. */
	l->name = use->technique->title;
	l->topology = TOPOLOGY_SWITCH;
	l->bytes_s = links * technique_number(use, "link_gb_s") * 1e9;
	l->domain = (int64_t)domain;
	l->latency_s = technique_number(use, "latency_us") * 1e-6;
	l->efficiency = technique_number(use, "ring_efficiency");
	l->reduces = text_equal(technique_word(use, "in_switch_reduce"), "yes");
	l->reduce_efficiency = l->reduces ? technique_number(use, "reduce_efficiency") : NAN;
	if (hw->system->devices_per_node * hw->system->nodes < (int64_t)domain)
		hw->system->nodes = ((int64_t)domain + hw->system->devices_per_node - 1) / hw->system->devices_per_node;
	return true;
}

const struct technique_ops technique_scale_up_link = {
	.name = "scale-up-link", .help = "links between devices: rate, domain, in-switch reduction",
	.params = "links link_gb_s domain latency_us ring_efficiency in_switch_reduce reduce_efficiency", .hardware = link_hardware,
};
