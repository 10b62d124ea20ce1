#include "hardware/stack.h"

#include "hardware/catalog.h"

#define AT(member) offsetof(struct stack, member)
#define SECONDS(name, member, to_si, help) { name, FIELD_NUMBER, AT(member), to_si, 0, 1e6, false, "0", NULL, help }
static const struct field stack_fields[] = {
	{ "name", FIELD_TEXT, AT(name), 0, 0, 0, true, NULL, NULL, "a short lower-case name, as the file's" },
	{ "title", FIELD_TEXT, AT(title), 0, 0, 0, false, NULL, NULL, "software and version" },
	{ "aliases", FIELD_TEXT, AT(aliases), 0, 0, 0, false, NULL, NULL, "other names, separated by blanks" },
	{ "tables", FIELD_TEXT, AT(tables), 0, 0, 0, false, NULL, NULL,
	  "measured tables to use, in order of preference" },
	{ "contained", FIELD_TEXT, AT(contained), 0, 0, 0, false, NULL, NULL,
	  "operators that the measurements of others hold, separated by blanks" },
	{ "beside", FIELD_TEXT, AT(beside), 0, 0, 0, false, NULL, NULL,
	  "parts of a layer that run beside or inside another: shared_experts, kv_a_norm, reduce_norm" },
	{ "beside_tokens", FIELD_INT, AT(beside_tokens), 0, 0, 1e6, false, "0", NULL, "in batches of so many tokens at most" },
	{ "extra", FIELD_TEXT, AT(extra), 0, 0, 0, false, NULL, NULL, "kernels that a layer has besides, separated by blanks: shared_add" },
	SECONDS("step_us", step_s, 1e-6, "host time of every iteration"),
	SECONDS("seq_us", seq_s, 1e-6, "and of each sequence in it"),
	SECONDS("prefill_seq_us", prefill_seq_s, 1e-6, "more for each sequence in prefill"),
	SECONDS("token_us", token_s, 1e-6, "and of each token of the batch"),
	SECONDS("launch_us", launch_s, 1e-6, "launching one operator outside a captured graph"),
	SECONDS("logit_ns", logit_s, 1e-9, "and of each of its logits, where the host chooses the token"),
	SECONDS("visible_us", visible_s, 1e-6, "that overlap cannot hide"),
	SECONDS("tp_step_us", tp_step_s, 1e-6, "added with tensor parallelism"),
	SECONDS("request_us", request_s, 1e-6, "once a request, before its first schedule"),
	SECONDS("prompt_token_us", prompt_token_s, 1e-6, "and for each token of its prompt, when requests come one by one"),
	SECONDS("handover_us", handover_s, 1e-6, "between pools, once a request, beside the transfer"),
	SECONDS("first_token_us", first_token_s, 1e-6, "from the first token to the client"),
	SECONDS("message_us", message_s, 1e-6, "of the one process that sends answers, for each message of a stream"),
	SECONDS("rank_wait_us", rank_wait_s, 1e-6, "in each all-reduce, until the last rank is there"),
	{ "overlap", FIELD_FLAG, AT(overlap), 0, 0, 0, false, "no", NULL, "host time hides behind the device's" },
	{ "expert_share", FIELD_NUMBER, AT(expert_share), 1, 0, 1, false, "0", NULL,
	  "of the rate that tables of other software show, what its 4-bit experts reach; 0 = all" },
	{ "narrow_streams", FIELD_FLAG, AT(narrow_streams), 0, 0, 0, false, "no", NULL,
	  "decode attention reads 8-bit caches as fast as 16-bit ones, whatever tables of other software say" },
	{ "narrow_operands", FIELD_FLAG, AT(narrow_operands), 0, 0, 0, false, "no", NULL,
	  "norms, activations and attention write 8- and 4-bit operands themselves; tables of products hold a kernel that quantises them" },
	{ "gathers", FIELD_FLAG, AT(gathers), 0, 0, 0, false, "no", NULL, "requests of one instant are all seen before a batch is formed (no server between them)" },
	{ "norm_share", FIELD_NUMBER, AT(norm_share), 1, 0, 1, false, "0", NULL, "of the rate of a stream that its norms reach on GPUs; 0: what kernels of 2023 did" },
	{ "separate_add", FIELD_FLAG, AT(separate_add), 0, 0, 0, false, "no", NULL, "residual additions are kernels of their own, not part of the norms" },
	{ "graph_max_tokens", FIELD_INT, AT(graph_max_tokens), 0, 0, 1e6, false, "0", NULL,
	  "largest batch in a captured graph" },
	{ "graph_prefill", FIELD_FLAG, AT(graph_prefill), 0, 0, 0, false, "no", NULL, "batches with prompts run captured too" },
	{ "graph_launch_share", FIELD_NUMBER, AT(graph_launch_share), 1, 0, 1, false, "0", NULL, "of the kernels of a captured batch with prompts, those launched one by one" },
	{ "graph_granularity", FIELD_INT, AT(graph_granularity), 0, 0, 1e6, false, "0", NULL,
	  "captured sizes are multiples of this" },
	{ "graph_fine_tokens", FIELD_INT, AT(graph_fine_tokens), 0, 0, 1e6, false, "0", NULL,
	  "up to so many tokens: larger captured sizes double; 0 = multiples throughout" },
	{ "source", FIELD_TEXT, AT(source), 0, 0, 0, true, NULL, NULL,
	  "which figures are measured and which estimated" },
};
const struct element stack_element = {
	.name = "stack", .fields = stack_fields, .field_count = COUNT_OF(stack_fields), .size = sizeof(struct stack),
	.help = "serving software: whose kernels, and what its host side costs",
};

const struct stack *stack_load(const char *name_or_path, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("hardware/stacks", "stack", name_or_path, arena, err);
	struct stack *s = path ? arena_alloc(arena, sizeof(*s)) : NULL;

	if (!s) {
		if (path)
			err_memory(err);
		return NULL;
	}
	return schema_load(path, &stack_element, s, arena, err) ? s : NULL;
}
