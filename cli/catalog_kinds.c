#include "cli/catalog_kinds.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "hardware/catalog.h"
#include "hardware/device.h"
#include "hardware/operator.h"
#include "hardware/stack.h"
#include "hardware/training_stack.h"
#include "hardware/system.h"
#include "models/model.h"
#include "models/technique.h"
#include "sim/scenario.h"
#include "sim/train/job.h"
#include "sim/serve/router.h"
#include "sim/serve/scheduler.h"
#include "workloads/workload.h"

static void rate(struct facts *f, const char *key, double per_s, double unit, const char *format)
{
	char shown[32];

	snprintf(shown, sizeof(shown), format, per_s / unit);
	fact_number(f, key, per_s, shown);
}

static void whole(struct facts *f, const char *key, int64_t n)
{
	char shown[32];

	snprintf(shown, sizeof(shown), "%" PRId64, n);
	fact_number(f, key, (double)n, shown);
}

/* --- devices ---------------------------------------------------------------------------------------------------- */

static const void *load_device(const char *name, struct arena *arena, struct err *err)
{
	return device_load(name, arena, err);
}

static void device_facts(const void *entry, struct facts *f)
{
	const struct device *d = entry;
	const struct device_price *price = device_price(d, PRICE_ON_DEMAND);

	fact_text(f, "title", d->title);
	whole(f, "year", d->year);
	fact_text(f, "status", device_status_names[d->status]);
	rate(f, "memory_bytes", d->memory.bytes, 1e9, "%.0f");
	rate(f, "bandwidth_bytes_s", d->memory.bytes_s, 1e12, "%.2f");
	rate(f, "peak_bf16_flop_s", d->peak.flop_s[DTYPE_BF16], 1e12, "%.0f");
	rate(f, "peak_fp8_flop_s", d->peak.flop_s[DTYPE_FP8], 1e12, "%.0f");
	rate(f, "tdp_w", d->power.tdp_w, 1, "%.0f");
	rate(f, "usd_per_h", price ? price->usd_per_h : NAN, 1, "%.2f");
	fact_text(f, "simulatable", d->simulatable ? "yes" : d->reason);
}
static const char *const device_titles[] = { "title", ">year", "status", ">GB", ">TB/s", ">bf16 TFLOP/s", ">fp8", ">W", ">USD/h", "usable", NULL };

/* --- systems ---------------------------------------------------------------------------------------------------- */

static const void *load_system(const char *name, struct arena *arena, struct err *err)
{
	return system_load(name, arena, err);
}

static void system_facts(const void *entry, struct facts *f)
{
	const struct system *s = entry;

	fact_text(f, "title", s->title);
	fact_text(f, "device", s->device_name);
	whole(f, "devices_per_node", s->devices_per_node);
	whole(f, "nodes", s->nodes);
	whole(f, "domain", system_domain(s));
	fact_text(f, "topology", topology_names[s->scale_up.topology]);
	rate(f, "scale_up_bytes_s", s->scale_up.bytes_s, 1e9, "%.0f");
	rate(f, "scale_out_bytes_s", s->scale_out.bytes_s, 1e9, "%.1f");
}
static const char *const system_titles[] = { "title", "device", ">a node", ">nodes", ">domain", "wiring", ">GB/s in", ">GB/s out", NULL };

/* --- stacks ----------------------------------------------------------------------------------------------------- */

static const void *load_stack(const char *name, struct arena *arena, struct err *err)
{
	return stack_load(name, arena, err);
}

static void stack_facts(const void *entry, struct facts *f)
{
	const struct stack *s = entry;

	fact_text(f, "title", s->title);
	fact_text(f, "tables", s->tables);
	rate(f, "step_s", s->step_s, 1e-6, "%.0f");
	rate(f, "seq_s", s->seq_s, 1e-6, "%.1f");
	fact_text(f, "overlap", s->overlap ? "yes" : "no");
	whole(f, "graph_max_tokens", s->graph_max_tokens);
}
static const char *const stack_titles[] = { "title", "measured tables", ">us a step", ">us a sequence", "overlap", ">graph tokens", NULL };

/* --- training ----------------------------------------------------------------------------------------------------- */

static const void *load_training_stack(const char *name, struct arena *arena, struct err *err)
{
	return training_stack_load(name, arena, err);
}

static void training_stack_facts(const void *entry, struct facts *f)
{
	const struct training_stack *s = entry;

	fact_text(f, "title", s->title);
	rate(f, "dispatch_s", s->dispatch_s, 1e-6, "%.0f");
	fact_text(f, "attention", s->eager_attention ? "eager" : "flash");
	fact_text(f, "fused", s->fused ? "yes" : "no");
	rate(f, "tp_overlap", s->tp_overlap, 0.01, "%.0f");
	rate(f, "dp_overlap", s->dp_overlap, 0.01, "%.0f");
}
static const char *const training_stack_titles[] = { "title", ">us an operator", "attention", "fused", ">% tp hidden", ">% dp hidden", NULL };

static const void *load_job(const char *name, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("sim/jobs", "training job", name, arena, err);

	return path ? job_load(path, arena, err) : NULL;
}

static void job_facts(const void *entry, struct facts *f)
{
	const struct job *j = entry;

	fact_text(f, "title", j->title);
	fact_text(f, "model", j->model.name);
	fact_text(f, "hardware", j->hardware.system ? j->hardware.system : j->hardware.device);
	whole(f, "devices", j->hardware.devices);
	fact_text(f, "schedule", j->layout.schedule);
}
static const char *const job_titles[] = { "title", "model", "hardware", ">devices", "schedule", NULL };

/* --- models ----------------------------------------------------------------------------------------------------- */

static const void *load_model(const char *name, struct arena *arena, struct err *err)
{
	return model_load(name, arena, err);
}

static void model_facts(const void *entry, struct facts *f)
{
	const struct model *m = entry;
	struct model_counts c;
	char shown[32];

	model_parameters(m, &c);
	fact_text(f, "family", m->family);
	rate(f, "parameters", c.total, 1e9, "%.4g B");
	rate(f, "active_parameters", c.active, 1e9, "%.4g B");
	whole(f, "layers", m->shape.layers);
	whole(f, "hidden", m->shape.hidden);
	whole(f, "experts", m->moe.experts);
	fact_number(f, "kv_elements_per_token", c.kv_full + c.kv_window, human_count(shown, c.kv_full + c.kv_window));
	fact_number(f, "max_context", (double)m->shape.max_context, human_count(shown, (double)m->shape.max_context));
}
static const char *const model_titles[] = { "family", ">parameters", ">active", ">layers", ">hidden", ">experts", ">KV a token", ">context", NULL };

/* --- workloads -------------------------------------------------------------------------------------------------- */

static const void *load_workload(const char *name, struct arena *arena, struct err *err)
{
	return workload_load(name, arena, err);
}

static void workload_facts(const void *entry, struct facts *f)
{
	const struct workload *w = entry;

	fact_text(f, "title", w->title);
	fact_text(f, "arrivals", w->concurrency > 0 ? "closed loop" : arrival_names[w->arrivals.kind]);
	fact_text(f, "prompt", spread_names[w->prompt.kind]);
	fact_text(f, "output", spread_names[w->output.kind]);
	rate(f, "qps", workload_qps(w), 1, "%.3g");
	fact_text(f, "fitted_to", w->fit.trace);
}
static const char *const workload_titles[] = { "title", "arrivals", "prompts", "outputs", ">req/s", "fitted to", NULL };

/* --- scenarios -------------------------------------------------------------------------------------------------- */

static const void *load_scenario(const char *name, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("sim/scenarios", "scenario", name, arena, err);

	return path ? scenario_load(path, arena, err) : NULL;
}

static void scenario_facts(const void *entry, struct facts *f)
{
	const struct scenario *sc = entry;

	fact_text(f, "title", sc->title);
	fact_text(f, "model", sc->model.name);
	fact_text(f, "hardware", sc->hardware.system ? sc->hardware.system : sc->hardware.device);
	fact_text(f, "workload", sc->workload.name ? sc->workload.name : sc->workload.trace);
	fact_text(f, "scheduler", sc->scheduler.name);
	whole(f, "replicas", sc->deployment.replicas);
}
static const char *const scenario_titles[] = { "title", "model", "hardware", "workload", "scheduler", ">replicas", NULL };

/* --- techniques ------------------------------------------------------------------------------------------------- */

static const void *load_technique(const char *name, struct arena *arena, struct err *err)
{
	return technique_load(name, arena, err);
}

static void technique_facts(const void *entry, struct facts *f)
{
	const struct technique *t = entry;
	struct str params = { 0 };

	for (size_t i = 0; i < t->param_count; i++)
		str_addf(&params, "%s%s=%s", i ? "," : "", t->params[i].name, t->params[i].fallback);
	fact_text(f, "title", t->title);
	fact_text(f, "area", technique_area_names[t->area]);
	fact_text(f, "family", t->family);
	fact_text(f, "parameters", str_text(&params));
	str_release(&params);
}
static const char *const technique_titles[] = { "title", "area", "family", "parameters", NULL };

/* --- compiled in ------------------------------------------------------------------------------------------------ */

static const void *scheduler_item(size_t n, const char **name)
{
	*name = schedulers[n] ? schedulers[n]->name : NULL;
	return schedulers[n];
}

static void scheduler_facts(const void *entry, struct facts *f)
{
	const struct scheduler_ops *s = entry;

	fact_text(f, "help", s->help);
	fact_text(f, "stack", s->stack);
}
static const char *const scheduler_titles[] = { "policy", "stack", NULL };

static const void *router_item(size_t n, const char **name)
{
	*name = routers[n] ? routers[n]->name : NULL;
	return routers[n];
}

static void router_facts(const void *entry, struct facts *f)
{
	fact_text(f, "help", ((const struct router_ops *)entry)->help);
}
static const char *const help_titles[] = { "policy", NULL };

static const void *dtype_item(size_t n, const char **name)
{
	*name = n + 1 < DTYPE_COUNT ? dtype_names[n + 1] : NULL;
	return *name ? &dtype_names[n + 1] : NULL;
}

static void dtype_facts(const void *entry, struct facts *f)
{
	const char *const *at = entry;

	rate(f, "bytes", dtype_bytes((enum dtype)(at - dtype_names)), 1, "%.4g");
}
static const char *const dtype_titles[] = { ">bytes", NULL };

static const void *operator_item(size_t n, const char **name)
{
	*name = op_kind_names[n];
	return op_kind_names[n];
}

static void no_facts(const void *entry, struct facts *f)
{
	(void)entry;
	(void)f;
}
static const char *const no_titles[] = { NULL };

const struct kind kinds[] = {
	{ .name = "devices", .one = "device", .folder = "hardware/devices", .element = &device_element, .load = load_device,
	  .titles = device_titles, .facts = device_facts, .help = "accelerators, and hosts that compute" },
	{ .name = "systems", .one = "system", .folder = "hardware/systems", .element = &system_element, .load = load_system,
	  .titles = system_titles, .facts = system_facts, .help = "devices wired together" },
	{ .name = "models", .one = "model", .folder = "models/llm", .element = &model_element, .load = load_model,
	  .titles = model_titles, .facts = model_facts, .help = "language models" },
	{ .name = "workloads", .one = "workload", .folder = "workloads/catalog", .element = &workload_element, .load = load_workload,
	  .titles = workload_titles, .facts = workload_facts, .help = "request traffic" },
	{ .name = "scenarios", .one = "scenario", .folder = "sim/scenarios", .element = &scenario_element, .load = load_scenario,
	  .titles = scenario_titles, .facts = scenario_facts, .help = "examples, ready to run" },
	{ .name = "stacks", .one = "stack", .folder = "hardware/stacks", .element = &stack_element, .load = load_stack,
	  .titles = stack_titles, .facts = stack_facts, .help = "serving software: host time, whose kernels" },
	{ .name = "training-stacks", .one = "training-stack", .folder = "hardware/training_stacks", .element = &training_stack_element,
	  .load = load_training_stack, .titles = training_stack_titles, .facts = training_stack_facts, .help = "training software: fusion, host time, overlap" },
	{ .name = "jobs", .one = "training", .folder = "sim/jobs", .element = &job_element, .load = load_job, .titles = job_titles,
	  .facts = job_facts, .help = "training jobs, ready to run" },
	{ .name = "schedulers", .one = "scheduler", .titles = scheduler_titles, .facts = scheduler_facts, .item = scheduler_item,
	  .help = "batching policies" },
	{ .name = "routers", .one = "router", .titles = help_titles, .facts = router_facts, .item = router_item,
	  .help = "policies that spread requests over replicas" },
	{ .name = "techniques", .one = "technique", .folder = "models/techniques", .element = &technique_element, .load = load_technique,
	  .names = technique_names, .path = technique_path, .titles = technique_titles, .facts = technique_facts,
	  .help = "modules of the technology tree" },
	{ .name = "dtypes", .one = "dtype", .titles = dtype_titles, .facts = dtype_facts, .item = dtype_item, .help = "number formats" },
	{ .name = "operators", .one = "operator", .titles = no_titles, .facts = no_facts, .item = operator_item,
	  .help = "kinds of operators that `op` prices" },
	{ .name = NULL },
};

const struct kind *kind_find(const char *name)
{
	for (const struct kind *k = kinds; k->name; k++)
		if (text_equal(k->name, name) || text_equal(k->one, name))
			return k;
	return NULL;
}

const struct kind *kind_require(const char *name, struct err *err)
{
	const struct kind *found = kind_find(name);
	const char *names[16], *near;
	struct str all = { 0 };
	size_t n = 0;

	if (found)
		return found;
	for (const struct kind *k = kinds; k->name && n < COUNT_OF(names); k++) {
		names[n++] = k->name;
		str_addf(&all, " %s", k->name);
	}
	near = text_nearest(name, names, n);
	err_set(err, ERR_INPUT, "catalog '%s': expected one of%s%s%s%s", name, str_text(&all), near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "");
	str_release(&all);
	return NULL;
}

const char *const *kind_names(const struct kind *kind, size_t *count, struct arena *arena, struct err *err)
{
	const char **names, *name;
	size_t n = 0;

	if (kind->names)
		return kind->names(count, arena, err);
	if (kind->folder)
		return catalog_names(kind->folder, count, arena, err);
	while (kind->item(n, &name) && name)
		n++;
	names = arena_alloc(arena, (n + 1) * sizeof(*names));
	if (!names) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		kind->item(i, &names[i]);
	*count = n;
	return names;
}

const void *kind_load(const struct kind *kind, const char *name, struct arena *arena, struct err *err)
{
	const char *names[64], *near;
	const void *item = NULL;
	size_t n = 0;

	if (kind->load)
		return kind->load(name, arena, err);
	while (kind->item && n < COUNT_OF(names) && (item = kind->item(n, &names[n])) && names[n]) {
		if (text_equal(names[n], name))
			return item;
		n++;
	}
	near = text_nearest(name, names, n);
	if (near)
		err_set(err, ERR_INPUT, "unknown %s '%s': did you mean '%s'?", kind->one, name, near);
	else
		err_set(err, ERR_INPUT, "unknown %s '%s': 'vibee-sim catalog list %s' lists them", kind->one, name, kind->name);
	return NULL;
}

const char *kind_path(const struct kind *kind, const char *name, struct arena *arena, struct err *err)
{
	if (kind->path)
		return kind->path(name, arena, err);
	if (kind->folder)
		return catalog_find(kind->folder, kind->one, name, arena, err);
	err_set(err, ERR_INPUT, "%s '%s' is compiled in: it has no XML file", kind->one, name);
	return NULL;
}
