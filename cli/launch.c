#include "cli/launch.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "sim/compile.h"

/* What the engines' flags are made from: the scenario with its defaults settled. */
struct launch {
	const struct scenario *sc;
	const struct compiled *c;
	const struct compiled_pool *pool;
	char model[160];                       /* Hugging Face id where the catalog knows one */
	int64_t seqs, tokens;                  /* limits of one attention rank */
	double memory;
	struct str *out;
};

static void flag(struct launch *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void flag(struct launch *l, const char *fmt, ...)
{
	va_list args;

	str_add(l->out, " \\\n    ");
	va_start(args, fmt);
	str_vaddf(l->out, fmt, args);
	va_end(args);
}

static bool is_fp8(int dtype)
{
	return dtype == DTYPE_FP8 || dtype == DTYPE_FP8_BLOCK;
}

/* A model whose checkpoint is in that format needs no flag; another one is quantised when it is loaded. */
static bool quantised(const struct launch *l)
{
	return l->sc->model.dtype != DTYPE_NONE && is_fp8(l->pool->place.weights) && !is_fp8(l->c->model->format.weights);
}

static void vllm_flags(struct launch *l)
{
	const struct placement *p = &l->pool->place;

	flag(l, "--tensor-parallel-size %" PRId64, p->tp / (p->dp_attention > 1 ? p->dp_attention : 1));
	if (p->pp > 1)
		flag(l, "--pipeline-parallel-size %" PRId64, p->pp);
	if (p->dp_attention > 1)
		flag(l, "--data-parallel-size %" PRId64, p->dp_attention);
	if (p->cp > 1)
		flag(l, "--decode-context-parallel-size %" PRId64, p->cp);
	if (p->ep > 1)
		flag(l, "--enable-expert-parallel");
	flag(l, "--max-num-seqs %" PRId64, l->seqs);
	flag(l, "--max-num-batched-tokens %" PRId64, l->tokens);
	flag(l, "--gpu-memory-utilization %.3g", l->memory);
	flag(l, "--block-size %" PRId64, l->pool->limits.block_tokens);
	if (l->sc->scheduler.max_model_len > 0)
		flag(l, "--max-model-len %" PRId64, l->sc->scheduler.max_model_len);
	if (is_fp8(p->kv))
		flag(l, "--kv-cache-dtype fp8");
	if (quantised(l))
		flag(l, "--quantization fp8");
	flag(l, l->pool->limits.prefix_caching ? "--enable-prefix-caching" : "--no-enable-prefix-caching");
}

static void vllm(struct launch *l)
{
	str_addf(l->out, "vllm serve %s", l->model);
	vllm_flags(l);
	str_add(l->out, "\n");
}

static void sglang(struct launch *l)
{
	const struct placement *p = &l->pool->place;

	str_addf(l->out, "python3 -m sglang.launch_server --model-path %s", l->model);
	flag(l, "--tp-size %" PRId64, p->tp);
	if (p->pp > 1)
		flag(l, "--pp-size %" PRId64, p->pp);
	if (p->dp_attention > 1)
		flag(l, "--dp-size %" PRId64 " --enable-dp-attention", p->dp_attention);
	if (p->ep > 1)
		flag(l, "--ep-size %" PRId64, p->ep);
	flag(l, "--max-running-requests %" PRId64, l->seqs);
	flag(l, "--chunked-prefill-size %" PRId64, l->tokens);
	flag(l, "--mem-fraction-static %.3g", l->memory);
	if (l->sc->scheduler.max_model_len > 0)
		flag(l, "--context-length %" PRId64, l->sc->scheduler.max_model_len);
	if (is_fp8(p->kv))
		flag(l, "--kv-cache-dtype fp8_e4m3");
	if (quantised(l))
		flag(l, "--quantization fp8");
	if (!l->pool->limits.prefix_caching)
		flag(l, "--disable-radix-cache");
	str_add(l->out, "\n");
}

static void trtllm(struct launch *l)
{
	const struct placement *p = &l->pool->place;

	str_addf(l->out, "trtllm-serve %s", l->model);
	flag(l, "--tp_size %" PRId64, p->tp);
	if (p->pp > 1)
		flag(l, "--pp_size %" PRId64, p->pp);
	if (p->ep > 1)
		flag(l, "--ep_size %" PRId64, p->ep);
	flag(l, "--max_batch_size %" PRId64, l->seqs);
	flag(l, "--max_num_tokens %" PRId64, l->tokens);
	if (l->sc->scheduler.max_model_len > 0)
		flag(l, "--max_seq_len %" PRId64, l->sc->scheduler.max_model_len);
	flag(l, "--kv_cache_free_gpu_memory_fraction %.3g", l->memory);
	str_add(l->out, "\n");
	if (is_fp8(p->kv))
		str_add(l->out, "# extra_llm_api_options.yaml: kv_cache_config: { dtype: fp8 }\n");
	if (quantised(l))
		str_add(l->out, "# weights: serve a checkpoint quantised to FP8 (modelopt)\n");
}

static const char *gpu_resource(const struct launch *l)
{
	const char *vendor = l->c->device->vendor;

	if (vendor && strstr(vendor, "AMD"))
		return "amd.com/gpu";
	if (vendor && strstr(vendor, "Google"))
		return "google.com/tpu";
	if (vendor && strstr(vendor, "Intel"))
		return "habana.ai/gaudi";
	if (vendor && strstr(vendor, "AWS"))
		return "aws.amazon.com/neuron";
	return "nvidia.com/gpu";
}

static void k8s(struct launch *l)
{
	struct str flags = { 0 }, *out = l->out;
	char name[64];
	size_t n = 0;

	/* A DNS label: small letters, digits and hyphens. */
	for (const char *m = l->c->model->name; *m && n + 1 < sizeof(name); m++)
		name[n++] = (*m >= 'a' && *m <= 'z') || (*m >= '0' && *m <= '9') ? *m : '-';
	name[n] = '\0';
	str_addf(out, "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\nspec:\n  replicas: %" PRId64 "\n", name,
		 l->sc->deployment.replicas);
	str_addf(out, "  selector:\n    matchLabels: { app: %s }\n  template:\n    metadata:\n      labels: { app: %s }\n    spec:\n", name, name);
	if (l->pool->devices > system_domain(l->c->system))
		str_addf(out, "      # one replica takes %" PRId64 " devices, more than a node of %" PRId64 ": use a LeaderWorkerSet\n", l->pool->devices,
			 system_domain(l->c->system));
	str_addf(out, "      containers:\n      - name: vllm\n        image: vllm/vllm-openai:latest\n        args:\n        - --model\n        - %s\n", l->model);
	l->out = &flags;
	vllm_flags(l);
	l->out = out;
	for (const char *at = str_text(&flags); *at;) {
		size_t skip = strspn(at, " \\\n"), length;

		at += skip;
		length = strcspn(at, " \n");
		if (length)
			str_addf(out, "        - \"%.*s\"\n", (int)length, at);
		at += length;
	}
	str_release(&flags);
	str_addf(out, "        ports:\n        - containerPort: 8000\n        resources:\n          limits:\n            %s: %" PRId64 "\n", gpu_resource(l),
		 l->pool->devices);
	str_add(out, "        volumeMounts:\n        - { name: shm, mountPath: /dev/shm }\n      volumes:\n      - name: shm\n"
		"        emptyDir: { medium: Memory }\n");
}

static const struct engine {
	const char *name;
	void (*write)(struct launch *l);
} engines[] = { { "vllm", vllm }, { "sglang", sglang }, { "trtllm", trtllm }, { "k8s", k8s } };

static const struct engine *find(const char *name, struct err *err)
{
	const char *names[COUNT_OF(engines)], *near;

	for (size_t i = 0; i < COUNT_OF(engines); i++) {
		if (text_equal(engines[i].name, name))
			return &engines[i];
		names[i] = engines[i].name;
	}
	near = text_nearest(name, names, COUNT_OF(engines));
	err_set(err, ERR_INPUT, "--launch %.40s: expected vllm, sglang, trtllm or k8s%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	return NULL;
}

bool launch_check(const char *engine, struct err *err)
{
	return find(engine, err) != NULL;
}

/* The first alias that looks like one of Hugging Face's. */
static void model_id(const struct model *m, const char *asked, char *out, size_t room)
{
	const char *at = m->aliases, *slash = at ? strchr(at, '/') : NULL;

	snprintf(out, room, "%s", strchr(asked, '/') ? asked : m->name);
	if (strchr(asked, '/') || !slash)
		return;
	while (slash > at && slash[-1] != ' ')
		slash--;
	snprintf(out, room, "%.*s", (int)strcspn(slash, " "), slash);
}

bool launch_add(const char *engine, const struct scenario *scenario, struct str *out, struct arena *arena, struct err *err)
{
	const struct engine *e = find(engine, err);
	struct compiled c = { 0 };
	struct compiled_pool pool;
	struct launch l = { .c = &c, .pool = &pool, .out = out };
	bool ok = e && compile_scenario(scenario, &c, arena, err) && compile_pool(c.scenario, &c, false, &pool, err);

	if (ok) {
		int64_t ranks = pool.place.dp_attention > 1 ? pool.place.dp_attention : 1;

		l.sc = c.scenario;
		l.seqs = pool.limits.max_seqs / ranks;
		l.tokens = pool.limits.max_tokens / ranks;
		l.memory = isnan(l.sc->scheduler.memory_utilization) ? 0.9 : l.sc->scheduler.memory_utilization;
		model_id(c.model, l.sc->model.name, l.model, sizeof(l.model));
		if (strcmp(engine, "k8s") != 0 && l.sc->deployment.replicas > 1)
			str_addf(out, "# %" PRId64 " times, behind a router (%s)\n", l.sc->deployment.replicas, l.sc->deployment.router);
		if (l.sc->deployment.prefill_replicas > 0)
			str_addf(out, "# and %" PRId64 " replicas that only prefill (disaggregated): same flags, with the engine's KV transfer\n",
				 l.sc->deployment.prefill_replicas);
		for (size_t i = 0; i < l.sc->technique_count; i++)
			str_addf(out, "# simulated with %s: see that the engine has it\n", l.sc->techniques[i].id);
		e->write(&l);
	}
	compiled_release(&c);
	return ok && (!out->failed || err_memory(err));
}
