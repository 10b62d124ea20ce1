#include "sim/train/job.h"

#include <string.h>

#include "base/hash.h"
#include "base/paths.h"
#include "hardware/operator.h"
#include "sim/train/setup.h"

static const char *const yes_no_default[] = { "default", "yes", "no", NULL };
static const char *const tp_overlap_names[] = { "default", "none", "ring", "pipe", NULL };
static const char *const exchange_names[] = { "default", "once", "copies", NULL };
static const char *const network_names[] = { "default", "scale-up", "scale-out", NULL };
static const char *const recompute_names[] = { "none", "selective", "full", "elementwise", NULL };

#define AT(of, m) offsetof(struct of, m)
#define TEXT(of, attr, m, def, what) { .name = attr, .type = FIELD_TEXT, .offset = AT(of, m), .fallback = def, .help = what }
#define INT(of, attr, m, lo, hi, def, what) \
	{ .name = attr, .type = FIELD_INT, .offset = AT(of, m), .least = lo, .most = hi, .fallback = def, .help = what }
#define NUM(of, attr, m, si, lo, hi, def, what) \
	{ .name = attr, .type = FIELD_NUMBER, .offset = AT(of, m), .to_si = si, .least = lo, .most = hi, .fallback = def, .help = what }
#define CHOICE(of, attr, m, names, what) { .name = attr, .type = FIELD_CHOICE, .offset = AT(of, m), .choices = names, .help = what }
#define FLAG(of, attr, m, def, what) { .name = attr, .type = FIELD_FLAG, .offset = AT(of, m), .fallback = def, .help = what }
#define PART(part_name, member, table, struct_name, what) \
	{ .name = part_name, .fields = table, .field_count = COUNT_OF(table), .offset = AT(job, member), .size = sizeof(struct struct_name), .help = what }

static const struct field model_fields[] = {
	TEXT(job_model, "name", name, "llama-3.1-8b", "catalog name, Hugging Face id, config.json, XML file or gpt:layers=...,hidden=...,heads=..."),
	CHOICE(job_model, "dtype", dtype, dtype_names, "format of the matrix products; none = bf16"),
	CHOICE(job_model, "attention_dtype", attention_dtype, dtype_names, "attention projections; none = as dtype"),
	CHOICE(job_model, "head_dtype", head_dtype, dtype_names, "LM head; none = bf16"),
	NUM(job_model, "routing_skew", routing_skew, 1, 0, 4, "0", "power-law exponent of expert popularity; 0 = uniform"),
	NUM(job_model, "trainable", trainable, 1, 0, 1, "1", "share of the weights that are trained; below 1 the rest is frozen"),
	TEXT(job_model, "adapter", adapter, NULL, "adapters beside a frozen base: lora, lora-all"),
	INT(job_model, "adapter_rank", adapter_rank, 1, 4096, "16", "their rank"),
	INT(job_model, "mtp", predictions, 0, 16, "0", "modules of multi-token prediction trained with it (arXiv 2412.19437, section 2.2)"),
};
static const struct element model_part = PART("model", model, model_fields, job_model, "The model and its number formats.");

static const struct field hardware_fields[] = {
	TEXT(job_hardware, "device", device, NULL, "device of the catalog, or an XML file"),
	TEXT(job_hardware, "system", system, NULL, "system of the catalog, or an XML file; absent: one made for the device"),
	TEXT(job_hardware, "stack", stack, "megatron", "training software"),
	TEXT(job_hardware, "provider", provider, "measured", "best source of operator times to use: measured, fitted or analytic"),
	INT(job_hardware, "devices", devices, 0, 10000000, "0", "devices of the job; 0 = tp pp cp dp"),
};
static const struct element hardware_part = PART("hardware", hardware, hardware_fields, job_hardware, "Devices and the software on them.");

static const struct field layout_fields[] = {
	INT(job_layout, "tp", tp, 1, 1024, "1", "tensor parallel degree"),
	INT(job_layout, "pp", pp, 1, 1024, "1", "pipeline stages"),
	INT(job_layout, "vp", vp, 1, 1024, "1", "chunks of a stage (interleaving)"),
	INT(job_layout, "cp", cp, 1, 1024, "1", "context parallel degree"),
	INT(job_layout, "ep", ep, 1, 4096, "1", "expert parallel degree"),
	INT(job_layout, "etp", etp, 0, 1024, "0", "tensor ranks of one expert; 0 = 1 with expert parallelism"),
	INT(job_layout, "dp", dp, 0, 10000000, "0", "data parallel degree; 0 = what the devices leave"),
	INT(job_layout, "zero", zero, 0, 3, "1", "sharded over data ranks: 0 nothing, 1 optimizer, 2 and gradients, 3 and weights (FSDP)"),
	INT(job_layout, "shard", shard, 0, 10000000, "0", "ranks of a sharding group; 0 = all data ranks (fewer: HSDP)"),
	TEXT(job_layout, "schedule", schedule, "1f1b", "gpipe, 1f1b, interleaved, zb-h1, zb-h2, zb-v or dualpipe"),
	CHOICE(job_layout, "sequence_parallel", sequence_parallel, yes_no_default, "norms and masks over the tensor ranks; default: with tp"),
	CHOICE(job_layout, "recompute", recompute, recompute_names, "activations made again in the backward pass"),
	INT(job_layout, "recompute_layers", recompute_layers, 0, 100000, "0", "recompute=full: of so many layers of each chunk only, the first ones; 0 = of all"),
	FLAG(job_layout, "offload_optimizer", offload_optimizer, "no", "optimizer state and step in host memory"),
	FLAG(job_layout, "offload_weights", offload_weights, "no", "weights in host memory, fetched layer by layer for every pass"),
	FLAG(job_layout, "offload_activations", offload_activations, "no", "activations written to host memory, fetched for the backward pass"),
	CHOICE(job_layout, "gather_again", gather_again, yes_no_default, "sequence parallelism: inputs of products kept in parts and gathered again backwards, or kept whole; default: as the stack does"),
	FLAG(job_layout, "scatter_sends", scatter_sends, "no", "pipeline messages cut over the tensor ranks and gathered behind (arXiv 2104.04473, section 4.1)"),
	CHOICE(job_layout, "tp_overlap", tp_overlap, tp_overlap_names, "tensor collectives: in the open, or cut into tiles beside their product; default: the stack's share hidden"),
	CHOICE(job_layout, "exchange", exchange, exchange_names, "expert exchange: a token once to each rank and node that has experts of its (once), a copy to each of its experts (copies); default: as the stack does"),
	CHOICE(job_layout, "ep_overlap", ep_overlap, yes_no_default, "expert exchanges run beside another micro-batch's arithmetic; default: as the schedule does"),
	CHOICE(job_layout, "dp_overlap", dp_overlap, yes_no_default, "gradients leave beside the backward pass; default: as the stack does"),
	CHOICE(job_layout, "tp_network", tp_network, network_names, "network of the tensor ranks; default: ranks are laid out tensor, context, data, pipeline"),
	CHOICE(job_layout, "pp_network", pp_network, network_names, "network between the stages"),
	CHOICE(job_layout, "dp_network", dp_network, network_names, "network of the data ranks"),
	FLAG(job_layout, "regather", regather, "yes", "zero=3: weights are gathered for every pass and gradients reduced after it, not kept"),
};
static const struct element layout_part = PART("layout", layout, layout_fields, job_layout, "How the model is cut.");

static const struct field batch_fields[] = {
	INT(job_batch, "global", global, 1, 100000000, "512", "sequences a step"),
	INT(job_batch, "micro", micro, 1, 1000000, "1", "sequences a micro-batch"),
	INT(job_batch, "sequence", sequence, 1, 100000000, "4096", "tokens of a sequence"),
	NUM(job_batch, "tokens", tokens, 1, 1, 1e18, NULL, "tokens of the whole job"),
	NUM(job_batch, "target_loss", target_loss, 1, 0.01, 20, NULL, "train until the scaling law reaches this loss"),
	NUM(job_batch, "unique_tokens", unique_tokens, 1, 1, 1e18, NULL, "distinct tokens there are; more are repeats"),
	NUM(job_batch, "critical_batch_tokens", critical_batch_tokens, 1, 1, 1e15, NULL, "critical batch: more tokens are needed as the batch nears it"),
	TEXT(job_batch, "law", law, NULL, "scaling law: chinchilla-refit, chinchilla-2022 or data-constrained"),
};
static const struct element batch_part = PART("batch", batch, batch_fields, job_batch, "Tokens: of a step and of the job.");

static const struct field optimizer_fields[] = {
	TEXT(job_optimizer, "name", name, "adamw", "adamw, adamw-8bit, sgd, sgd-momentum, adafactor"),
	NUM(job_optimizer, "weight_bytes", weight_bytes, 1, 0.5, 8, "2", "of a weight as the products read it"),
	NUM(job_optimizer, "grad_bytes", grad_bytes, 1, 0.5, 8, NULL, "of a gradient; absent: the stack's"),
};
static const struct element optimizer_part = PART("optimizer", optimizer, optimizer_fields, job_optimizer, "The optimizer.");

static const struct field run_fields[] = {
	NUM(job_run, "mtbf_h", mtbf_h, 1, 1, 1e9, "50677", "mean hours between failures of one device (default: 16,384 H100 of Llama 3, arXiv 2407.21783)"),
	NUM(job_run, "recovery_s", recovery_s, 1, 0, 1e7, "300", "from a failure to the first new step: detect, reschedule, load"),
	NUM(job_run, "checkpoint_gb_s", checkpoint_bytes_s, 1e9, 1e-3, 1e9, NULL, "storage rate of the job; absent: 0.12 GB/s a device (2 TB/s over 16,384)"),
	FLAG(job_run, "checkpoint_async", checkpoint_async, "yes", "only the copy to host memory stops the job"),
	NUM(job_run, "checkpoint_interval_s", checkpoint_interval_s, 1, 1, 1e8, NULL, "absent: sqrt(2 C M), Young 1974 and Daly 2006"),
	INT(job_run, "trials", trials, 1, 1000000, "200", "Monte Carlo runs of the failures"),
	NUM(job_run, "data_us_per_token", data_s_per_token, 1e-6, 0, 1e6, "0", "loading that the step waits for, a token of a rank"),
	NUM(job_run, "straggler_sigma", straggler_sigma, 1, 0, 1, NULL, "spread of a device's step time; absent: the stack's"),
};
static const struct element run_part = PART("run", run, run_fields, job_run, "What happens over weeks.");

static const struct field price_fields[] = {
	TEXT(job_price, "kind", kind, "cloud", "which price of the catalog: cloud, reserved, hyperscaler, neocloud, buy"),
	NUM(job_price, "usd_per_device_hour", usd_per_device_hour, 1, 0, 1e6, NULL, "own price; absent: the catalog's"),
	NUM(job_price, "pue", pue, 1, 1, 5, "1.2", "power usage effectiveness"),
};
static const struct element price_part = PART("price", price, price_fields, job_price, "What the devices cost.");

static const struct field technique_fields[] = {
	{ .name = "id", .type = FIELD_TEXT, .offset = AT(job_technique, id), .required = true, .help = "module of the technology tree" },
	TEXT(job_technique, "params", params, NULL, "its parameters, name=value,..."),
};
static const struct element technique_part = {
	.name = "technique", .fields = technique_fields, .field_count = COUNT_OF(technique_fields), .offset = AT(job, techniques),
	.size = sizeof(struct job_technique), .repeated = true, .count_offset = AT(job, technique_count), .help = "A technique to apply.",
};

static const struct field job_fields[] = {
	TEXT(job, "title", title, NULL, "what the run is called"),
	INT(job, "seed", seed, 0, 9e15, "1", "of all random streams"),
};
const struct element job_element = {
	.name = "training", .fields = job_fields, .field_count = COUNT_OF(job_fields),
	.children = (const struct element *const[]){ &model_part, &hardware_part, &layout_part, &batch_part, &optimizer_part, &run_part,
						     &price_part, &technique_part, NULL },
	.size = sizeof(struct job), .help = "Everything one training simulation needs.",
};

struct job *job_new(struct arena *arena, struct err *err)
{
	struct job *job = arena_alloc(arena, sizeof(*job));

	if (!job) {
		err_memory(err);
		return NULL;
	}
	return schema_defaults(&job_element, job, arena, err) ? job : NULL;
}

struct job *job_load(const char *path, struct arena *arena, struct err *err)
{
	struct job *job = arena_alloc(arena, sizeof(*job));

	if (!job) {
		err_memory(err);
		return NULL;
	}
	return schema_load(path, &job_element, job, arena, err) ? job : NULL;
}

static void hash_value(const char *path, const struct field *field, const char *value, void *ctx)
{
	struct hash *h = ctx;

	if (strcmp(path, "title") == 0)
		return;
	hash_add_text(h, path);
	hash_add_text(h, value);
	if (field->type == FIELD_TEXT && paths_is_file(value))
		hash_file(h, value);
}

static void hash_entry(const char *path, const struct field *field, const char *value, void *ctx)
{
	(void)field;
	hash_add_text(ctx, path);
	hash_add_text(ctx, value);
}

bool job_hash(const struct job *job, const struct train_parts *parts, const char *salt, char out[33], struct err *err)
{
	struct hash *h = hash_new();

	if (!h)
		return err_memory(err);
	hash_add_text(h, salt);
	schema_each(&job_element, job, hash_value, h);
	schema_each(&model_element, parts->model, hash_entry, h);
	schema_each(&device_element, parts->device, hash_entry, h);
	schema_each(&system_element, parts->system, hash_entry, h);
	schema_each(&training_stack_element, parts->stack, hash_entry, h);
	for (size_t i = 0; i < parts->techniques.count; i++)
		schema_each(&technique_element, parts->techniques.uses[i].technique, hash_entry, h);
	hash_hex(h, out);
	hash_free(h);
	return true;
}
