/* vibee-sim calibrate: measures this host's kernels and makes a device of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "hardware/device.h"
#include "reports/table.h"
#include "validation/calibrate.h"

static void show(void *ctx, double share, const char *what)
{
	progress_show(ctx, share, what);
}

static void report_text(const struct calibrate_report *r, const char *folder, struct str *out)
{
	const struct machine *m = &r->machine;
	char a[32];

	str_addf(out, "%s: %d package%s, %d cores, %d NUMA node%s, L2 %s, ", m->cpu, m->packages, m->packages == 1 ? "" : "s", m->cores,
		 m->numa_nodes, m->numa_nodes == 1 ? "" : "s", human_bytes(a, m->l2_bytes));
	str_addf(out, "L3 %s, ", human_bytes(a, m->l3_bytes));
	str_addf(out, "memory %s, %s\n", human_bytes(a, m->memory_bytes), m->instructions);
	str_addf(out, "%zu points, %zu samples in %.0f s on %d thread%s; %zu visits found from an interrupted calibration\n", r->points, r->samples,
		 r->seconds, r->threads, r->threads == 1 ? "" : "s", r->resumed);
	str_addf(out, "%s; %s\n", r->clock, r->counters);
	str_addf(out, "median width of the 95 %% intervals %.1f %%; %.1f %% of samples set aside (another program ran); median pace %.2f (1 = undisturbed)\n",
		 100 * r->interval, 100 * (double)r->outliers / (double)r->samples, r->pace_median);
	str_addf(out, "pulse over the rounds: memory stream within %.0f %%, product within %.0f %%", 100 * r->stream_drift, 100 * r->product_drift);
	if (!isnan(r->stolen))
		str_addf(out, "; the host took %.2f %% of the processors' time away", 100 * r->stolen);
	str_add(out, "\n");
	if (r->drift_worst > 0.1)
		str_addf(out, "drift: the later half of some point's samples differs from the earlier by %.0f %%\n", 100 * r->drift_worst);
	str_addf(out, "memory %.1f GB/s", r->bandwidth_bytes_s / 1e9);
	for (int f = 0; f < KERNEL_FORMAT_COUNT; f++)
		if (r->peak_flop_s[f] > 0)
			str_addf(out, "; %s %.1f GFLOP/s", kernel_format_names[f], r->peak_flop_s[f] / 1e9);
	str_addf(out, "\nwritten: %s in %s\n", r->devices, folder);
}

static bool report_json(const struct calibrate_report *r, const char *folder, const char *path, struct err *err)
{
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.calibrate/1");
	json_text(&j, "cpu", r->machine.cpu);
	json_int(&j, "threads", r->threads);
	json_text(&j, "clock", r->clock);
	json_text(&j, "counters", r->counters);
	json_int(&j, "points", (int64_t)r->points);
	json_int(&j, "samples", (int64_t)r->samples);
	json_int(&j, "outliers", (int64_t)r->outliers);
	json_number(&j, "seconds", r->seconds);
	json_number(&j, "interval_median", r->interval);
	json_number(&j, "pace_median", r->pace_median);
	json_number(&j, "stolen_share", r->stolen);
	json_number(&j, "pulse_stream_drift", r->stream_drift);
	json_number(&j, "pulse_product_drift", r->product_drift);
	json_number(&j, "bandwidth_bytes_s", r->bandwidth_bytes_s);
	json_object(&j, "peak_flop_s");
	for (int f = 0; f < KERNEL_FORMAT_COUNT; f++)
		json_number(&j, kernel_format_names[f], r->peak_flop_s[f]);
	json_end(&j);
	json_text(&j, "folder", folder);
	json_text(&j, "devices", r->devices);
	json_end(&j);
	str_add(&out, "\n");
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

/* A name is a file's name. */
static bool good_name(const char *name, struct err *err)
{
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(name) || name[0] == '.' || strlen(name) > 64)
		return err_set(err, ERR_INPUT, "--name %s: expected lower-case letters, digits, hyphens and dots", name);
	return true;
}

static bool calibrate_run(const struct call *call, struct err *err)
{
	const char *out = call_text(call, "out"), *json = call_text(call, "json");
	struct progress progress;
	struct calibrate_report report;
	struct calibrate_options o = {
		.folder = out ? out : device_user_folder(call->arena, err), .name = call_text(call, "name") ? call_text(call, "name") : "here",
		.op = call_text(call, "op"), .quick = call_flag(call, "quick"), .all_variants = call_flag(call, "variants"),
		.no_cached = call_flag(call, "no-cached"), .fresh = call_flag(call, "fresh"), .threads = (int)call_int(call, "threads", 0), .rounds = (int)call_int(call, "rounds", 0),
		.progress = show, .ctx = &progress,
	};
	struct str text = { 0 };
	bool ok;

	if (!o.folder || !good_name(o.name, err))
		return false;
	o.budget_s = o.quick ? 25 : 270;
	progress_start(&progress, call_flag(call, "quiet"));
	ok = calibrate(&o, &report, call->arena, err);
	progress_end(&progress);
	if (!ok)
		return false;
	if (json)
		return report_json(&report, o.folder, json, err);
	report_text(&report, o.folder, &text);
	ok = paths_write_str("-", &text, err);
	str_release(&text);
	return ok;
}

static const struct option calibrate_table[] = {
	{ .name = "quick", .kind = OPTION_FLAG, .help = "a coarser grid, under a minute" },
	{ .name = "threads", .word = "N", .kind = OPTION_INT, .least = 1, .most = 4096, .fallback = "every core", .help = "threads that kernels use" },
	{ .name = "name", .word = "NAME", .fallback = "here", .help = "the device's name" },
	{ .name = "out", .word = "FOLDER", .words = WORDS_FILE, .fallback = "~/.local/share/vibee-sim/devices", .help = "writes NAME.xml and NAME/ there" },
	{ .name = "op", .word = "NAME", .fallback = "all", .help = "only kernels whose names begin so" },
	{ .name = "variants", .kind = OPTION_FLAG, .help = "every variant, each as a device of its own (NAME-avx2 ...)" },
	{ .name = "no-cached", .kind = OPTION_FLAG, .help = "NAME alone, without NAME-cached: half the time" },
	{ .name = "rounds", .word = "N", .kind = OPTION_INT, .least = 1, .most = 100, .fallback = "3; quick: 2", .help = "times that every point is visited" },
	{ .name = "fresh", .kind = OPTION_FLAG, .help = "do not go on with an interrupted calibration" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the summary as JSON; - (or nothing): standard output" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no progress" },
};
static const struct option_group calibrate_options_group = OPTION_GROUP("Options", calibrate_table);

extern const struct command command_calibrate;
const struct command command_calibrate = {
	.studies = true, .name = "calibrate", .summary = "measure this host's kernels and make a device of it",
	.details = "Times the kernels of kernels/ over a grid of shapes, in rounds of random order, and writes NAME.xml (a device for --device NAME or "
		   "--device FILE), NAME/vibee (measured tables), NAME/fits.xml (a fitted law) and NAME/samples.db (every sample, SQLite). NAME-cached is the "
		   "same host with a model small enough for its last-level cache. Before and after each sample the pace of the core is read: samples taken "
		   "while another program ran are set aside. An interrupted calibration goes on where it was.",
	.groups = (const struct option_group *const[]){ &calibrate_options_group, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim calibrate", "a few minutes; then: vibee-sim run --device here --model gpt:layers=12,hidden=768,heads=12" },
		{ "vibee-sim calibrate --quick --threads 1 --name one-core", "under a minute, one thread" },
		{ NULL, NULL } },
	.run = calibrate_run,
};
