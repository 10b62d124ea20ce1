/* A device between the two that a calibration makes: a walk over more weights than the last-level cache holds takes some lines from it and
 * the others from memory, and the times of both add up. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/device.h"
#include "hardware/profile_import.h"
#include "validation/engine/engine_devices.h"
#include "validation/pulse.h"

static const size_t TABLE_MOST = (size_t)64 << 20;

/* Where column `seconds` begins in a line of measured.csv. */
static const char *seconds_at(const char *line, int column)
{
	for (; column > 0 && line; column--) {
		line = strchr(line, ',');
		line = line ? line + 1 : NULL;
	}
	return line;
}

static int seconds_column(const char *header)
{
	const char *at = strstr(header, ",seconds,");
	int column = 0;

	for (const char *p = header; at && p <= at; p++)
		column += *p == ',';
	return at ? column : -1;
}

/* Lines of both tables are of the same points in the same order; they are compared up to the times. */
static bool blend_lines(const char *near, const char *far, double share, struct str *out)
{
	int column = seconds_column(near);
	const char *end = strchr(near, '\n'), *far_end = strchr(far, '\n');
	char number[32];

	if (column < 0 || !end || !far_end)
		return false;
	str_addf(out, "%.*s", (int)(end + 1 - near), near);
	for (near = end + 1, far = far_end + 1; *near && *far; near = end + 1, far = far_end + 1) {
		const char *a = seconds_at(near, column), *b = seconds_at(far, column), *rest;
		char *after;
		double s;

		end = strchr(near, '\n');
		far_end = strchr(far, '\n');
		if (!a || !b || !end || !far_end || a > end || b > far_end || a - near != b - far || strncmp(near, far, (size_t)(a - near)) != 0)
			return false;
		s = share * strtod(a, &after) + (1 - share) * strtod(b, NULL);
		rest = after;
		str_addf(out, "%.*s%s%.*s", (int)(a - near), near, number_text(number, s), (int)(end + 1 - rest), rest);
	}
	return !*near && !*far && !out->failed;
}

struct paths {
	const char *near, *far, *own;         /* files without .xml, which are folders as well */
};

static bool blend_tables(const struct paths *p, const struct device *d, const char *folder, double share, struct arena *arena, struct err *err)
{
	const char *near_path = arena_printf(arena, "%s/measured.csv", p->near), *far_path = arena_printf(arena, "%s/measured.csv", p->far);
	const char *path = arena_printf(arena, "%s/measured.csv", p->own);
	struct profile_import_options import = { .path = path, .format = PROFILE_VIBEE, .device = d->name, .stack = "vibee", .out_folder = folder,
						 .source = d->source, .licence = "your own", .tolerance = 1e-6, .tiles = true };
	struct profile_import_report *report = arena_alloc(arena, sizeof(*report));
	char *near, *far = NULL;
	struct str text = { 0 };
	size_t length;
	bool ok;

	if (!near_path || !far_path || !path || !report)
		return err_memory(err);
	near = paths_read(near_path, TABLE_MOST, &length, err);
	if (near)
		far = paths_read(far_path, TABLE_MOST, &length, err);
	ok = near && far;
	if (ok && !blend_lines(near, far, share, &text))
		ok = err_set(err, ERR_INPUT, "%s and %s are not of one calibration", near_path, far_path);
	ok = ok && paths_write_str(path, &text, err) && profile_import(&import, report, err);
	str_release(&text);
	mem_free(near);
	mem_free(far);
	return ok;
}

static bool copy_fits(const struct paths *p, struct arena *arena, struct err *err)
{
	const char *from = arena_printf(arena, "%s/fits.xml", p->near), *to = arena_printf(arena, "%s/fits.xml", p->own);
	size_t length;
	char *text;
	bool ok;

	if (!from || !to)
		return err_memory(err);
	text = paths_read(from, TABLE_MOST, &length, err);
	ok = text && paths_write(to, text, length, err);
	mem_free(text);
	return ok;
}

static bool copy_pulse(const struct paths *p, struct err *err)
{
	struct pulse pulse;

	return !pulse_read(p->far, &pulse) || pulse_write(p->own, &pulse, err);
}

static bool write_device(const struct device *d, const char *file, struct err *err)
{
	struct str text = { 0 };
	bool ok;

	schema_write_xml(&device_element, d, &text);
	ok = paths_write_str(file, &text, err);
	str_release(&text);
	return ok;
}

const char *engine_device_between(struct engine_devices *d, int threads, double share, struct arena *arena, struct err *err)
{
	const char *far = engine_device(d, threads, false, arena, err), *near = far ? engine_device(d, threads, true, arena, err) : NULL;
	int percent = (int)lround(100 * share);
	const char *folder, *file;
	const struct device *cached;
	struct device own;
	struct paths p;

	if (!near || percent <= 0)
		return near ? far : NULL;
	if (percent >= 100)
		return near;
	folder = arena_printf(arena, "%.*s", (int)(strrchr(far, '/') - far), far);
	p.near = arena_printf(arena, "%.*s", (int)strlen(near) - 4, near);
	p.far = arena_printf(arena, "%.*s", (int)strlen(far) - 4, far);
	cached = device_load(near, arena, err);
	if (!cached)
		return NULL;
	own = *cached;
	own.name = arena_printf(arena, "here-%dt-cached-%d", threads, percent);
	own.title = arena_printf(arena, "%s: %d %% of a walk over them", cached->title, percent);
	p.own = folder && own.name ? arena_printf(arena, "%s/%s", folder, own.name) : NULL;
	file = p.own ? arena_printf(arena, "%s.xml", p.own) : NULL;
	if (!p.near || !p.far || !own.title || !file) {
		err_memory(err);
		return NULL;
	}
	(void)mkdir(p.own, 0777);              /* what fails here fails below, with the reason */
	return blend_tables(&p, &own, folder, share, arena, err) && copy_fits(&p, arena, err) && copy_pulse(&p, err) && write_device(&own, file, err) ? file : NULL;
}
