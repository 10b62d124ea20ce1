#include "cli/train_options.h"

#include <string.h>

#include "base/paths.h"
#include "base/str.h"
#include "hardware/catalog.h"
#include "hardware/operator.h"

static const struct option model_table[] = {
	{ .name = "model", .word = "NAME", .path = "model.name", .words = WORDS_MODELS, .help = "catalog name, Hugging Face id, config.json, XML file, or gpt:layers=24,hidden=1024,heads=16" },
	{ .name = "dtype", .word = "F", .path = "model.dtype", .words = WORDS_DTYPES, .fallback = "bf16", .help = "format of the matrix products" },
	{ .name = "device", .word = "NAME", .path = "hardware.device", .words = WORDS_DEVICES, .help = "accelerator of the catalog, or an XML file" },
	{ .name = "system", .word = "NAME", .path = "hardware.system", .words = WORDS_SYSTEMS, .fallback = "one made for the device", .help = "wired devices of the catalog, or an XML file" },
	{ .name = "devices", .word = "N", .path = "hardware.devices", .fallback = "tp pp cp dp", .help = "devices of the job" },
	{ .name = "stack", .word = "NAME", .path = "hardware.stack", .words = WORDS_TRAINING_STACKS, .fallback = "megatron", .help = "training software: megatron, megatron-2022, fsdp, torchtitan, maxtext, neuron, or an XML file" },
	{ .name = "provider", .word = "NAME", .path = "hardware.provider", .fallback = "measured", .help = "best source of operator times: measured, fitted or analytic" },
	{ .name = "with", .word = "ID[:P=V,...]", .words = WORDS_TECHNIQUES, .help = "apply a technique of the technology tree (repeatable)" },
};
const struct option_group job_model_options = OPTION_GROUP("Model and hardware", model_table);

static const struct option layout_table[] = {
	{ .name = "tp", .word = "N", .path = "layout.tp", .fallback = "1", .help = "tensor parallel degree" },
	{ .name = "pp", .word = "N", .path = "layout.pp", .fallback = "1", .help = "pipeline stages" },
	{ .name = "vp", .word = "N", .path = "layout.vp", .fallback = "1", .help = "chunks a stage (interleaving)" },
	{ .name = "cp", .word = "N", .path = "layout.cp", .fallback = "1", .help = "context parallel degree" },
	{ .name = "ep", .word = "N", .path = "layout.ep", .fallback = "1", .help = "expert parallel degree" },
	{ .name = "etp", .word = "N", .path = "layout.etp", .fallback = "1 with ep", .help = "tensor ranks of an expert" },
	{ .name = "dp", .word = "N", .path = "layout.dp", .fallback = "what the devices leave", .help = "data parallel degree" },
	{ .name = "zero", .word = "N", .path = "layout.zero", .fallback = "1", .help = "sharded over data ranks: 0 nothing, 1 optimizer, 2 gradients, 3 weights (FSDP)" },
	{ .name = "shard", .word = "N", .path = "layout.shard", .fallback = "all", .help = "ranks of a sharding group (HSDP: fewer than all)" },
	{ .name = "schedule", .word = "NAME", .path = "layout.schedule", .fallback = "1f1b", .help = "gpipe, 1f1b, interleaved, zb-h1, zb-h2, zb-v or dualpipe" },
	{ .name = "recompute", .word = "HOW", .path = "layout.recompute", .fallback = "none", .help = "none, elementwise, selective or full" },
	{ .name = "recompute-layers", .word = "N", .path = "layout.recompute_layers", .fallback = "all", .help = "full recomputation of the first N layers of a stage (of each chunk) only" },
	{ .name = "sequence-parallel", .word = "yes|no", .path = "layout.sequence_parallel", .fallback = "with tp", .help = "norms over the tensor ranks" },
	{ .name = "offload-optimizer", .path = "layout.offload_optimizer", .kind = OPTION_FLAG, .help = "optimizer state and step in host memory" },
};
const struct option_group job_layout_options = OPTION_GROUP("Layout", layout_table);

static const struct option batch_table[] = {
	{ .name = "global-batch", .word = "N", .path = "batch.global", .fallback = "512", .help = "sequences a step" },
	{ .name = "micro-batch", .word = "N", .path = "batch.micro", .fallback = "1", .help = "sequences a micro-batch" },
	{ .name = "sequence", .word = "N", .path = "batch.sequence", .fallback = "4096", .help = "tokens of a sequence" },
	{ .name = "tokens", .word = "N", .path = "batch.tokens", .help = "tokens of the whole job: hours, cost and failures are of these" },
	{ .name = "target-loss", .word = "F", .path = "batch.target_loss", .help = "as many tokens as the scaling law asks for" },
	{ .name = "law", .word = "NAME", .path = "batch.law", .fallback = "chinchilla-refit", .help = "chinchilla-refit, chinchilla-2022 or data-constrained" },
	{ .name = "optimizer", .word = "NAME", .path = "optimizer.name", .fallback = "adamw", .help = "adamw, adamw-8bit, sgd, sgd-momentum or adafactor" },
	{ .name = "adapter", .word = "NAME", .path = "model.adapter", .help = "train adapters beside a frozen base: lora or lora-all" },
	{ .name = "mtp", .word = "N", .path = "model.mtp", .fallback = "0", .help = "modules of multi-token prediction that are trained with the model" },
	{ .name = "adapter-rank", .word = "N", .path = "model.adapter_rank", .fallback = "16", .help = "their rank" },
	{ .name = "trainable", .word = "F", .path = "model.trainable", .fallback = "1", .help = "share of the weights that are trained, the rest frozen" },
};
const struct option_group job_batch_options = OPTION_GROUP("Batch and optimizer", batch_table);

static const struct option run_table[] = {
	{ .name = "mtbf-h", .word = "F", .path = "run.mtbf_h", .fallback = "50677", .help = "mean hours between failures of one device" },
	{ .name = "recovery", .word = "S", .path = "run.recovery_s", .fallback = "300", .help = "seconds from a failure to the first new step" },
	{ .name = "trials", .word = "N", .path = "run.trials", .fallback = "200", .help = "Monte Carlo runs of the failures" },
	{ .name = "seed", .word = "N", .path = "seed", .fallback = "1", .help = "of all random streams" },
	{ .name = "set", .word = "PATH=VALUE", .help = "set any attribute of the job (repeatable)" },
};
const struct option_group job_run_options = OPTION_GROUP("Weeks", run_table);

static const char *plain_dtype(const char *text)
{
	int t = dtype_parse(text);

	return t < 0 ? text : dtype_names[t];
}

static bool apply_set(struct job *job, const char *text, struct arena *arena, struct err *err)
{
	const char *equals = strchr(text, '=');
	char *path;

	if (!equals || equals == text)
		return err_set(err, ERR_INPUT, "--set %s: expected PATH=VALUE, for example layout.tp=4", text);
	path = arena_printf(arena, "%.*s", (int)(equals - text), text);
	return path ? schema_set(&job_element, job, path, equals + 1, arena_printf(arena, "--set %s", text), arena, err) : err_memory(err);
}

/* "ID" or "ID:param=value,..." */
static bool apply_with(struct job *job, const char *text, struct arena *arena, struct err *err)
{
	const char *colon = strchr(text, ':');
	char *path = arena_printf(arena, "technique.%zu.id", job->technique_count);
	char *id = arena_printf(arena, "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);

	if (!path || !id)
		return err_memory(err);
	if (!schema_set(&job_element, job, path, id, "--with", arena, err))
		return false;
	path = arena_printf(arena, "technique.%zu.params", job->technique_count - 1);
	return !colon || (path && schema_set(&job_element, job, path, colon + 1, "--with", arena, err));
}

bool job_techniques(struct job *job, const char *text, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, text), *save = NULL;

	job->techniques = NULL, job->technique_count = 0;
	if (!copy)
		return err_memory(err);
	for (char *one = strtok_r(copy, "+", &save); one; one = strtok_r(NULL, "+", &save))
		if (strcmp(one, "none") != 0 && !apply_with(job, one, arena, err))
			return false;
	return true;
}

static bool apply(struct job *job, const struct option *o, const char *value, struct arena *arena, struct err *err)
{
	if (o->path)
		return schema_set(&job_element, job, o->path, o->words == WORDS_DTYPES ? plain_dtype(value) : value, arena_printf(arena, "--%s", o->name), arena, err);
	if (strcmp(o->name, "set") == 0)
		return apply_set(job, value, arena, err);
	if (strcmp(o->name, "with") == 0)
		return apply_with(job, value, arena, err);
	return true;
}

static struct job *named_job(const char *path, struct arena *arena, struct err *err)
{
	if (!path)
		return job_new(arena, err);
	if (!paths_is_file(path) && strcmp(path, "-") != 0)
		path = catalog_find("sim/jobs", "training job", path, arena, err);
	return path ? job_load(path, arena, err) : NULL;
}

static struct job *changed_job(const struct call *call, const char *path, struct err *err)
{
	struct job *job = named_job(path, call->arena, err);
	bool device = false, system = false;

	for (size_t i = 0; i < call->setting_count; i++) {
		device |= strcmp(call->settings[i].option->name, "device") == 0;
		system |= strcmp(call->settings[i].option->name, "system") == 0;
	}
	if (job && device && !system)
		job->hardware.system = NULL;
	if (job && system && !device)
		job->hardware.device = NULL;
	for (size_t i = 0; job && i < call->setting_count; i++) {
		const struct setting *s = &call->settings[i];
		const struct option *o = option_find(&command_train, s->option->name);

		if (!o && s->option->path) {
			err_set(err, ERR_INPUT, "--%s: not of a training job; expected options of 'vibee-sim train', or --set PATH=VALUE", s->option->name);
			return NULL;
		}
		if (o && !apply(job, o, s->value, call->arena, err))
			return NULL;
	}
	return job;
}

struct job *job_from_call(const struct call *call, struct err *err)
{
	return changed_job(call, call_argument(call, 0), err);
}

struct job *job_of_study(const struct call *call, const char *const *without, struct err *err)
{
	for (; *without; without++)
		if (call_text(call, *without)) {
			err_set(err, ERR_INPUT, "--%s: not with --job", *without);
			return NULL;
		}
	if (call_argument(call, 0)) {
		err_set(err, ERR_INPUT, "--job %s: expected no scenario beside it (%s)", call_text(call, "job"), call_argument(call, 0));
		return NULL;
	}
	return changed_job(call, call_text(call, "job"), err);
}
