#include "cli/groups.h"

#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "hardware/catalog.h"
#include "hardware/operator.h"

static const struct option model_table[] = {
	{ .name = "model", .word = "NAME", .path = "model.name", .words = WORDS_MODELS,
	  .help = "catalog name, Hugging Face id, config.json, XML file, or gpt:layers=24,hidden=1024,heads=16" },
	{ .name = "dtype", .word = "F", .path = "model.dtype", .words = WORDS_DTYPES, .fallback = "the model's own",
	  .help = "number format of weights and arithmetic" },
	{ .name = "kv-dtype", .word = "F", .path = "model.kv_dtype", .words = WORDS_DTYPES, .fallback = "16 bit",
	  .help = "number format of the key-value cache" },
	{ .name = "with", .word = "ID[:P=V,...]", .words = WORDS_TECHNIQUES,
	  .help = "apply a technique of the technology tree (repeatable)" },
};
const struct option_group model_options = OPTION_GROUP("Model", model_table);

static const struct option hardware_table[] = {
	{ .name = "device", .word = "NAME", .path = "hardware.device", .words = WORDS_DEVICES,
	  .help = "accelerator of the catalog, or an XML file" },
	{ .name = "system", .word = "NAME", .path = "hardware.system", .words = WORDS_SYSTEMS, .fallback = "one made for the device",
	  .help = "wired devices of the catalog, or an XML file" },
	{ .name = "stack", .word = "NAME", .path = "hardware.stack", .words = WORDS_STACKS, .fallback = "that of the scheduler",
	  .help = "serving software whose kernels and host time count" },
	{ .name = "host-overhead", .word = "T", .path = "hardware.host_overhead", .fallback = "default",
	  .help = "CPU time of a step: default, none, or seconds" },
	{ .name = "power-cap", .word = "W", .path = "hardware.power_cap_w", .fallback = "the device's limit",
	  .help = "power cap of a device, watts: clocks fall to keep it" },
	{ .name = "provider", .word = "NAME", .path = "hardware.provider", .fallback = "measured",
	  .help = "best source of operator times: measured, fitted or analytic" },
	{ .name = "correction", .word = "NAME", .path = "hardware.correction", .fallback = "none",
	  .help = "apply a correction that 'validate measured --fit NAME' made" },
};
const struct option_group hardware_options = OPTION_GROUP("Hardware", hardware_table);

static const struct option deployment_table[] = {
	{ .name = "tp", .word = "N", .path = "deployment.tp", .fallback = "1", .help = "tensor parallel degree" },
	{ .name = "pp", .word = "N", .path = "deployment.pp", .fallback = "1", .help = "pipeline parallel degree" },
	{ .name = "ep", .word = "N", .path = "deployment.ep", .fallback = "1", .help = "expert parallel degree" },
	{ .name = "cp", .word = "N", .path = "deployment.cp", .fallback = "1", .help = "context parallel degree" },
	{ .name = "replicas", .word = "N", .path = "deployment.replicas", .fallback = "1", .help = "copies of the model" },
	{ .name = "router", .word = "NAME", .path = "deployment.router", .words = WORDS_ROUTERS, .fallback = "round-robin",
	  .help = "how requests are spread over the copies" },
};
const struct option_group deployment_options = OPTION_GROUP("Deployment", deployment_table);

static const struct option scheduler_table[] = {
	{ .name = "scheduler", .word = "NAME", .path = "scheduler.name", .words = WORDS_SCHEDULERS, .fallback = "vllm",
	  .help = "batching policy" },
	{ .name = "max-num-seqs", .word = "N", .path = "scheduler.max_num_seqs", .fallback = "the scheduler's",
	  .help = "sequences in a batch" },
	{ .name = "max-num-batched-tokens", .word = "N", .path = "scheduler.max_num_batched_tokens",
	  .fallback = "the scheduler's", .help = "tokens in a batch" },
	{ .name = "block-size", .word = "N", .path = "scheduler.block_size", .fallback = "the scheduler's",
	  .help = "tokens in a cache block" },
	{ .name = "memory-utilization", .word = "F", .path = "scheduler.memory_utilization", .fallback = "the scheduler's",
	  .help = "share of device memory the engine may use" },
	{ .name = "kv-blocks", .word = "N", .path = "scheduler.kv_blocks", .fallback = "what memory leaves",
	  .help = "cache blocks of one copy" },
};
const struct option_group scheduler_options = OPTION_GROUP("Scheduler", scheduler_table);

static const struct option workload_table[] = {
	{ .name = "workload", .word = "NAME", .words = WORDS_WORKLOADS, .help = "traffic of the catalog, or an XML file" },
	{ .name = "trace", .word = "FILE", .words = WORDS_FILE, .help = "replay a request trace (gzip is fine)" },
	{ .name = "trace-format", .word = "NAME", .path = "workload.trace_format", .fallback = "auto",
	  .help = "auto, csv, azure, mooncake, burstgpt, vidur, sharegpt, vllm ..." },
	{ .name = "requests", .word = "N", .path = "workload.requests", .help = "stop after so many requests" },
	{ .name = "qps", .word = "F", .path = "workload.qps", .help = "mean arrival rate, requests a second" },
	{ .name = "concurrency", .word = "N", .path = "workload.concurrency",
	  .help = "closed loop: so many requests at any time" },
	{ .name = "seed", .word = "N", .path = "seed", .fallback = "1", .help = "of all random streams" },
};
const struct option_group workload_options = OPTION_GROUP("Workload", workload_table);

static const struct option scenario_table[] = {
	{ .name = "set", .word = "PATH=VALUE", .help = "set any attribute of the scenario (repeatable)" },
	{ .name = "slo", .word = "M=S,...", .help = "targets in seconds: ttft_p99=0.5,tpot_p99=0.05,e2e_p99=20; a miss: exit 1" },
	{ .name = "exact-steps", .path = "exact_steps", .kind = OPTION_FLAG, .help = "simulate every iteration as an event of its own" },
	{ .name = "threads", .word = "N", .kind = OPTION_INT, .least = 1, .most = 4096, .fallback = "all processors",
	  .help = "threads for work that can be split (studies); results do not depend on it" },
};
const struct option_group scenario_options = OPTION_GROUP("Scenario", scenario_table);

static const struct option output_table[] = {
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
	{ .name = "requests-csv", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "one CSV line a request" },
	{ .name = "chrome-trace", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "timeline for ui.perfetto.dev" },
	{ .name = "report", .word = "FILE.html", .words = WORDS_FILE, .output = true, .help = "self-contained HTML report" },
	{ .name = "quiet", .kind = OPTION_FLAG, .help = "no report on standard output, no progress" },
};
const struct option_group output_options = OPTION_GROUP("Output", output_table);

static const struct option store_table[] = {
	{ .name = "db", .word = "FILE", .words = WORDS_FILE, .fallback = "$VIBEE_SIM_DB or ~/.local/share/vibee-sim/runs.db",
	  .help = "database of runs" },
	{ .name = "no-store", .kind = OPTION_FLAG, .help = "do not keep the run" },
};
const struct option_group store_options = OPTION_GROUP("Database", store_table);

/* The option's value; NULL also when the command has no such option. */
static const char *given(const struct call *call, const char *name)
{
	return option_find(call->command, name) ? call_text(call, name) : NULL;
}

/* Setting one of these makes another one, that came from the file, void. */
static void settle_hardware(const struct call *call, struct scenario *sc)
{
	bool device = given(call, "device"), system = given(call, "system");

	if (system && !device)
		sc->hardware.device = NULL;    /* the system's own */
	if (device && !system)
		sc->hardware.system = NULL;
	if (given(call, "scheduler") && !given(call, "stack"))
		sc->hardware.stack = NULL;
}

/* --workload replaces the traffic of the file; --trace does, too, unless there is a --workload to read it with. */
static bool choose_workload(const struct call *call, struct scenario *sc, struct err *err)
{
	const char *name = given(call, "workload"), *trace = given(call, "trace");
	const char *chosen = name;

	for (size_t i = 0; i < call->setting_count; i++) {
		const char *value = call->settings[i].value;

		if (strcmp(call->settings[i].option->name, "set") == 0 && text_starts(value, "workload.name="))
			chosen = strchr(value, '=') + 1;
	}
	if ((chosen || trace) && !scenario_workload(sc, chosen, call->arena, err))
		return false;
	return !trace || schema_set(&scenario_element, sc, "workload.trace", trace, "--trace", call->arena, err);
}

static bool apply_set(struct scenario *sc, const char *text, struct arena *arena, struct err *err)
{
	const char *equals = strchr(text, '=');
	char *path;

	if (!equals || equals == text)
		return err_set(err, ERR_INPUT, "--set %s: expected PATH=VALUE, for example deployment.tp=4", text);
	path = arena_printf(arena, "%.*s", (int)(equals - text), text);
	if (!path)
		return err_memory(err);
	if (strcmp(path, "workload.name") == 0)
		return true;           /* choose_workload has read it */
	return schema_set(&scenario_element, sc, path, equals + 1, arena_printf(arena, "--set %s", text), arena, err);
}

/* Number formats have more names than the scenario's table knows: float16, half, nvfp4 ... */
static const char *plain_dtype(const char *text)
{
	int t = dtype_parse(text);

	return t < 0 ? text : dtype_names[t];
}

static bool apply(struct scenario *sc, const struct setting *s, struct arena *arena, struct err *err)
{
	const struct option *o = s->option;

	if (o->path)
		return schema_set(&scenario_element, sc, o->path, o->words == WORDS_DTYPES ? plain_dtype(s->value) : s->value,
				  arena_printf(arena, "--%s", o->name), arena, err);
	if (strcmp(o->name, "set") == 0)
		return apply_set(sc, s->value, arena, err);
	if (strcmp(o->name, "slo") == 0)
		return scenario_slo(sc, s->value, "--slo", arena, err);
	if (strcmp(o->name, "with") == 0)
		return scenario_with(sc, s->value, arena, err);
	return true;
}

struct scenario *scenario_from_call(const struct call *call, struct err *err)
{
	const char *path = call_argument(call, 0);
	struct scenario *sc;

	if (!path)
		path = "default";
	if (!paths_is_file(path) && strcmp(path, "-") != 0)
		path = catalog_find("sim/scenarios", "scenario", path, call->arena, err);
	sc = path ? scenario_load(path, call->arena, err) : NULL;
	return sc && scenario_change(sc, call, err) ? sc : NULL;
}

bool scenario_change(struct scenario *sc, const struct call *call, struct err *err)
{
	if (!choose_workload(call, sc, err))
		return false;
	settle_hardware(call, sc);
	for (size_t i = 0; i < call->setting_count; i++)
		if (!apply(sc, &call->settings[i], call->arena, err))
			return false;
	return true;
}
