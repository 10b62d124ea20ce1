/* vibee-sim catalog devices: the catalog's, or what this host has. */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/options.h"
#include "hardware/device.h"
#include "kernels/harness/machine.h"
#include "kernels/harness/opencl.h"
#include "kernels/harness/timing.h"
#include "reports/table.h"

extern const struct command catalog_devices, catalog_list;

enum { OPENCL_MOST = 16 };
struct here {
	struct machine machine;
	struct opencl_device opencl[OPENCL_MOST];
	int opencl_count;
	const char *clock, *counters, *folder;
	const char *const *calibrated;         /* names of devices that `calibrate` left in folder */
	size_t calibrated_count;
};

static bool look(struct here *h, struct arena *arena, struct err *err)
{
	struct timing *t;

	if (!machine_read(&h->machine, err) || !(t = timing_new(err)))
		return false;
	h->clock = arena_strdup(arena, timing_clock_name(t));
	h->counters = arena_strdup(arena, timing_counters_name(t));
	timing_free(t);
	h->opencl_count = opencl_devices(h->opencl, OPENCL_MOST);
	if (h->opencl_count > OPENCL_MOST)
		h->opencl_count = OPENCL_MOST;
	h->folder = device_user_folder(arena, err);
	if (h->folder && paths_is_folder(h->folder))
		h->calibrated = paths_list(h->folder, ".xml", &h->calibrated_count, arena, err);
	return (h->clock && h->counters && h->folder) || err_memory(err);
}

static const char *type_name(char type)
{
	return type == 'c' ? "CPU" : type == 'g' ? "GPU" : type == 'a' ? "accelerator" : "other";
}

static bool show(const struct here *h, struct err *err)
{
	static const struct table_column columns[] = { { "device", false }, { "through", false }, { "kind", false }, { "units", true },
						       { "clock", true }, { "memory", true }, { "what", false } };
	const struct machine *m = &h->machine;
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct str out = { 0 };
	char a[32];
	bool ok;

	if (!t)
		return err_memory(err);
	if (!isatty(STDOUT_FILENO) && term.width < 160)
		term.width = 160;
	for (int p = 0; p < m->packages; p++) {
		table_cell(t, STYLE_STRONG, m->cpu);
		table_cell(t, STYLE_PLAIN, "kernels of this program");
		table_cell(t, STYLE_PLAIN, "CPU package");
		table_cellf(t, STYLE_PLAIN, "%d", m->cores / (m->packages > 0 ? m->packages : 1));
		table_cellf(t, STYLE_PLAIN, "%.0f MHz", isnan(m->clock_hz) ? 0 : m->clock_hz / 1e6);
		table_cell(t, STYLE_PLAIN, human_bytes(a, m->memory_bytes / m->packages));
		table_cell(t, STYLE_FAINT, m->instructions);
	}
	for (int i = 0; i < h->opencl_count; i++) {
		const struct opencl_device *d = &h->opencl[i];

		table_cell(t, STYLE_STRONG, d->name);
		table_cell(t, STYLE_PLAIN, d->platform);
		table_cell(t, STYLE_PLAIN, type_name(d->type));
		table_cellf(t, STYLE_PLAIN, "%d", d->units);
		table_cellf(t, STYLE_PLAIN, "%.0f MHz", d->clock_hz / 1e6);
		table_cell(t, STYLE_PLAIN, human_bytes(a, d->memory_bytes));
		table_cell(t, STYLE_FAINT, d->version);
	}
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	str_addf(&out, "\n%d NUMA node%s, L1 %s, ", m->numa_nodes, m->numa_nodes == 1 ? "" : "s", human_bytes(a, m->l1_bytes));
	str_addf(&out, "L2 %s a core, ", human_bytes(a, m->l2_bytes));
	str_addf(&out, "L3 %s; %s; %s\n", human_bytes(a, m->l3_bytes), h->clock, h->counters);
	if (h->opencl_count == 0)
		str_add(&out, "OpenCL: no device on this host\n");
	if (h->calibrated_count == 0)
		str_add(&out, "not calibrated yet: 'vibee-sim calibrate' makes a device of this host\n");
	for (size_t i = 0; i < h->calibrated_count; i++)
		str_addf(&out, "%s%s%s", i ? " " : "calibrated: ", h->calibrated[i], i + 1 == h->calibrated_count ? "\n" : "");
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static bool show_json(const struct here *h, const char *path, struct err *err)
{
	const struct machine *m = &h->machine;
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.here/1");
	json_object(&j, "cpu");
	json_text(&j, "name", m->cpu);
	json_text(&j, "vendor", m->vendor);
	json_int(&j, "packages", m->packages);
	json_int(&j, "cores", m->cores);
	json_int(&j, "numa_nodes", m->numa_nodes);
	json_number(&j, "clock_hz", m->clock_hz);
	json_number(&j, "l1_bytes", m->l1_bytes);
	json_number(&j, "l2_bytes", m->l2_bytes);
	json_number(&j, "l3_bytes", m->l3_bytes);
	json_number(&j, "memory_bytes", m->memory_bytes);
	json_text(&j, "instructions", m->instructions);
	json_end(&j);
	json_array(&j, "opencl");
	for (int i = 0; i < h->opencl_count; i++) {
		const struct opencl_device *d = &h->opencl[i];

		json_object(&j, NULL);
		json_text(&j, "name", d->name);
		json_text(&j, "vendor", d->vendor);
		json_text(&j, "platform", d->platform);
		json_text(&j, "version", d->version);
		json_text(&j, "type", type_name(d->type));
		json_int(&j, "units", d->units);
		json_number(&j, "clock_hz", d->clock_hz);
		json_number(&j, "memory_bytes", d->memory_bytes);
		json_number(&j, "local_bytes", d->local_bytes);
		json_end(&j);
	}
	json_end(&j);
	json_text(&j, "clock", h->clock);
	json_text(&j, "counters", h->counters);
	json_array(&j, "calibrated");
	for (size_t i = 0; i < h->calibrated_count; i++)
		json_text(&j, NULL, h->calibrated[i]);
	json_end(&j);
	json_end(&j);
	str_add(&out, "\n");
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

static bool devices_run(const struct call *call, struct err *err)
{
	static const char *kind[] = { "devices" };
	struct call list = *call;
	struct here *h;

	if (!call_flag(call, "here")) {
		list.command = &catalog_list;
		list.arguments = kind;
		list.argument_count = 1;
		return catalog_list.run(&list, err);
	}
	h = arena_alloc(call->arena, sizeof(*h));
	if (!h)
		return err_memory(err);
	if (!look(h, call->arena, err))
		return false;
	return call_text(call, "json") ? show_json(h, call_text(call, "json"), err) : show(h, err);
}

static const struct option devices_table[] = {
	{ .name = "here", .kind = OPTION_FLAG, .help = "what this host has: CPU packages, OpenCL devices, clock and counters, calibrated devices" },
	{ .name = "names", .kind = OPTION_FLAG, .help = "of the catalog: names alone, one a line" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "as JSON, units SI; - (or nothing): standard output" },
};
static const struct option_group devices_options = OPTION_GROUP("Options", devices_table);

const struct command catalog_devices = {
	.name = "devices", .summary = "the catalog's devices, or those of this host",
	.groups = (const struct option_group *const[]){ &devices_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim catalog devices --here", "what could be calibrated" }, { NULL, NULL } },
	.run = devices_run,
};
