#include "validation/engine/engine_cases.h"

#include <string.h>

/* Chat: short prompts and answers of very different lengths. Long: prompts several times the batch's token budget. */
#define CHAT "workload.prompt_tokens.kind=lognormal workload.prompt_tokens.mu=4.4 workload.prompt_tokens.sigma=0.8 workload.prompt_tokens.least=8 " \
	     "workload.prompt_tokens.most=900 workload.output_tokens.kind=lognormal workload.output_tokens.mu=3.3 workload.output_tokens.sigma=0.6 " \
	     "workload.output_tokens.least=3 workload.output_tokens.most=200 "
#define LONG "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=300 workload.prompt_tokens.most=1500 workload.output_tokens.kind=uniform " \
	     "workload.output_tokens.least=8 workload.output_tokens.most=40 "
#define SHORT "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=12 workload.prompt_tokens.most=60 workload.output_tokens.kind=uniform " \
	      "workload.output_tokens.least=12 workload.output_tokens.most=48 "
#define TURNS "workload.sessions.turns.kind=fixed workload.sessions.turns.value=3 workload.sessions.think_s.kind=fixed workload.sessions.think_s.value=0.2 " \
	      "workload.prefixes.block_tokens=16 workload.prefixes.shared_tokens=128 workload.prefixes.shared_prompts=2 "

const struct engine_case engine_cases[] = {
	{ "10m-chat", "10 M parameters, chat at 60 % of the most it can do", "llama:layers=6,hidden=320,heads=5,kv_heads=5,intermediate=896,vocab=4096,context=4096", "fp32", 1, 80,
	  0.6, 0, CHAT "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=512" },
	{ "10m-saturated", "the same, all requests at once", "llama:layers=6,hidden=320,heads=5,kv_heads=5,intermediate=896,vocab=4096,context=4096", "bf16", 0, 80, 0, 0,
	  CHAT "scheduler.max_num_seqs=32 scheduler.max_num_batched_tokens=1024" },
	{ "40m-closed", "40 M parameters, 12 users who wait for each answer", "llama:layers=8,hidden=576,heads=9,kv_heads=3,intermediate=1536,vocab=6000,context=4096", "bf16", 1, 60,
	  0, 12, CHAT "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=768" },
	{ "40m-long", "long prompts in chunks", "llama:layers=8,hidden=576,heads=9,kv_heads=3,intermediate=1536,vocab=6000,context=4096", "int8", 0, 24, 0.7, 0,
	  LONG "scheduler.max_num_seqs=8 scheduler.max_num_batched_tokens=384" },
	{ "40m-turns", "conversations whose turns share their start", "llama:layers=8,hidden=576,heads=9,kv_heads=3,intermediate=1536,vocab=6000,context=4096", "fp32", 0, 45, 0.5,
	  0, SHORT TURNS "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=512 scheduler.prefix_caching=yes" },
	{ "40m-scarce", "a cache too small for the batch", "llama:layers=8,hidden=576,heads=9,kv_heads=3,intermediate=1536,vocab=6000,context=4096", "bf16", 1, 40, 0, 0,
	  CHAT "scheduler.max_num_seqs=24 scheduler.max_num_batched_tokens=512 scheduler.kv_blocks=120" },
	{ "moe-60m", "8 experts, 2 a token", "llama:layers=6,hidden=448,heads=7,kv_heads=7,vocab=5000,experts=8,top_k=2,expert_intermediate=640,context=4096", "bf16", 1, 48, 0.6, 0,
	  CHAT "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=512" },
	{ "moe-100m", "16 experts, 4 a token, in fp32", "llama:layers=5,hidden=384,heads=6,kv_heads=2,vocab=5000,experts=16,top_k=4,expert_intermediate=320,context=4096", "fp32", 0, 48, 0,
	  10, CHAT "scheduler.max_num_seqs=12 scheduler.max_num_batched_tokens=384" },
	{ "160m-chat", "160 M parameters", "llama:layers=12,hidden=896,heads=14,kv_heads=2,intermediate=2432,vocab=8000,context=4096", "bf16", 0, 32, 0.6, 0,
	  SHORT "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=256" },
	{ "400m-int8", "400 M parameters in 8 bits", "llama:layers=18,hidden=1280,heads=20,kv_heads=4,intermediate=3456,vocab=9000,context=4096", "int8", 0, 20, 0, 6,
	  SHORT "scheduler.max_num_seqs=8 scheduler.max_num_batched_tokens=256" },
	{ "1b", "1 B parameters", "llama:layers=20,hidden=1920,heads=30,kv_heads=6,intermediate=5376,vocab=12000,context=4096", "bf16", 0, 10, 0, 4,
	  SHORT "scheduler.max_num_seqs=4 scheduler.max_num_batched_tokens=128" },
	{ 0 },
};

/* Answers of very different lengths: a static batch waits for its longest. */
#define SPREAD "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=20 workload.prompt_tokens.most=100 workload.output_tokens.kind=lognormal " \
	       "workload.output_tokens.mu=3.3 workload.output_tokens.sigma=0.8 workload.output_tokens.least=4 workload.output_tokens.most=160 "

/* A context that outweighs the weights, read many times. */
#define CONTEXT "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=900 workload.prompt_tokens.most=1100 workload.output_tokens.kind=uniform " \
		"workload.output_tokens.least=120 workload.output_tokens.most=200 "

/* The engine shares no prefixes where a technique keeps something beside the blocks: neither side nor the simulation does. */
#define ALONE "scheduler.prefix_caching=no "

const struct engine_module engine_modules[] = {
	/* unpack_ops: what the kernel's instructions take (validation/gains_cases.c). */
	{ "bitnet_b158_v1796", "unpack_ops=1.75", "unpack_ops=6", NULL,
	  { "bitnet", "one user, 16-bit or ternary weights in the layers", "llama:layers=4,hidden=1024,heads=16,kv_heads=16,intermediate=2816,vocab=2048,context=2048",
	    "bf16", 1, 6, 0, 1, SHORT "scheduler.max_num_seqs=1 scheduler.max_num_batched_tokens=256" } },
	{ "vllm_v2_v1871", NULL, NULL, "scheduler.name=static",
	  { "vllm", "all at once, answers of 4 to 160 tokens: batches that wait for their longest, or not",
	    "llama:layers=6,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=4096,context=2048", "fp32", 1, 64, 0, 0,
	    SPREAD "scheduler.max_num_seqs=8 scheduler.max_num_batched_tokens=512" } },
	{ "kivi_v1821", "unpack_ops=4", "unpack_ops=10", NULL,
	  { "kivi", "all at once, prompts of 900 to 1,100 tokens: 2 bits instead of 32 in the cache",
	    "llama:layers=2,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=1024,context=2048", "fp32", 1, 8, 0, 0,
	    CONTEXT ALONE "scheduler.max_num_seqs=8 scheduler.max_num_batched_tokens=2048 scheduler.block_size=64 scheduler.kv_blocks=512" } },
	{ "mixture_of_depths_v1799", NULL, NULL, NULL,
	  { "mod", "all at once: every second layer on an eighth of the tokens",
	    "llama:layers=4,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=1024,context=2048", "fp32", 1, 16, 0, 0,
	    "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=200 workload.prompt_tokens.most=400 workload.output_tokens.kind=uniform "
	    "workload.output_tokens.least=20 workload.output_tokens.most=60 " ALONE "scheduler.max_num_seqs=16 scheduler.max_num_batched_tokens=1024" } },
	{ "h2o_v1825", NULL, NULL, NULL,
	  { "h2o", "the same load over the fifth of the tokens that is kept",
	    "llama:layers=2,hidden=512,heads=8,kv_heads=8,intermediate=1408,vocab=1024,context=2048", "fp32", 1, 8, 0, 0,
	    CONTEXT ALONE "scheduler.max_num_seqs=8 scheduler.max_num_batched_tokens=2048 scheduler.kv_blocks=2048" } },
	/* The server's own time of a round is another's (host_round_us, host_seq_us); this one's is measured with its steps. */
	{ "eagle3_v1861", "host_round_us=0,host_seq_us=0", NULL, NULL,
	  { "eagle3", "three users: a draft layer guesses three tokens, the next pass verifies them",
	    "llama:layers=12,hidden=640,heads=10,kv_heads=10,intermediate=1792,vocab=4096,context=2048", "fp32", 1, 12, 0, 3,
	    "workload.prompt_tokens.kind=uniform workload.prompt_tokens.least=40 workload.prompt_tokens.most=120 workload.output_tokens.kind=uniform "
	    "workload.output_tokens.least=60 workload.output_tokens.most=140 " ALONE "scheduler.max_num_seqs=4 scheduler.max_num_batched_tokens=256" } },
	{ 0 },
};

bool engine_case_scenario(const struct engine_case *c, struct scenario *sc, struct arena *arena, struct err *err)
{
	char *copy = arena_strdup(arena, c->settings), *save = NULL;

	if (!copy)
		return err_memory(err);
	if (!scenario_workload(sc, NULL, arena, err) || !schema_set(&scenario_element, sc, "model.dtype", c->dtype, c->name, arena, err))
		return false;
	sc->model.name = c->model;
	sc->workload.requests = c->requests;
	sc->workload.concurrency = c->concurrency;
	if (c->load == 0)
		sc->workload.arrivals.kind = ARRIVAL_ALL_AT_ONCE;
	for (char *pair = strtok_r(copy, " ", &save); pair; pair = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(pair, '=');

		*equals = '\0';
		if (!schema_set(&scenario_element, sc, pair, equals + 1, c->name, arena, err))
			return false;
	}
	return true;
}
