/* vibee-sim catalog fit: the laws of hardware/fits, from the measured tables. */
#include <stdio.h>

#include "base/paths.h"
#include "base/str.h"
#include "cli/options.h"
#include "hardware/fit_law.h"
#include "reports/outfile.h"

static bool fit_one(const struct call *call, const char *name, const char *folder, struct err *err)
{
	const struct device *d = device_load(name, call->arena, err);
	const struct fits *fits = d ? fit_device(d, call->arena, err) : NULL;
	struct str xml = { 0 }, path = { 0 };
	bool ok = fits != NULL;

	if (ok && fits->count == 0) {
		printf("%-14s nothing to fit\n", d->name);
		return true;
	}
	for (size_t i = 0; ok && i < fits->count; i++) {
		const struct fit *f = &fits->items[i];

		printf("%-14s %-8s %-18s %-10s %-6s median %5.1f %%, P90 %5.1f %% on sites left out\n", d->name, f->stack, op_kind_names[f->op],
		       dtype_names[f->dtype], f->kv_dtype ? dtype_names[f->kv_dtype] : "", 100 * f->rel_error, 100 * f->rel_error_p90);
	}
	if (ok && folder) {
		schema_write_xml(&fits_element, fits, &xml);
		str_addf(&path, "%s/%s.xml", folder, d->name);
		ok = xml.failed || path.failed ? err_memory(err) : outfile_write(path.text, str_text(&xml), xml.length, err);
	}
	str_release(&xml);
	str_release(&path);
	return ok;
}

static bool fit_run(const struct call *call, struct err *err)
{
	const char *device = call_text(call, "device"), *out = call_text(call, "out");
	const char *folder = paths_data("hardware/tables", call->arena, err);
	const char *const *names;
	size_t count;
	bool ok = true;

	if (!folder)
		return false;
	if (device)
		return fit_one(call, device, out, err);
	names = paths_list(folder, "", &count, call->arena, err);
	for (size_t i = 0; ok && names && i < count; i++) {
		const char *path = arena_printf(call->arena, "%s/%s", folder, names[i]);

		if (!path)
			return err_memory(err);
		if (paths_is_folder(path))
			ok = fit_one(call, names[i], out, err);
	}
	return ok && names;
}

static const struct option fit_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .fallback = "all with tables", .help = "only this device" },
	{ .name = "out", .word = "FOLDER", .words = WORDS_FILE, .fallback = "print only", .help = "writes DEVICE.xml there (hardware/fits are these)" },
};
static const struct option_group fit_options = OPTION_GROUP("Options", fit_table);

extern const struct command catalog_fit;
const struct command catalog_fit = {
	.name = "fit", .summary = "fit the laws of hardware/fits to the measured tables",
	.details = "Fits launch time, shares of peak and bandwidth, their overlap, tile and wave loss, depth and time per piece of work to half of "
		   "the shape sites of every table (GSL's simplex), and states the errors on the other half. The same tables give the same fits.",
	.groups = (const struct option_group *const[]){ &fit_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim catalog fit --out hardware/fits", "makes them all again, in a minute" }, { NULL, NULL } },
	.run = fit_run,
};
