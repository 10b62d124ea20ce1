#include "hardware/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "hardware/catalog.h"

/* The formats that can stand in for one the device lacks, widest last resort at the end. Weight-only formats compute in
 * 16 bits by definition; MXFP4 weights are expanded to 16 bits where there are no 4-bit units. 16-bit formats stand in
 * for each other. */
#define SIXTEEN DTYPE_BF16, DTYPE_FP16, DTYPE_TF32, DTYPE_FP32, DTYPE_FP64
static const enum dtype stands_in[DTYPE_COUNT][12] = {
	[DTYPE_NONE] = { SIXTEEN },
	[DTYPE_FP64] = { DTYPE_FP64 },
	[DTYPE_FP32] = { DTYPE_FP32, DTYPE_FP64 },
	[DTYPE_TF32] = { DTYPE_TF32, DTYPE_FP32, DTYPE_FP64 },
	[DTYPE_BF16] = { SIXTEEN },
	[DTYPE_FP16] = { DTYPE_FP16, SIXTEEN },
	[DTYPE_FP8] = { DTYPE_FP8, SIXTEEN },
	[DTYPE_FP8_BLOCK] = { DTYPE_FP8, SIXTEEN },
	[DTYPE_INT8] = { DTYPE_INT8, SIXTEEN },
	[DTYPE_INT8_WO] = { SIXTEEN },
	[DTYPE_INT4] = { DTYPE_INT4, DTYPE_INT8, SIXTEEN },
	[DTYPE_INT4_WO] = { SIXTEEN },
	[DTYPE_FP6] = { DTYPE_FP6, DTYPE_FP8, SIXTEEN },
	[DTYPE_FP4] = { DTYPE_FP4, DTYPE_FP6, DTYPE_FP8, SIXTEEN },
	[DTYPE_MXFP4] = { DTYPE_FP4, SIXTEEN },
};

double device_peak(const struct device *d, enum dtype dtype, enum dtype *used)
{
	static const enum dtype any[] = { DTYPE_FP64, DTYPE_FP32, DTYPE_TF32, DTYPE_BF16,
					  DTYPE_FP16, DTYPE_FP8,  DTYPE_INT8, DTYPE_FP4 };

	for (size_t i = 0; i < COUNT_OF(stands_in[0]) && stands_in[dtype][i] != DTYPE_NONE; i++)
		if (d->peak.flop_s[stands_in[dtype][i]] > 0) {
			if (used)
				*used = stands_in[dtype][i];
			return d->peak.flop_s[stands_in[dtype][i]];
		}
	for (size_t i = 0; i < COUNT_OF(any); i++)
		if (d->peak.flop_s[any[i]] > 0) {
			if (used)
				*used = any[i];
			return d->peak.flop_s[any[i]];
		}
	if (used)
		*used = DTYPE_NONE;
	return NAN;
}

double device_vector_peak(const struct device *d)
{
	return d->peak.flop_s[DTYPE_FP32] > 0 ? d->peak.flop_s[DTYPE_FP32] : device_peak(d, DTYPE_BF16, NULL) / 16;
}

double device_memory_bytes(const struct device *d)
{
	return d->memory.visible_bytes > 0 ? d->memory.visible_bytes : d->memory.bytes;
}

double device_bandwidth(const struct device *d)
{
	return d->memory.bytes_s;
}

const struct device_efficiency *device_efficiency(const struct device *d, enum dtype dtype)
{
	const struct device_efficiency *all = NULL;

	for (size_t i = 0; i < d->efficiency_count; i++) {
		if (d->efficiencies[i].dtype == (int)dtype)
			return &d->efficiencies[i];
		if (d->efficiencies[i].dtype == DTYPE_NONE)
			all = &d->efficiencies[i];
	}
	return all;
}

const struct device_price *device_price(const struct device *d, enum price_kind kind)
{
	for (size_t i = 0; i < d->price_count; i++)
		if (d->prices[i].kind == (int)kind)
			return &d->prices[i];
	return NULL;
}

/* What a file need not repeat: dtypes that run at another's rate, and the fp8 rate for block scales. */
static void complete(struct device *d, struct arena *arena)
{
	double *peak = d->peak.flop_s;
	struct str missing = { 0 };

	for (int t = 0; t < DTYPE_COUNT; t++)
		if (peak[t] == 0)
			peak[t] = NAN;         /* formats without an attribute of their own */
	if (!(peak[DTYPE_FP16] > 0))
		peak[DTYPE_FP16] = peak[DTYPE_BF16];
	if (isnan(device_peak(d, DTYPE_BF16, NULL)))
		str_add(&missing, " peak arithmetic rate");
	if (!(d->memory.bytes_s > 0))
		str_addf(&missing, "%s memory bandwidth", missing.length ? "," : "");
	if (!(d->memory.bytes > 0))
		str_addf(&missing, "%s memory capacity", missing.length ? "," : "");
	d->simulatable = missing.length == 0;
	d->reason = d->simulatable ? NULL : arena_printf(arena, "not published:%s", str_text(&missing));
	str_release(&missing);
}

const char *device_user_folder(struct arena *arena, struct err *err)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME"), *out;

	if (data && *data)
		out = arena_printf(arena, "%s/vibee-sim/devices", data);
	else
		out = arena_printf(arena, "%s/.local/share/vibee-sim/devices", home && *home ? home : ".");
	if (!out)
		err_memory(err);
	return out;
}

/* A calibrated device of the user's, or NULL. */
static const char *users_own(const char *name, struct arena *arena)
{
	const char *folder, *path;

	if (!name || !*name || strchr(name, '/') || text_ends(name, ".xml"))
		return NULL;
	folder = device_user_folder(arena, NULL);
	path = folder ? arena_printf(arena, "%s/%s.xml", folder, name) : NULL;
	return path && paths_is_file(path) ? path : NULL;
}

/* "DIR/here.xml" -> "DIR/here", if that is a folder. */
static const char *home_of(const char *path, struct arena *arena)
{
	const char *home = text_ends(path, ".xml") ? arena_printf(arena, "%.*s", (int)(strlen(path) - 4), path) : NULL;

	return home && paths_is_folder(home) ? home : NULL;
}

const struct device *device_load(const char *name_or_path, struct arena *arena, struct err *err)
{
	struct err unknown = { 0 };
	const char *path = catalog_find("hardware/devices", "device", name_or_path, arena, &unknown);
	struct device *d;

	if (!path)
		path = users_own(name_or_path, arena);
	if (!path && name_or_path && text_equal_fold(name_or_path, "here"))
		err_set(err, ERR_INPUT, "unknown device '%s': this host is not calibrated yet; 'vibee-sim calibrate' does that", name_or_path);
	else if (!path)
		err_set(err, unknown.kind, "%s", unknown.text);

	if (!path)
		return NULL;
	d = arena_alloc(arena, sizeof(*d));
	if (!d) {
		err_memory(err);
		return NULL;
	}
	if (!schema_load(path, &device_element, d, arena, err))
		return NULL;
	d->path = path;
	d->home = home_of(path, arena);
	complete(d, arena);
	return d;
}

const struct device *device_load_usable(const char *name_or_path, struct arena *arena, struct err *err)
{
	const struct device *d = device_load(name_or_path, arena, err);

	if (d && !d->simulatable) {
		err_set(err, ERR_INPUT, "device '%s' cannot be simulated: %s (%s)", d->name, d->reason, d->path);
		return NULL;
	}
	return d;
}
