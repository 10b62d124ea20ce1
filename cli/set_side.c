#include "cli/set_side.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libxml/xmlreader.h>

#include "base/paths.h"
#include "cli/version.h"
#include "reports/train_report.h"
#include "sim/serve.h"
#include "sim/train/train.h"

static bool serve(const char *path, struct result *r, struct arena *arena, struct err *err)
{
	struct scenario *sc = scenario_load(path, arena, err);
	struct serve_sink sink = { 0 };
	struct sim *sim = sc ? sim_new(sc, &sink, err) : NULL;
	bool ok = sim && sim_run(sim, INFINITY, err) && sim_result(sim, arena, r, err);

	sim_free(sim);
	return ok;
}

static bool train(const char *path, struct result *r, struct arena *arena, struct err *err)
{
	struct train_wishes wishes = { .reliability = true };
	struct train_result *t = arena_alloc(arena, sizeof(*t));
	struct job *job = t ? job_load(path, arena, err) : NULL;

	if (!t)
		return err_memory(err);
	if (!job || !train_run(job, &wishes, t, arena, err))
		return false;
	train_figures(t, r);
	return true;
}

/* The name of the file's root element tells what it is; faults are for its own loader to name. */
static bool is_job(const char *path)
{
	xmlTextReader *reader = xmlReaderForFile(path, NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
	bool job = false;

	while (reader && xmlTextReaderRead(reader) == 1)
		if (xmlTextReaderNodeType(reader) == XML_READER_TYPE_ELEMENT) {
			job = strcmp((const char *)xmlTextReaderConstName(reader), "training") == 0;
			break;
		}
	if (reader)
		xmlFreeTextReader(reader);
	return job;
}

static bool add_file(struct side *side, const char *path, const char *name, struct err *err)
{
	struct result *r = arena_alloc(side->arena, sizeof(*r));
	struct err inner = { 0 };
	struct side_case *c;

	if (!r)
		return err_memory(err);
	if (!(is_job(path) ? train : serve)(path, r, side->arena, &inner))
		return strstr(inner.text, path) ? err_set(err, inner.kind, "%s", inner.text) : err_set(err, inner.kind, "%s: %s", path, inner.text);
	c = side_add(side, name, r->title, err);
	if (!c || !(c->file = arena_strdup(side->arena, path)))
		return c ? err_memory(err) : false;
	c->version = vibee_version();
	return side_result_add(side, c, r, err);
}

bool side_of_set(struct side *side, const char *path, struct err *err)
{
	const char *const *names, *slash = strrchr(path, '/');
	size_t count = 0;
	int length = (int)strlen(path);
	bool ok = true;

	if (!paths_is_folder(path)) {
		const char *file = slash ? slash + 1 : path;

		ok = add_file(side, path, arena_printf(side->arena, "%.*s", (int)(strlen(file) - strlen(".xml")), file), err);
		side->what = arena_printf(side->arena, "%s, simulated now by %s", path, vibee_version());
		return ok && (side->what || err_memory(err));
	}
	while (length > 1 && path[length - 1] == '/')
		length--;
	names = paths_list(path, ".xml", &count, side->arena, err);
	if (!names)
		return false;
	if (count == 0)
		return err_set(err, ERR_INPUT, "%s: no *.xml in it; expected a folder of scenarios", path);
	for (size_t i = 0; ok && i < count; i++) {
		const char *file = arena_printf(side->arena, "%.*s/%s.xml", length, path, names[i]);

		ok = file ? add_file(side, file, names[i], err) : err_memory(err);
	}
	side->what = arena_printf(side->arena, "%zu scenarios of %s, simulated now by %s", count, path, vibee_version());
	return ok && (side->what || err_memory(err));
}
