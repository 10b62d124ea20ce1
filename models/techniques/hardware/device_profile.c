/* models/techniques/hardware/device_profile.c -- another device, and the number format that it was built for. The
 * device's own entry holds its figures and its kind decides how it executes; nothing here is faster by decree. */
#include "base/str.h"
#include "models/technique.h"

static bool profile_hardware(const struct technique_use *use, struct hardware_change *hw, struct err *err)
{
	const char *system = technique_word(use, "system");

	return hardware_change_replace(hw, technique_word(use, "device"), text_equal(system, "none") ? NULL : system, err);
}

/* "model" leaves the checkpoint's format; another one is that of every matrix of the layers, embedding and head aside. */
static bool profile_model(const struct technique_use *use, struct model_change *change, struct err *err)
{
	struct model_format *f = &change->model->format;
	const char *word = technique_word(use, "dtype");
	int t = dtype_parse(word);

	if (text_equal(word, "model"))
		return true;
	if (t < 0)
		return err_set(err, ERR_INPUT, "--with %s: dtype=%s: not a number format; 'vibee-sim catalog list dtypes' lists them",
			       use->technique->id, word);
	f->weights = t;
	f->experts = f->attention = f->recurrent = DTYPE_NONE;
	return true;
}

const struct technique_ops technique_device_profile = {
	.name = "device-profile", .help = "another device or system, in the number format it was built for",
	.params = "device system dtype", .hardware = profile_hardware, .model = profile_model,
};
