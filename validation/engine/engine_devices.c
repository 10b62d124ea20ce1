#include "validation/engine/engine_devices.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "base/paths.h"
#include "hardware/device.h"
#include "validation/calibrate.h"

static bool is_fresh(const struct engine_devices *d, int threads, const char *path)
{
	struct stat st;

	if (d->made[threads])
		return true;
	return !d->fresh && stat(path, &st) == 0 && difftime(time(NULL), st.st_mtime) < d->age_s;
}

const char *engine_device(struct engine_devices *d, int threads, bool cached, struct arena *arena, struct err *err)
{
	const char *folder = d->folder ? d->folder : device_user_folder(arena, err);
	const char *name = arena_printf(arena, "here-%dt", threads), *path = folder && name ? arena_printf(arena, "%s/%s.xml", folder, name) : NULL;
	struct calibrate_options o = { .folder = folder, .name = name, .quick = d->quick, .fresh = true, .threads = threads, .rounds = d->rounds,
				       .budget_s = d->quick ? 50 : 0, .progress = d->progress, .ctx = d->ctx };
	struct calibrate_report report;

	if (!path || threads < 1 || threads > 64) {
		if (err->kind == ERR_NONE)
			err_memory(err);
		return NULL;
	}
	if (!is_fresh(d, threads, path) && !calibrate(&o, &report, arena, err))
		return NULL;
	d->made[threads] = true;
	return cached ? arena_printf(arena, "%s/%s-cached.xml", folder, name) : path;
}
