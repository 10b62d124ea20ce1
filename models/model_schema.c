/* The XML of a model, attribute by attribute. */
#include "hardware/operator.h"
#include "models/model.h"

/* clang-format off */

static const char *const norm_names[] = { "rmsnorm", "layernorm", "layernorm-no-bias", NULL };
static const char *const position_names[] = { "rope", "learned", "alibi", "none", NULL };
static const char *const bias_names[] = { "none", "qkv", "qkvo", NULL };
static const char *const qk_norm_names[] = { "none", "head", "full", NULL };
static const char *const recurrent_names[] = { "none", "mamba1", "mamba2", "gdn", "rwkv6", "rwkv7", "mlstm", NULL };

/* `in` names the struct that the table is about. */
#define COUNT(attribute, member, least_, most_, text) \
	{ .name = attribute, .type = FIELD_INT, .offset = offsetof(in, member), .least = least_, .most = most_, .help = text }
#define FLAG(attribute, member, text) \
	{ .name = attribute, .type = FIELD_FLAG, .offset = offsetof(in, member), .help = text }
#define FLAG_YES(attribute, member, text) \
	{ .name = attribute, .type = FIELD_FLAG, .offset = offsetof(in, member), .fallback = "yes", .help = text }
#define TEXT(attribute, member, text) \
	{ .name = attribute, .type = FIELD_TEXT, .offset = offsetof(in, member), .help = text }
#define CHOICE(attribute, member, list, text) \
	{ .name = attribute, .type = FIELD_CHOICE, .offset = offsetof(in, member), .choices = list, .help = text }
#define NUMBER(attribute, member, scale, least_, most_, default_, text) \
	{ .name = attribute, .type = FIELD_NUMBER, .offset = offsetof(in, member), .to_si = scale, .least = least_, \
	  .most = most_, .fallback = default_, .help = text }
#define SOURCE TEXT("source", source, "where the figures of this element come from")

#define in struct model_shape
static const struct field shape_fields[] = {
	{ .name = "layers", .type = FIELD_INT, .offset = offsetof(in, layers), .least = 1, .most = 4096, .required = true,
	  .help = "blocks, counted as the model's configuration counts them" },
	{ .name = "hidden", .type = FIELD_INT, .offset = offsetof(in, hidden), .least = 1, .most = 1048576, .required = true,
	  .help = "width of the residual stream" },
	{ .name = "vocab", .type = FIELD_INT, .offset = offsetof(in, vocab), .least = 1, .most = 100000000, .required = true,
	  .help = "rows of the embedding matrix" },
	COUNT("max_context", max_context, 0, 1e12, "tokens the model was made for; 0 = no architectural limit"),
	FLAG("tied", tied, "the LM head is the embedding matrix"),
	CHOICE("norm", norm, norm_names, "normalisation"),
	{ .name = "norms_per_layer", .type = FIELD_INT, .offset = offsetof(in, norms_per_layer), .least = 0, .most = 8,
	  .fallback = "2", .help = "of a layer with mixer and MLP; half of it in a layer with one of the two" },
	FLAG("parallel", parallel, "attention and MLP read the same input and are added (GPT-J, Falcon, Phi-2)"),
	FLAG_YES("final_norm", final_norm, "a norm before the LM head"),
	CHOICE("position", position, position_names, "position encoding; learned positions count as parameters"),
	COUNT("position_rows", position_rows, 0, 1e9, "learned positions"),
	COUNT("embedding_dim", embedding_dim, 0, 1048576, "width of the embedding when it differs (OPT-350m)"),
	FLAG("embedding_norm", embedding_norm, "a norm after the embedding (BLOOM, RWKV)"),
	FLAG("head_bias", head_bias, "the LM head has a bias"),
	TEXT("mixers", mixers, "pattern of A attention, W windowed, S sparse with indexer, T sparse reusing it, R recurrent, . none"),
	TEXT("ffns", ffns, "pattern of D dense, E experts, . none; '3D(E)' = three dense, then experts"),
	SOURCE,
};
#undef in
#define in struct model_attention
static const struct field attention_fields[] = {
	COUNT("heads", heads, 0, 65536, "query heads"),
	COUNT("kv_heads", kv_heads, 0, 65536, "key/value heads; 0 = as many as query heads"),
	COUNT("head_dim", head_dim, 0, 65536, "width of a head; 0 = hidden / heads"),
	COUNT("window", window, 0, 1e12, "tokens that W layers attend to"),
	CHOICE("bias", bias, bias_names, "projections with a bias"),
	CHOICE("qk_norm", qk_norm, qk_norm_names, "norm of queries and keys: one weight per head dim, or per channel"),
	FLAG("output_gate", output_gate, "the query projection carries an output gate as well"),
	FLAG("sinks", sinks, "one learned sink a head"),
	FLAG("sub_norm", sub_norm, "a norm before the output projection"),
	COUNT("global_kv_heads", global_kv_heads, 0, 65536, "key/value heads of A layers when W layers have others"),
	COUNT("global_head_dim", global_head_dim, 0, 65536, "head width of A layers when W layers have another"),
	FLAG("global_k_is_v", global_k_is_v, "A layers have no value projection: the keys serve"),
	COUNT("q_lora_rank", q_lora_rank, 0, 65536, "MLA: rank of the query projection; 0 = full"),
	COUNT("kv_lora_rank", kv_lora_rank, 0, 65536, "MLA: width of the cached latent; above 0 makes it MLA"),
	COUNT("nope_dim", nope_dim, 0, 65536, "MLA: head width without position"),
	COUNT("rope_dim", rope_dim, 0, 65536, "MLA: head width with rotary position"),
	COUNT("v_head_dim", v_head_dim, 0, 65536, "MLA: width of a value head"),
	COUNT("index_heads", index_heads, 0, 65536, "S layers: heads of the indexer"),
	COUNT("index_dim", index_dim, 0, 65536, "S layers: head width of the indexer"),
	COUNT("index_top_k", index_top_k, 0, 1e9, "S and T layers: tokens attended to"),
	SOURCE,
};
#undef in
#define in struct model_mlp
static const struct field mlp_fields[] = {
	COUNT("intermediate", intermediate, 0, 16777216, "inner width of the dense MLP"),
	TEXT("activation", activation, "silu, gelu, relu ... (for the reader)"),
	FLAG_YES("gated", gated, "three matrices (gate, up, down); no = two. Holds for experts, too"),
	FLAG("bias", bias, "projections have biases"),
	FLAG("sub_norm", sub_norm, "a norm before the down projection"),
	SOURCE,
};
#undef in
#define in struct model_moe
static const struct field moe_fields[] = {
	COUNT("experts", experts, 0, 1048576, "routed experts a layer"),
	COUNT("top_k", top_k, 0, 1048576, "experts a token"),
	COUNT("expert_intermediate", expert_intermediate, 0, 16777216, "inner width of one expert"),
	COUNT("shared_experts", shared_experts, 0, 1024, "experts that every token passes"),
	COUNT("shared_intermediate", shared_intermediate, 0, 16777216, "their width in all; 0 = shared_experts times an expert's"),
	FLAG("shared_gate", shared_gate, "a scalar gate on the shared experts"),
	FLAG("router_bias", router_bias, "one bias an expert in the router"),
	FLAG("bias", bias, "experts have biases"),
	COUNT("latent", latent, 0, 1048576, "width the experts work in, behind projections down and up; 0 = hidden"),
	FLAG("beside_dense", beside_dense, "the dense MLP runs beside the experts"),
	SOURCE,
};
#undef in
#define in struct model_recurrent
static const struct field recurrent_fields[] = {
	CHOICE("kind", kind, recurrent_names, "the recurrent mixer of R layers; gdn = gated delta net"),
	COUNT("inner", inner, 0, 16777216, "mamba: inner channels"),
	COUNT("state", state, 0, 65536, "mamba: state elements a channel"),
	COUNT("heads", heads, 0, 65536, "heads (value heads)"),
	COUNT("head_dim", head_dim, 0, 65536, "width of a (value) head"),
	COUNT("key_heads", key_heads, 0, 65536, "gdn: key heads"),
	COUNT("key_dim", key_dim, 0, 65536, "gdn, mlstm: width of a key head"),
	COUNT("groups", groups, 0, 65536, "mamba2: groups that share B and C"),
	COUNT("conv", conv, 0, 1024, "taps of the short convolution"),
	COUNT("dt_rank", dt_rank, 0, 65536, "mamba1: rank of the step-size projection"),
	{ .name = "chunk", .type = FIELD_INT, .offset = offsetof(in, chunk), .least = 1, .most = 65536, .fallback = "64",
	  .help = "tokens that the prefill kernel takes at once" },
	COUNT("mix_rank", mix_rank, 0, 65536, "rwkv6: rank of the token-shift mixes"),
	COUNT("decay_rank", decay_rank, 0, 65536, "rwkv: rank of the decay"),
	COUNT("rate_rank", rate_rank, 0, 65536, "rwkv7: rank of the in-context learning rate"),
	COUNT("value_rank", value_rank, 0, 65536, "rwkv7: rank of the value residual"),
	COUNT("gate_rank", gate_rank, 0, 65536, "rwkv7: rank of the gate"),
	FLAG("inner_norms", inner_norms, "mamba1: norms on step size, B and C (Jamba)"),
	FLAG_YES("conv_bias", conv_bias, "the convolution has a bias"),
	NUMBER("state_bytes", state_bytes, 1, 0.5, 8, "4", "bytes of one state element"),
	SOURCE,
};
#undef in
#define in struct model_format
static const struct field format_fields[] = {
	CHOICE("weights", weights, dtype_names, "native format of GEMM weights; none = 16 bit"),
	CHOICE("experts", experts, dtype_names, "native format of the routed experts; none = as weights"),
	CHOICE("attention", attention, dtype_names, "native format of attention projections; none = as weights"),
	CHOICE("recurrent", recurrent, dtype_names, "native format of recurrent projections; none = as weights"),
	CHOICE("router", router, dtype_names, "native format of the router's product; none = as activations"),
	CHOICE("head", head, dtype_names, "native format of embedding and LM head; none = bf16"),
	CHOICE("kv", kv, dtype_names, "cache format the checkpoint is calibrated for; none = as activations"),
	CHOICE("activations", activations, dtype_names, "between operators; none = bf16"),
	NUMBER("bits", bits, 1, 0.1, 64, "16", "bits of a weight, as published"),
	SOURCE,
};
#undef in
#define in struct model_published
static const struct field published_fields[] = {
	NUMBER("total_b", total, 1e9, 0, 1e6, "0", "parameters as published, 1e9"),
	NUMBER("active_b", active, 1e9, 0, 1e6, "0", "parameters a token uses as published, 1e9"),
	TEXT("total_reason", total_reason, "why the recomputed total may differ by more than 1 %"),
	TEXT("active_reason", active_reason, "why the recomputed active count may differ by more than 1 %"),
	SOURCE,
};
#undef in
#define in struct model_override
static const struct field override_fields[] = {
	{ .name = "layers", .type = FIELD_TEXT, .offset = offsetof(in, layers), .required = true,
	  .help = "layer numbers from 0: \"3,7-9\"" },
	COUNT("intermediate", intermediate, 0, 16777216, "width of the dense MLP there"),
	COUNT("kv_heads", kv_heads, 0, 65536, "key/value heads there"),
	SOURCE,
};
#undef in

#define CHILD(tag, type, member, text) \
	static const struct element member##_element = { .name = tag, .fields = member##_fields, \
		.field_count = COUNT_OF(member##_fields), .offset = offsetof(struct model, member), .size = sizeof(type), \
		.help = text }
static const struct element shape_element = { .name = "shape", .fields = shape_fields, .field_count = COUNT_OF(shape_fields),
	.offset = offsetof(struct model, shape), .size = sizeof(struct model_shape), .required = true,
	.help = "what every model has" };
CHILD("attention", struct model_attention, attention, "attention layers");
CHILD("mlp", struct model_mlp, mlp, "dense feed-forward part");
CHILD("moe", struct model_moe, moe, "experts");
CHILD("recurrent", struct model_recurrent, recurrent, "recurrent layers");
CHILD("format", struct model_format, format, "number formats of the checkpoint");
CHILD("published", struct model_published, published, "parameter counts that the authors give");
static const struct element override_element = { .name = "override", .fields = override_fields,
	.field_count = COUNT_OF(override_fields), .offset = offsetof(struct model, overrides),
	.size = sizeof(struct model_override), .repeated = true, .count_offset = offsetof(struct model, override_count),
	.help = "layers whose sizes differ" };

static const struct element *const model_children[] = {
	&shape_element, &attention_element, &mlp_element, &moe_element, &recurrent_element, &format_element,
	&published_element, &override_element, NULL
};

#define in struct model
static const struct field model_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, .offset = offsetof(in, name), .required = true,
	  .help = "lower case with hyphens and dots; the file is NAME.xml" },
	TEXT("title", title, "name as the authors write it"),
	TEXT("aliases", aliases, "other names, separated by blanks; Hugging Face ids, too"),
	TEXT("family", family, "llama, qwen, deepseek ..."),
	TEXT("comment", comment, "what a reader should know"),
	SOURCE,
};
#undef in

const struct element model_element = {
	.name = "model", .fields = model_fields, .field_count = COUNT_OF(model_fields), .children = model_children,
	.size = sizeof(struct model), .help = "the architecture of one language model"
};

void model_write_xml(const struct model *m, struct str *out)
{
	schema_write_xml(&model_element, m, out);
}
