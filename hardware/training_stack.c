#include "hardware/training_stack.h"

#include "hardware/catalog.h"

#define AT(member) offsetof(struct training_stack, member)
#define TEXT(name, member, needed, help) { name, FIELD_TEXT, AT(member), 0, 0, 0, needed, NULL, NULL, help }
#define FLAG(name, member, help) { name, FIELD_FLAG, AT(member), 0, 0, 0, false, "no", NULL, help }
#define NUMBER(name, member, si, least, most, fallback, help) { name, FIELD_NUMBER, AT(member), si, least, most, false, fallback, NULL, help }
static const struct field fields[] = {
	TEXT("name", name, true, "a short lower-case name, as the file's"),
	TEXT("title", title, false, "software and version"),
	TEXT("aliases", aliases, false, "other names, separated by blanks"),
	NUMBER("dispatch_us", dispatch_s, 1e-6, 0, 1e4, "5", "host time of one operator with its kernels"),
	NUMBER("step_ms", step_s, 1e-3, 0, 1e6, "5", "host time once a step"),
	FLAG("eager_attention", eager_attention, "attention as products and softmax of their own, scores in memory"),
	FLAG("eager_sinks", eager_sinks, "attention with learned sinks (gpt-oss) runs as kernels of its own"),
	{ "fused", FIELD_FLAG, AT(fused), 0, 0, 0, false, "yes", NULL, "element-wise kernels are fused" },
	FLAG("streaming", streaming, "element-wise kernels run at the rate of memory, not at that measured in serving engines"),
	FLAG("fused_experts", fused_experts, "a product of all experts is one kernel, with their activation and casts; tokens are sorted by the exchange"),
	FLAG("separate_casts", separate_casts, "8- and 4-bit products have their operands cast by kernels of their own, not by the norm or activation before"),
	FLAG("narrow_dispatch", narrow_dispatch, "tokens travel to 8-bit experts in 8 bits (DeepSeek), not in the activations' format"),
	FLAG("dropout", dropout, "dropout masks after attention and MLP"),
	FLAG("selective_half", selective_half, "selective recomputation remakes every second product (torch's policy), not attention's core"),
	NUMBER("logit_bytes", logit_bytes, 1, 2, 32, "6", "memory of one logit with its copies and gradients"),
	FLAG("once_a_node", once_a_node, "expert exchanges send a token to each node once (DeepEP)"),
	NUMBER("attention_backward", attention_backward, 1, 1, 10, "3", "backward over forward time of FlashAttention"),
	NUMBER("tp_overlap", tp_overlap, 1, 0, 1, "0", "share of tensor-parallel collectives hidden behind products"),
	NUMBER("ep_overlap", ep_overlap, 1, 0, 1, "1", "share of expert exchanges that hides behind another micro-batch where they overlap (layout.ep_overlap, DualPipe)"),
	NUMBER("dp_overlap", dp_overlap, 1, 0, 1, "0.9", "share of gradient traffic that may hide behind arithmetic"),
	{ "ring_even", FIELD_FLAG, AT(ring_even), 0, 0, 0, false, "yes", NULL, "context parallel ranks share causal attention evenly" },
	NUMBER("contention", contention, 1, 0, 1, "0.1", "slowdown of arithmetic beside a collective"),
	NUMBER("attention_tflops_most", attention_flop_s_most, 1e12, 0, 1e6, "0", "most that its attention kernels reach on any device; 0 = no such limit"),
	NUMBER("gemm_tflops_most", gemm_flop_s_most, 1e12, 0, 1e6, "0", "most that its 16-bit matrix products reach on any device; 0 = no such limit"),
	NUMBER("gemm_share", gemm_share, 1, 0.1, 4, "1", "matrix products: sustained over measured rate"),
	NUMBER("attention_share", attention_share, 1, 0.1, 4, "1", "attention: sustained over measured rate"),
	NUMBER("elementwise_share", elementwise_share, 1, 0.05, 1.5, "1", "element-wise kernels: sustained over measured rate"),
	NUMBER("comm_share", comm_share, 1, 0.1, 1.5, "1", "collectives: sustained over measured rate"),
	NUMBER("grad_bytes", grad_bytes, 1, 1, 8, "4", "bytes of a gradient as kept and reduced"),
	NUMBER("grad_sweeps", grad_sweeps, 1, 0, 20, "1", "times that the step's end reads or writes every gradient: unscaling, norm, clipping, zeroing"),
	NUMBER("message_us", message_s, 1e-6, 0, 1e5, "0", "host time of a pipeline message that both ends wait for; 0 = messages go beside arithmetic"),
	FLAG("messages_wait", messages_wait, "without interleaving both ends of a pipeline message wait for it, though the host does not refill"),
	FLAG("keeps_outputs", keeps_outputs, "the last stage of a pipeline keeps the 16-bit logits of all micro-batches to the end of the step"),
	FLAG("keeps_edges", keeps_edges, "chunks of a pipeline hold what they receive and send, and its gradients, for all micro-batches to the end of the step"),
	FLAG("keeps_gathered", keeps_gathered, "sequence parallelism keeps inputs of products as gathered, instead of gathering them again backwards"),
	FLAG("sharded_masters", sharded_masters, "zero=3: the sharded weights are the optimizer's in 32 bits, cast as they are gathered (FSDP)"),
	FLAG("narrow_gather", narrow_gather, "zero=3: weights of 8-bit products are gathered and held in 8 bits (torchao's float8 all-gather)"),
	NUMBER("straggler_sigma", straggler_sigma, 1, 0, 1, "0.005", "spread of a device's step time over its mean"),
	TEXT("source", source, true, "which figures are measured, fitted (on what) and estimated"),
};
const struct element training_stack_element = {
	.name = "training-stack", .fields = fields, .field_count = COUNT_OF(fields), .size = sizeof(struct training_stack),
	.help = "training software: fusion, host time, overlap",
};

const struct training_stack *training_stack_load(const char *name_or_path, struct arena *arena, struct err *err)
{
	const char *path = catalog_find("hardware/training_stacks", "training stack", name_or_path, arena, err);
	struct training_stack *s = path ? arena_alloc(arena, sizeof(*s)) : NULL;

	if (!s) {
		if (path)
			err_memory(err);
		return NULL;
	}
	return schema_load(path, &training_stack_element, s, arena, err) ? s : NULL;
}
