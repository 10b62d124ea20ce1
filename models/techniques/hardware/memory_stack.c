/* models/techniques/hardware/memory_stack.c -- other memory on the same device: rate = stacks x pins x rate of a pin,
 * capacity = stacks x layers x capacity of a die. What software reaches of it stays the device's own share; energy per bit
 * moves the device's power. */
#include <math.h>

#include "models/technique.h"

static bool stack_hardware(const struct technique_use *use, struct hardware_change *hw, struct err *err)
{
	struct device *d = hw->device;
	double stacks = technique_number(use, "stacks"), before_w = d->memory.bytes_s * 8 * technique_number(use, "pj_per_bit_before") * 1e-12;

	(void)err;
	d->memory.type = use->technique->title;
	d->memory.bytes = stacks * technique_number(use, "layers") * technique_number(use, "die_gb") * 1e9;
	d->memory.visible_bytes = NAN;
	d->memory.bytes_s = stacks * technique_number(use, "pins") * technique_number(use, "pin_gbit_s") * 1e9 / 8;
	if (!isnan(d->power.tdp_w))
		d->power.tdp_w += d->memory.bytes_s * 8 * technique_number(use, "pj_per_bit") * 1e-12 - before_w;
	return true;
}

const struct technique_ops technique_memory_stack = {
	.name = "memory-stack", .help = "other memory stacks on a device: pins, rate, layers",
	.params = "stacks pins pin_gbit_s layers die_gb pj_per_bit pj_per_bit_before", .hardware = stack_hardware,
};
