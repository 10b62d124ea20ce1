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

static int rounds_of(const struct engine_devices *d)
{
	return d->rounds > 0 ? d->rounds : d->quick ? 2 : 3;
}

/* The next round. */
static bool measure(struct engine_devices *d, int threads, const char *folder, const char *name, struct arena *arena, struct err *err)
{
	struct calibrate_options o = { .folder = folder, .name = name, .quick = d->quick, .fresh = d->done[threads] == 0, .threads = threads,
				       .rounds = rounds_of(d), .rounds_now = d->done[threads] + 1, .progress = d->progress, .ctx = d->ctx };
	struct calibrate_report report;

	d->done[threads]++;
	return calibrate(&o, &report, arena, err);
}

int engine_device_rounds_left(const struct engine_devices *d, int threads)
{
	return d->done[threads] > 0 ? rounds_of(d) - d->done[threads] : 0;
}

bool engine_device_round(struct engine_devices *d, int threads, struct arena *arena, struct err *err)
{
	const char *folder = d->folder ? d->folder : device_user_folder(arena, err), *name = arena_printf(arena, "here-%dt", threads);

	if (!folder || !name)
		return err->kind != ERR_NONE ? false : err_memory(err);
	return engine_device_rounds_left(d, threads) == 0 || measure(d, threads, folder, name, arena, err);
}

const char *engine_device(struct engine_devices *d, int threads, bool cached, struct arena *arena, struct err *err)
{
	const char *folder = d->folder ? d->folder : device_user_folder(arena, err);
	const char *name = arena_printf(arena, "here-%dt", threads), *path = folder && name ? arena_printf(arena, "%s/%s.xml", folder, name) : NULL;

	if (!path || threads < 1 || threads > 64) {
		if (err->kind == ERR_NONE)
			err_memory(err);
		return NULL;
	}
	if (!is_fresh(d, threads, path) && !measure(d, threads, folder, name, arena, err))
		return NULL;
	d->made[threads] = true;
	return cached ? arena_printf(arena, "%s/%s-cached.xml", folder, name) : path;
}
