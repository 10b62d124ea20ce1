#include "sim/scenario.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pairs.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/operator.h"

static const char *const yes_no_default[] = { "default", "yes", "no", NULL };
static const char *const preemption_names[] = { "default", "recompute", "swap", NULL };
static const char *const order_names[] = { "default", "fcfs", "lpm", "dfs-weight", "lof", "priority", "random", NULL };

/* One line an attribute. `of` is the struct, `m` its member. */
#define AT(of, m) offsetof(struct of, m)
#define TEXT(of, attr, m, def, what) { .name = attr, .type = FIELD_TEXT, .offset = AT(of, m), .fallback = def, .help = what }
#define INT(of, attr, m, lo, hi, def, what) \
	{ .name = attr, .type = FIELD_INT, .offset = AT(of, m), .least = lo, .most = hi, .fallback = def, .help = what }
#define NUM(of, attr, m, si, lo, hi, def, what) \
	{ .name = attr, .type = FIELD_NUMBER, .offset = AT(of, m), .to_si = si, .least = lo, .most = hi, .fallback = def, .help = what }
#define CHOICE(of, attr, m, names, what) { .name = attr, .type = FIELD_CHOICE, .offset = AT(of, m), .choices = names, .help = what }

static const struct field model_fields[] = {
	TEXT(scenario_model, "name", name, "llama-3.1-8b", "catalog name, Hugging Face id, config.json, XML file or gpt:layers=...,hidden=...,heads=..."),
	CHOICE(scenario_model, "dtype", dtype, dtype_names, "weights and arithmetic; none = the model's own"),
	CHOICE(scenario_model, "expert_dtype", expert_dtype, dtype_names, "routed experts; none = as dtype"),
	TEXT(scenario_model, "gate_up_dtype", gate_up_dtype, NULL, "gate and up projections of dense feed-forward parts; absent: as dtype"),
	CHOICE(scenario_model, "attention_dtype", attention_dtype, dtype_names, "attention projections; none = as dtype"),
	CHOICE(scenario_model, "router_dtype", router_dtype, dtype_names, "the router's product; none = the model's own, else as activations"),
	CHOICE(scenario_model, "head_dtype", head_dtype, dtype_names, "embedding and LM head; none = bf16"),
	CHOICE(scenario_model, "kv_dtype", kv_dtype, dtype_names, "key-value cache; none = activations"),
	CHOICE(scenario_model, "activation_dtype", activation_dtype, dtype_names, "between operators; none = bf16"),
	NUM(scenario_model, "routing_skew", routing_skew, 1, 0, 4, NULL, "power-law exponent of expert popularity, 0 = uniform; absent: 0.6, or 0 with at most 16 experts or more ranks than a token has experts"),
};
static const struct element model_part = { .name = "model", .fields = model_fields, .field_count = COUNT_OF(model_fields),
	.offset = AT(scenario, model), .size = sizeof(struct scenario_model), .help = "The model and its number formats." };

static const struct field hardware_fields[] = {
	TEXT(scenario_hardware, "device", device, NULL, "device of the catalog, or an XML file"),
	TEXT(scenario_hardware, "system", system, NULL, "system of the catalog, or an XML file; absent: one made for the device"),
	TEXT(scenario_hardware, "stack", stack, NULL, "serving software whose kernels and host time count; absent: the scheduler's"),
	TEXT(scenario_hardware, "host_overhead", host_overhead, "default", "default, none, or seconds added to every step"),
	NUM(scenario_hardware, "power_cap_w", power_cap_w, 1, 0, 1e6, "0", "power cap of a device: clocks fall to keep it; 0 = the device's own limit"),
	TEXT(scenario_hardware, "scale", scale, NULL, "factors on figures of the device: peak=1.2,bandwidth=0.8,memory,scale_up,scale_out,host_link,power"),
	TEXT(scenario_hardware, "op_scale", op_scale, NULL, "factors on the times of operators: gemm=1.05,host=0.9"),
	TEXT(scenario_hardware, "provider", provider, "measured", "best source of operator times to use: measured, fitted or analytic"),
	TEXT(scenario_hardware, "correction", correction, NULL, "correction fitted by 'validate measured --fit NAME', or its file; absent: none"),
};
static const struct element hardware_part = { .name = "hardware", .fields = hardware_fields, .field_count = COUNT_OF(hardware_fields),
	.offset = AT(scenario, hardware), .size = sizeof(struct scenario_hardware), .help = "Devices, their wiring and the software on them." };

static const struct field deployment_fields[] = {
	INT(scenario_deployment, "replicas", replicas, 1, 1000000, "1", "copies of the model behind the router (decode pool when disaggregated)"),
	INT(scenario_deployment, "tp", tp, 1, 1024, "1", "tensor parallel degree"),
	INT(scenario_deployment, "pp", pp, 1, 65536, "1", "pipeline parallel degree; of SRAM chips: groups of tp in a row"),
	INT(scenario_deployment, "ep", ep, 1, 1024, "1", "expert parallel degree"),
	INT(scenario_deployment, "cp", cp, 1, 256, "1", "context parallel degree"),
	INT(scenario_deployment, "dp_attention", dp_attention, 1, 1024, "1", "attention data-parallel ranks inside a replica"),
	TEXT(scenario_deployment, "router", router, "round-robin", "how requests are spread over replicas"),
	INT(scenario_deployment, "prefill_replicas", prefill_replicas, 0, 1000000, "0", "replicas that only prefill; 0 = every replica does both"),
	INT(scenario_deployment, "prefill_tp", prefill_tp, 0, 1024, "0", "tensor parallel degree of the prefill pool; 0 = tp"),
	INT(scenario_deployment, "prefill_pp", prefill_pp, 0, 256, "0", "pipeline parallel degree of the prefill pool; 0 = pp"),
	INT(scenario_deployment, "prefill_dp_attention", prefill_dp_attention, 0, 1024, "0", "attention data-parallel ranks of the prefill pool; 0 = dp_attention"),
	INT(scenario_deployment, "prefill_ep", prefill_ep, 0, 1024, "0", "expert parallel degree of the prefill pool; 0 = ep"),
	NUM(scenario_deployment, "transfer_gb_s", transfer_bytes_s, 1e9, 1e-3, 1e5, NULL, "cache transfer rate of one prefill replica; absent: its scale-out links"),
	NUM(scenario_deployment, "transfer_latency_us", transfer_latency_s, 1e-6, 0, 1e6, "50", "start-up time of one cache transfer"),
};
static const struct element deployment_part = { .name = "deployment", .fields = deployment_fields, .field_count = COUNT_OF(deployment_fields),
	.offset = AT(scenario, deployment), .size = sizeof(struct scenario_deployment), .help = "How many copies, cut how." };

static const struct field scheduler_fields[] = {
	TEXT(scenario_scheduler, "name", name, "vllm", "batching policy of a replica"),
	INT(scenario_scheduler, "max_num_seqs", max_num_seqs, 0, 1000000, "0", "sequences in a batch; 0 = the policy's default on this device"),
	INT(scenario_scheduler, "max_num_batched_tokens", max_num_batched_tokens, 0, 10000000, "0", "tokens in a batch; 0 = default"),
	INT(scenario_scheduler, "graph_max_tokens", graph_max_tokens, 0, 1000000, "0", "tokens (of an attention rank) of the largest step that runs as a captured graph; 0 = the serving software's default"),
	INT(scenario_scheduler, "block_size", block_size, 0, 65536, "0", "tokens in a cache block; 0 = default"),
	NUM(scenario_scheduler, "memory_utilization", memory_utilization, 1, 0.01, 1, NULL, "share of device memory the engine may use (trtllm: the cache, of what weights and activations leave); absent: default"),
	INT(scenario_scheduler, "kv_blocks", kv_blocks, 0, 1e12, "0", "cache blocks of a replica; 0 = what memory leaves"),
	INT(scenario_scheduler, "max_model_len", max_model_len, 0, 1e9, "0", "longest prompt + output accepted; 0 = the model's context"),
	CHOICE(scenario_scheduler, "chunked_prefill", chunked_prefill, yes_no_default, "split long prompts over batches"),
	CHOICE(scenario_scheduler, "prefix_caching", prefix_caching, yes_no_default, "reuse the cache of equal prompt starts"),
	INT(scenario_scheduler, "long_prefill_threshold", long_prefill_threshold, 0, 1e9, "0", "vllm: most tokens of one prompt in a batch; 0 = no limit"),
	NUM(scenario_scheduler, "watermark", watermark, 1, 0, 0.5, NULL, "share of blocks kept free when admitting; absent: default"),
	CHOICE(scenario_scheduler, "preemption", preemption, preemption_names, "what happens to a sequence when blocks run out"),
	CHOICE(scenario_scheduler, "order", order, order_names, "order of the waiting queue, where the policy has a choice"),
	INT(scenario_scheduler, "max_waiting_iters", max_waiting_iters, 0, 1e6, "10", "lightllm: decode steps between prefill batches"),
	NUM(scenario_scheduler, "conservativeness", conservativeness, 1, 0.01, 100, "1", "sglang: schedule_conservativeness"),
	INT(scenario_scheduler, "balance_timeout", balance_timeout, 0, 1e6, "0", "trtllm with dp_attention: attention_dp_config's timeout_iters, passes that prompts wait until every rank has one; 0 = they do not"),
	INT(scenario_scheduler, "recv_interval", recv_interval, 1, 1e6, "1", "decode steps between looks at new requests (sglang: scheduler_recv_interval; vllm-v0: num_scheduler_steps)"),
	INT(scenario_scheduler, "stream_interval", stream_interval, 1, 1e6, "1", "tokens of a chunk that clients are sent: they see the first when so many are made"),
};
static const struct element scheduler_part = { .name = "scheduler", .fields = scheduler_fields, .field_count = COUNT_OF(scheduler_fields),
	.offset = AT(scenario, scheduler), .size = sizeof(struct scenario_scheduler), .help = "Batching policy and its limits." };

static const struct field offload_fields[] = {
	NUM(scenario_offload, "host_gb", host_bytes, 1e9, 0, 1e7, "0", "host memory of a replica for evicted prefix blocks; 0 = off"),
	NUM(scenario_offload, "host_gb_s", host_bytes_s, 1e9, 1e-3, 1e5, NULL, "rate to and from it; absent: the host links of the replica's devices"),
	NUM(scenario_offload, "disk_gb", disk_bytes, 1e9, 0, 1e9, "0", "disk behind host memory; 0 = off"),
	NUM(scenario_offload, "disk_gb_s", disk_bytes_s, 1e9, 1e-3, 1e5, "6", "rate of that disk"),
};
static const struct element offload_part = { .name = "offload", .fields = offload_fields, .field_count = COUNT_OF(offload_fields),
	.offset = AT(scenario, offload), .size = sizeof(struct scenario_offload), .help = "Slower tiers behind the key-value cache." };

static const struct field price_fields[] = {
	TEXT(scenario_price, "kind", kind, "cloud", "which price of the catalog: cloud, reserved, hyperscaler, neocloud, buy"),
	NUM(scenario_price, "usd_per_device_hour", usd_per_device_hour, 1, 0, 1e6, NULL, "own price; absent: the catalog's"),
	NUM(scenario_price, "usd_per_kwh", usd_per_kwh, 1, 0, 100, "0", "electricity paid on top of the device price"),
	NUM(scenario_price, "pue", pue, 1, 1, 5, "1.2", "power usage effectiveness, applied once to all energy"),
};
static const struct element price_part = { .name = "price", .fields = price_fields, .field_count = COUNT_OF(price_fields),
	.offset = AT(scenario, price), .size = sizeof(struct scenario_price), .help = "What the devices cost." };

#define SLO(metric) NUM(scenario_slo, #metric, metric, 1, 1e-9, 1e9, NULL, "target in seconds; absent: none")
static const struct field slo_fields[] = {
	SLO(ttft_mean), SLO(ttft_p50), SLO(ttft_p90), SLO(ttft_p95), SLO(ttft_p99), SLO(tpot_mean), SLO(tpot_p50), SLO(tpot_p90),
	SLO(tpot_p95), SLO(tpot_p99), SLO(itl_p50), SLO(itl_p90), SLO(itl_p95), SLO(itl_p99), SLO(e2e_mean), SLO(e2e_p50),
	SLO(e2e_p90), SLO(e2e_p95), SLO(e2e_p99), SLO(queue_p99),
};
static const struct element slo_part = { .name = "slo", .fields = slo_fields, .field_count = COUNT_OF(slo_fields),
	.offset = AT(scenario, slo), .size = sizeof(struct scenario_slo), .help = "Service level objectives in seconds: a missed one makes the exit status 1." };

static const struct field technique_fields[] = {
	{ .name = "id", .type = FIELD_TEXT, .offset = AT(scenario_technique, id), .required = true, .help = "module of the technology tree" },
	TEXT(scenario_technique, "params", params, NULL, "its parameters, name=value,..."),
};
static const struct element technique_part = { .name = "technique", .fields = technique_fields, .field_count = COUNT_OF(technique_fields),
	.offset = AT(scenario, techniques), .size = sizeof(struct scenario_technique), .repeated = true,
	.count_offset = AT(scenario, technique_count), .help = "A technique to apply." };

static const struct field scenario_fields[] = {
	TEXT(scenario, "title", title, NULL, "what the run is called"),
	INT(scenario, "seed", seed, 0, 9e15, "1", "of all random streams"),
	{ .name = "exact_steps", .type = FIELD_FLAG, .offset = AT(scenario, exact_steps),
	  .help = "simulate every iteration as an event of its own" },
};

const struct element scenario_element = {
	.name = "scenario", .fields = scenario_fields, .field_count = COUNT_OF(scenario_fields),
	.children = (const struct element *const[]){ &model_part, &hardware_part, &deployment_part, &scheduler_part, &workload_element,
						     &slo_part, &offload_part, &price_part, &technique_part, NULL },
	.size = sizeof(struct scenario), .help = "Everything one simulation needs.",
};

struct scenario *scenario_new(struct arena *arena, struct err *err)
{
	struct scenario *sc = arena_alloc(arena, sizeof(*sc));

	if (!sc) {
		err_memory(err);
		return NULL;
	}
	return schema_defaults(&scenario_element, sc, arena, err) ? sc : NULL;
}

bool scenario_workload(struct scenario *sc, const char *name, struct arena *arena, struct err *err)
{
	struct workload *w;

	if (!name)
		return workload_defaults(&sc->workload, arena, err);
	w = workload_load(name, arena, err);
	if (!w)
		return false;
	sc->workload = *w;
	return true;
}

struct scenario *scenario_load(const char *path, struct arena *arena, struct err *err)
{
	struct scenario *first = scenario_new(arena, err), *sc = scenario_new(arena, err);

	/* Read twice: once for the name of the workload, then over that workload's own values. */
	if (!first || !sc || !schema_load(path, &scenario_element, first, arena, err))
		return NULL;
	if (first->workload.name && !scenario_workload(sc, first->workload.name, arena, err))
		return NULL;
	return schema_overlay(path, &scenario_element, sc, arena, err) ? sc : NULL;
}

struct slo_setting {
	struct scenario *sc;
	const char *origin;
	struct arena *arena;
};

static bool set_slo(void *ctx, const char *key, const char *value, struct err *err)
{
	const struct slo_setting *s = ctx;

	return schema_set(&slo_part, &s->sc->slo, key, value, s->origin, s->arena, err);
}

bool scenario_has_targets(const struct scenario *sc)
{
	const double *t = (const double *)(const void *)&sc->slo;

	for (size_t i = 0; i < sizeof(sc->slo) / sizeof(*t); i++)
		if (!isnan(t[i]))
			return true;
	return false;
}

bool scenario_slo(struct scenario *sc, const char *text, const char *origin, struct arena *arena, struct err *err)
{
	struct slo_setting s = { sc, origin, arena };

	return pairs_each(text, origin, arena, err, set_slo, &s);
}

bool scenario_with(struct scenario *sc, const char *text, struct arena *arena, struct err *err)
{
	const char *colon = strchr(text, ':');
	char path[64];
	char *id = arena_printf(arena, "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);

	if (!id)
		return err_memory(err);
	snprintf(path, sizeof(path), "technique.%zu.id", sc->technique_count);
	if (!schema_set(&scenario_element, sc, path, id, "--with", arena, err))
		return false;
	snprintf(path, sizeof(path), "technique.%zu.params", sc->technique_count - 1);
	return !colon || schema_set(&scenario_element, sc, path, colon + 1, "--with", arena, err);
}

static void hash_value(const char *path, const struct field *field, const char *value, void *ctx)
{
	struct hash *h = ctx;

	(void)field;
	if (strcmp(path, "title") == 0)
		return;
	hash_add_text(h, path);
	hash_add_text(h, value);
	/* Text that names a file stands for the file's content; texts that name catalog entries are covered by `salt`. */
	if (field->type == FIELD_TEXT && paths_is_file(value))
		hash_file(h, value);
}

bool scenario_hash(const struct scenario *sc, const char *salt, char out[33], struct err *err)
{
	struct hash *h = hash_new();

	if (!h)
		return err_memory(err);
	hash_add_text(h, salt);
	schema_each(&scenario_element, sc, hash_value, h);
	hash_hex(h, out);
	hash_free(h);
	return true;
}
