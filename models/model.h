/* A language model's architecture as plain data: from the catalog, a Hugging Face config.json, an XML file or a line
 * such as "gpt:layers=24,hidden=1024,heads=16". Sizes are elements and counts; nothing here depends on a device. */
#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/schema.h"
#include "base/str.h"

enum norm_kind { NORM_RMS, NORM_LAYER, NORM_LAYER_NO_BIAS };
enum position_kind { POSITION_ROPE, POSITION_LEARNED, POSITION_ALIBI, POSITION_NONE };
enum bias_kind { BIAS_NONE, BIAS_QKV, BIAS_QKVO };
enum qk_norm_kind { QK_NORM_NONE, QK_NORM_HEAD, QK_NORM_FULL };   /* head: one weight per head dim; full: per channel */
enum recurrent_kind {
	RECURRENT_NONE, RECURRENT_MAMBA1, RECURRENT_MAMBA2, RECURRENT_GDN, RECURRENT_RWKV6, RECURRENT_RWKV7,
	RECURRENT_MLSTM
};

/* Layer patterns, one letter a layer: a count repeats the letter after it, the part in parentheses repeats until the
 * layers are filled, a pattern without parentheses repeats as a whole ("3D(E)", "(5WA)", "MEMEM*...").
 *   mixers: A attention over everything, W attention in the sliding window, S sparse attention with its own indexer,
 *           T sparse attention that reuses the indexer of the layer before, R recurrent, . none
 *   ffns:   D dense MLP, E experts, . none */
struct model_shape {
	int64_t layers, hidden, vocab, max_context;     /* max_context 0 = no architectural limit */
	bool tied;                                      /* LM head shares the embedding matrix */
	int norm;                                       /* enum norm_kind */
	int64_t norms_per_layer;                        /* of a layer with mixer and MLP; half of it when one is absent */
	bool parallel;                                  /* attention and MLP read the same input and add up */
	bool final_norm;
	int position;                                   /* enum position_kind */
	int64_t position_rows;                          /* learned positions */
	int64_t embedding_dim;                          /* 0 = hidden; else projections in and out */
	bool embedding_norm, head_bias;
	const char *mixers, *ffns;                      /* patterns; NULL: all A (or R) and all D (or E, or none) */
	const char *source;
};

/* kv_lora_rank > 0 makes it multi-head latent attention. */
struct model_attention {
	int64_t heads, kv_heads, head_dim;
	int64_t window;                                 /* tokens, for W layers */
	int bias, qk_norm;                              /* enum bias_kind, enum qk_norm_kind */
	bool output_gate, sinks, sub_norm;              /* gate as wide as the queries; a learned sink per head; norm before o_proj */
	int64_t global_kv_heads, global_head_dim;       /* of A layers when they differ from W layers (0 = same) */
	bool global_k_is_v;                             /* A layers use the key projection for the values, too */
	int64_t q_lora_rank, kv_lora_rank, nope_dim, rope_dim, v_head_dim;
	int64_t index_heads, index_dim, index_top_k;    /* indexer of S layers: scores all tokens, attends to the best */
	const char *source;
};

struct model_mlp {
	int64_t intermediate;
	const char *activation;
	bool gated, bias, sub_norm;
	const char *source;
};

struct model_moe {
	int64_t experts, top_k, expert_intermediate;
	int64_t shared_experts, shared_intermediate;    /* shared_intermediate 0 = shared_experts * expert_intermediate */
	bool shared_gate, router_bias, bias;
	int64_t latent;                                 /* experts work in this width behind two projections; 0 = hidden */
	bool beside_dense;                              /* the dense MLP runs beside the experts in E layers */
	const char *source;
};

struct model_recurrent {
	int kind;                                       /* enum recurrent_kind */
	int64_t inner, state, heads, head_dim;          /* mamba: inner channels, state size; others: heads x head_dim */
	int64_t key_heads, key_dim;                     /* gdn, mlstm: keys (values are heads x head_dim) */
	int64_t groups, conv, dt_rank, chunk;
	int64_t mix_rank, decay_rank, rate_rank, value_rank, gate_rank;    /* rwkv: low-rank widths */
	bool inner_norms, conv_bias;                    /* jamba: norms on dt, B and C */
	double state_bytes;                             /* of one state element */
	const char *source;
};

struct model_format {
	int weights, experts, attention, recurrent, router, head, kv, activations;   /* enum dtype; NONE: weights 16 bit, others as placement.h says */
	double bits;                                    /* native bits of a weight, as published (1.58 for ternary) */
	const char *source;
};

/* Totals the authors publish, and why a recomputed count may differ by more than 1 %. */
struct model_published {
	double total, active;                           /* parameters; 0 = none published */
	const char *total_reason, *active_reason, *source;
};

/* Layers whose sizes differ from the rest ("3,7-9"); 0 and NULL = as the rest. */
struct model_override {
	const char *layers;
	int64_t intermediate, kv_heads;
	const char *source;
};

struct model {
	const char *name, *title, *aliases, *family, *source, *comment;
	struct model_shape shape;
	struct model_attention attention;
	struct model_mlp mlp;
	struct model_moe moe;
	struct model_recurrent recurrent;
	struct model_format format;
	struct model_published published;
	struct model_override *overrides;
	size_t override_count;
	/* Not part of the XML. */
	char *mixer_of, *ffn_of;                        /* the patterns spelled out: layers letters each */
	const char *const *notes;                       /* what an import could not use */
	size_t note_count;
};
extern const struct element model_element;

/* Loads a model: catalog name, alias (letter case does not matter), config.json, XML file or in-place description.
 * The result lives in the arena. Unknown names suggest the nearest. */
MUST_USE const struct model *model_load(const char *name_or_path, struct arena *arena, struct err *err);

/* Checks the numbers against each other and spells out the patterns; model_load and hf_config_read call it. */
MUST_USE bool model_finish(struct model *m, const char *origin, struct arena *arena, struct err *err);

/* XML that model_load reads back to the same model. */
void model_write_xml(const struct model *m, struct str *out);

/* One layer with every size resolved. */
enum mixer_kind { MIXER_NONE, MIXER_ATTENTION, MIXER_MLA, MIXER_RECURRENT };
enum ffn_kind { FFN_NONE, FFN_DENSE, FFN_EXPERTS };
enum index_kind { INDEX_NONE, INDEX_OWN, INDEX_SHARED };
struct layer {
	enum mixer_kind mixer;
	enum ffn_kind ffn;
	enum index_kind index;
	int64_t heads, kv_heads, head_dim, v_head_dim;  /* MLA: head_dim = nope + rope, kv_heads = heads */
	int64_t window;                                 /* 0 = full attention */
	bool k_is_v;
	int64_t intermediate;                           /* of the dense MLP */
};
void model_layer(const struct model *m, int64_t index, struct layer *out);
bool layer_equal(const struct layer *a, const struct layer *b);

/* Parameters recomputed from the architecture. `active` counts what one token passes through, with the input
 * embedding; `multiplied` leaves the embedding look-up out (2 * multiplied = GEMM FLOPs a token, near enough). */
struct model_counts {
	double total, active, multiplied;
	double embedding, head, attention, mlp, router, experts, shared, norms, recurrent;
	double kv_full, kv_window;                      /* cache elements a token: full-attention layers; windowed layers */
	double kv_index;                                /* indexer keys a token, elements */
	double state;                                   /* recurrent state elements a sequence */
};
void model_parameters(const struct model *m, struct model_counts *out);

/* Catalog names, sorted. */
MUST_USE const char *const *model_names(size_t *count, struct arena *arena, struct err *err);

#endif
