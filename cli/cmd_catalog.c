/* vibee-sim catalog: list, show, check and import devices, systems, models, workloads ... */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/paths.h"
#include "cli/catalog_check.h"
#include "cli/options.h"
#include "hardware/device.h"
#include "hardware/power_fit.h"
#include "hardware/profile_import.h"
#include "hardware/catalog.h"
#include "models/model.h"
#include "reports/table.h"

/* --- show --------------------------------------------------------------------------------------------------------- */

static void show_attribute(const char *path, const struct field *field, const char *value, void *ctx)
{
	struct table *t = ctx;

	if (*value == '\0' || (field->fallback && strcmp(field->fallback, value) == 0))
		return;
	table_cell(t, STYLE_PLAIN, path);
	table_cell(t, STYLE_STRONG, value);
	table_cell(t, STYLE_FAINT, field->help);
}

static void show_model_counts(const struct model *m, struct str *out)
{
	struct model_counts c;
	char a[32], b[32], d[32];

	model_parameters(m, &c);
	str_addf(out, "\nrecomputed: %s parameters, %s active; %s cache elements a token\n", human_count(a, c.total),
		 human_count(b, c.active), human_count(d, c.kv_full + c.kv_window));
}

static bool show_entry(const struct kind *kind, const char *name, struct arena *arena, struct err *err)
{
	static const struct table_column columns[] = { { "attribute", false }, { "value", false }, { "what it is", false } };
	const void *entry = kind_load(kind, name, arena, err);
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	struct table *t;
	bool ok;

	if (!entry)
		return false;
	t = table_new(columns, COUNT_OF(columns));
	if (!t)
		return err_memory(err);
	if (!isatty(STDOUT_FILENO))
		term.width = 200;
	schema_each(kind->element, entry, show_attribute, t);
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	if (ok && strcmp(kind->one, "model") == 0)
		show_model_counts(entry, &out);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static bool show_xml(const struct kind *kind, const char *name, struct arena *arena, struct err *err)
{
	const char *path = kind_path(kind, name, arena, err);
	size_t length;
	char *text = path ? paths_read(path, 1 << 24, &length, err) : NULL;
	bool ok = text && paths_write("-", text, length, err);

	mem_free(text);
	return ok;
}

/* The kind that knows this name; with several, the first in the order of `catalog list`. */
static const struct kind *kind_of_name(const char *name, struct arena *arena, struct err *err)
{
	const char *near[1024], *best;
	size_t n = 0, count;

	for (const struct kind *k = kinds; k->name; k++) {
		struct err ignored = { 0 };
		const char *const *names;

		if (k->element && kind_path(k, name, arena, &ignored) && !strchr(name, '/'))
			return k;
		names = k->element ? kind_names(k, &count, arena, &ignored) : NULL;
		for (size_t i = 0; names && i < count && n < COUNT_OF(near); i++)
			near[n++] = names[i];
	}
	best = text_nearest(name, near, n);
	if (best)
		err_set(err, ERR_INPUT, "no catalog entry '%s'; did you mean '%s'?", name, best);
	else
		err_set(err, ERR_INPUT, "no catalog entry '%s'; 'vibee-sim catalog list KIND' lists them", name);
	return NULL;
}

static bool show_run(const struct call *call, struct err *err)
{
	const char *first = call_argument(call, 0), *name = call_argument(call, 1);
	const struct kind *kind;

	if (name)
		kind = kind_require(first, err);
	else if (strchr(first, '/') || text_ends(first, ".xml"))
		kind = check_kind_of(first, err);
	else
		kind = kind_of_name(first, call->arena, err);
	if (!kind)
		return false;
	name = name ? name : first;
	if (kind->item) {
		const void *item = kind_load(kind, name, call->arena, err);

		if (item)
			printf("%s '%s' is compiled in; 'vibee-sim catalog list %s' says what it does\n", kind->one, name, kind->name);
		return item != NULL;
	}
	if (!kind->element)
		return err_set(err, ERR_INPUT, "unknown %s '%s': 'vibee-sim catalog list %s' lists them", kind->one, name, kind->name);
	return call_flag(call, "xml") ? show_xml(kind, name, call->arena, err) : show_entry(kind, name, call->arena, err);
}

static const struct option show_table[] = {
	{ .name = "xml", .kind = OPTION_FLAG, .help = "the file as it is" },
};
static const struct option_group show_options = OPTION_GROUP("Options", show_table);
const struct command catalog_show = {
	.name = "show", .summary = "every figure of one entry", .arguments = "[KIND] NAME", .arguments_least = 1, .arguments_most = 2,
	.words = WORDS_KINDS, .groups = (const struct option_group *const[]){ &show_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim catalog show h100", "figures and where they come from" },
		{ "vibee-sim catalog show models llama-3.1-8b --xml", "the file, to start one of your own" },
		{ NULL, NULL } },
	.run = show_run,
};

/* --- check -------------------------------------------------------------------------------------------------------- */

static bool check_run(const struct call *call, struct err *err)
{
	struct str out = { 0 };
	struct check c = { .out = &out };
	const struct kind *kind;
	bool ok = true;

	for (size_t i = 0; ok && i < call->argument_count; i++) {
		const char *name = call->arguments[i];

		if ((kind = kind_find(name)) && kind->element)
			check_kind(&c, kind);
		else if ((kind = check_kind_of(name, err)))
			check_file(&c, kind, NULL, name);
		else
			ok = false;
	}
	if (call->argument_count == 0) {
		for (kind = kinds; kind->name; kind++)
			if (kind->element)
				check_kind(&c, kind);
		check_tables(&c);
	}
	if (ok) {
		str_addf(&out, "%zu entries checked, %zu problem%s\n", c.entries, c.problems, c.problems == 1 ? "" : "s");
		ok = paths_write_str("-", &out, err);
	}
	str_release(&out);
	if (ok && c.problems)
		return err_set(err, ERR_CHECK, "catalog: %zu problem%s", c.problems, c.problems == 1 ? "" : "s");
	return ok;
}

static const struct command catalog_check = {
	.name = "check", .summary = "check files against their schema and load them", .arguments = "[KIND|FILE.xml ...]",
	.arguments_most = 10000, .words = WORDS_FILE,
	.details = "Validates each XML file against the RELAX NG schema of its kind, loads it as the simulator does, recomputes parameter "
		   "counts of models, looks for names claimed twice and reads every measured table. One line a problem; exit status 1 when "
		   "there are some. Without arguments: everything.",
	.examples = (const struct example[]){
		{ "vibee-sim catalog check", "all catalogs" }, { "vibee-sim catalog check my-device.xml", "a file of your own" }, { NULL, NULL } },
	.run = check_run,
};

/* --- import ------------------------------------------------------------------------------------------------------- */

static bool import_run(const struct call *call, struct err *err)
{
	const char *path = call_argument(call, 0), *out = call_text(call, "out"), *name = call_text(call, "name");
	const struct model *m = model_load(path, call->arena, err);
	struct model_counts c;
	struct model copy;
	struct str xml = { 0 };
	char a[32], b[32];
	bool ok;

	if (!m)
		return false;
	copy = *m;
	if (name)
		copy.name = name;
	model_write_xml(&copy, &xml);
	ok = paths_write_str(out ? out : "-", &xml, err);
	str_release(&xml);
	if (!ok)
		return false;
	for (size_t i = 0; i < m->note_count; i++)
		fprintf(stderr, "vibee-sim: note: %s\n", m->notes[i]);
	model_parameters(m, &c);
	if (out && strcmp(out, "-") != 0)
		printf("%s: %s parameters, %s active -> %s\n", copy.name, human_count(a, c.total), human_count(b, c.active), out);
	return true;
}

static const struct option import_table[] = {
	{ .name = "out", .word = "FILE.xml", .words = WORDS_FILE, .output = true, .fallback = "standard output", .help = "where to write the model" },
	{ .name = "name", .word = "NAME", .fallback = "from the file", .help = "what to call it" },
};
static const struct option_group import_options = OPTION_GROUP("Options", import_table);
static const struct command catalog_import = {
	.name = "import", .summary = "make a model of a Hugging Face config.json", .arguments = "config.json", .arguments_least = 1,
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "Reads the architecture and, from hf_quant_config.json beside it, number formats. Fields that are not used are named on "
		   "standard error. A config.json can also be given to --model directly.",
	.groups = (const struct option_group *const[]){ &import_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim catalog import config.json --name my-model --out my-model.xml", "then: vibee-sim run --model my-model.xml" }, { NULL, NULL } },
	.run = import_run,
};

/* --- import-profile ------------------------------------------------------------------------------------------------ */

static bool print_import(const struct profile_import_report *r, struct err *err)
{
	static const struct table_column columns[] = { { "stack", false }, { "operator", false }, { "rows", true }, { "kept", true },
						       { "sites", true }, { "bytes", true }, { "between, median", true }, { "p90", true },
						       { "left-out site, median", true } };
	struct term term = term_detect(STDOUT_FILENO);
	struct table *t = table_new(columns, COUNT_OF(columns));
	struct str out = { 0 };
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < r->table_count; i++) {
		const struct profile_table_report *p = &r->tables[i];
		char a[32];

		table_cell(t, STYLE_PLAIN, p->stack);
		table_cell(t, STYLE_STRONG, p->op);
		table_cellf(t, STYLE_PLAIN, "%zu", p->rows_full);
		table_cellf(t, STYLE_PLAIN, "%zu", p->rows_kept);
		table_cellf(t, STYLE_PLAIN, "%zu", p->sites);
		table_cell(t, STYLE_PLAIN, human_bytes(a, (double)p->bytes));
		table_cellf(t, STYLE_PLAIN, "%.2f %%", 100 * p->between_median);
		table_cellf(t, STYLE_PLAIN, "%.2f %%", 100 * p->between_p90);
		table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * p->site_median);
	}
	ok = table_print(t, &term, 0, &out, err);
	table_free(t);
	str_addf(&out, "\n%zu rows read from %zu files = %zu kept + %zu thinned + %zu merged + %zu dropped\n", r->rows_read, r->files,
		 r->rows_kept, r->rows_thinned, r->rows_merged, r->rows_dropped);
	for (size_t i = 0; i < r->reasons; i++)
		str_addf(&out, "  dropped %zu: %s\n", r->dropped[i].rows, r->dropped[i].reason);
	ok = ok && paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static bool import_profile_run(const struct call *call, struct err *err)
{
	const char *format = call_text(call, "format"), *device = call_text(call, "device"), *out = call_text(call, "out");
	struct profile_import_options o = {
		.path = call_argument(call, 0), .stack = call_text(call, "stack"), .source = call_text(call, "source"),
		.licence = call_text(call, "licence"), .tolerance = call_number(call, "tolerance", 0),
	};
	struct profile_import_report *report = arena_alloc(call->arena, sizeof(*report));
	const struct device *d;
	int f = 0;

	if (!report)
		return err_memory(err);
	if (!device)
		return err_set(err, ERR_INPUT, "--device: missing; expected the device that was measured");
	while (format && profile_format_names[f] && strcmp(profile_format_names[f], format) != 0)
		f++;
	if (format && !profile_format_names[f])
		return err_set(err, ERR_INPUT, "--format %s: expected auto, vidur, aiconfigurator or vibee", format);
	d = device_load(device, call->arena, err);
	o.out_folder = out ? out : d ? paths_data("hardware/tables", call->arena, err) : NULL;
	if (!d || !o.out_folder)
		return false;
	o.format = (enum profile_format)f;
	o.device = d->name;
	memcpy(o.limits.peak_flop_s, d->peak.flop_s, sizeof(o.limits.peak_flop_s));
	o.limits.bandwidth_bytes_s = device_bandwidth(d);
	return profile_import(&o, report, err) && print_import(report, err);
}

static const struct option profile_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .help = "the device that was measured" },
	{ .name = "stack", .word = "NAME", .words = WORDS_STACKS, .fallback = "from the file name", .help = "the software that was measured" },
	{ .name = "format", .word = "NAME", .fallback = "auto", .help = "vidur, aiconfigurator, or vibee (the columns of op, with seconds)" },
	{ .name = "out", .word = "FOLDER", .words = WORDS_FILE, .fallback = "hardware/tables", .help = "writes DEVICE/STACK/OP.csv below it" },
	{ .name = "source", .word = "TEXT", .help = "where the figures come from, for the header" },
	{ .name = "licence", .word = "TEXT", .help = "their licence, for the header" },
	{ .name = "tolerance", .word = "F", .kind = OPTION_NUMBER, .least = 0, .most = 0.5, .fallback = "0.03", .help = "leave out rows nearer than this to their interpolation" },
};
extern const struct command catalog_fit;       /* catalog_fit.c */

static const struct option_group profile_options = OPTION_GROUP("Options", profile_table);
static const struct command catalog_import_profile = {
	.name = "import-profile", .summary = "turn measured operator times into tables", .arguments = "FILE|FOLDER", .arguments_least = 1,
	.arguments_most = 1, .words = WORDS_FILE, .groups = (const struct option_group *const[]){ &profile_options, NULL },
	.examples = (const struct example[]){ { "vibee-sim catalog import-profile profiles/ --device a100 --stack vidur --out tables", "every CSV in a folder" }, { NULL, NULL } },
	.run = import_profile_run,
};

/* --- fit-power ----------------------------------------------------------------------------------------------------- */

static bool fit_power_run(const struct call *call, struct err *err)
{
	const char *name = call_text(call, "device");
	const struct device *d = name ? device_load_usable(name, call->arena, err) : NULL;
	struct power_point *points = NULL;
	struct power_fit f;
	size_t count = 0;
	bool ok = d != NULL;

	if (!name)
		return err_set(err, ERR_INPUT, "--device: expected the device whose power was measured");
	for (size_t i = 0; ok && i < call->argument_count; i++)
		ok = power_read(call_argument(call, i), d, &points, &count, err);
	ok = ok && power_fit(d, points, count, call_number(call, "busy-w", 0), &f, err);
	if (ok)
		printf("%s: %zu points, %zu cells fitted, %zu cells of other shapes left out: median error %.1f %%, P90 %.1f %%\n"
		       "the law in the catalog: %.1f %%, %.1f %%\n"
		       "<power busy_w=\"%.0f\" memory_w=\"%.0f\" compute_w=\"%.0f\"/>\n",
		       d->name, f.points, f.cells, f.cells_left_out, 100 * f.median, 100 * f.p90,
		       100 * f.present_median, 100 * f.present_p90, f.busy_w, f.memory_w, f.compute_w);
	mem_free(points);
	return ok;
}

static const struct option fit_power_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .help = "the device whose board power was measured" },
	{ .name = "busy-w", .word = "W", .kind = OPTION_NUMBER, .least = 0, .most = 1e6, .fallback = "0", .help = "power of running kernels that do next to nothing; 0 = fitted" },
};
static const struct option_group fit_power_options = OPTION_GROUP("Options", fit_power_table);
static const struct command catalog_fit_power = {
	.name = "fit-power", .summary = "fit the power law to measured board power", .arguments = "FILE...", .arguments_least = 1,
	.arguments_most = 16, .words = WORDS_FILE, .groups = (const struct option_group *const[]){ &fit_power_options, NULL },
	.details = "Reads columns compute,memory,watts (shares of peak), or gemm_dtype,m,n,k,latency_us,power_w, fits half of the shapes "
		   "and states the error on the other half. Prints the attributes for the device's file.",
	.examples = (const struct example[]){ { "vibee-sim catalog fit-power gemm.csv --device h200", "watts of kernels measured in a loop" }, { NULL, NULL } },
	.run = fit_power_run,
};

/* --- schema, reference --------------------------------------------------------------------------------------------- */

static bool write_schema(const struct call *call, void (*write)(const struct element *root, struct str *out), struct err *err)
{
	const char *name = call_argument(call, 0);
	struct str out = { 0 };
	const struct kind *only = name ? kind_require(name, err) : NULL;
	bool ok;

	if (name && !only)
		return false;
	if (only && !only->element)
		return err_set(err, ERR_INPUT, "%s have no XML schema; expected devices, systems, models, workloads, scenarios or stacks", only->name);
	for (const struct kind *k = kinds; k->name; k++)
		if (k->element && (!only || only == k))
			write(k->element, &out);
	ok = paths_write_str("-", &out, err);
	str_release(&out);
	return ok;
}

static bool schema_run(const struct call *call, struct err *err)
{
	return write_schema(call, schema_write_rng, err);
}

static bool reference_run(const struct call *call, struct err *err)
{
	return write_schema(call, schema_write_reference, err);
}

static const struct command catalog_schema = {
	.name = "schema", .summary = "the RELAX NG schema of a kind of file", .arguments = "KIND", .arguments_least = 1, .arguments_most = 1,
	.words = WORDS_KINDS,
	.examples = (const struct example[]){ { "vibee-sim catalog schema devices > device.rng", "for an editor, or xmllint --relaxng" }, { NULL, NULL } },
	.run = schema_run,
};
static const struct command catalog_reference = {
	.name = "reference", .summary = "every element and attribute, as Markdown", .arguments = "[KIND]", .arguments_most = 1, .words = WORDS_KINDS,
	.examples = (const struct example[]){ { "vibee-sim catalog reference scenarios", "what a scenario file, and --set, can say" }, { NULL, NULL } },
	.run = reference_run,
};

extern const struct command catalog_list, catalog_devices;
const struct command command_catalog = {
	.name = "catalog", .summary = "list, show, check and import devices, systems, models, workloads",
	.parts = (const struct command *const[]){ &catalog_list, &catalog_devices, &catalog_show, &catalog_check, &catalog_import,
						  &catalog_import_profile, &catalog_fit, &catalog_fit_power,
						  &catalog_schema, &catalog_reference, NULL },
	.examples = (const struct example[]){ { "vibee-sim catalog list models", "what --model takes" }, { NULL, NULL } },
};
