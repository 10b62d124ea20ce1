/* The parts of a Hugging Face configuration that only some architectures have. Each reads fields and fills h->m;
 * false when the model cannot be modelled (h->err says why). */
#ifndef MODELS_HF_PARTS_H
#define MODELS_HF_PARTS_H

#include "models/hf_fields.h"

bool hf_window(struct hf *h);           /* layer_types, sliding_window, sliding_window_pattern ... -> mixers */
bool hf_experts(struct hf *h);          /* experts under their many names -> moe and ffns */
bool hf_mla(struct hf *h);              /* latent attention, and the indexer of DeepSeek-V3.2 and GLM-5 */
bool hf_gdn(struct hf *h);              /* Qwen3-Next and Qwen3.5: gated delta net in three of four layers */
bool hf_mamba(struct hf *h);            /* Mamba, Mamba-2 and Falcon-Mamba: recurrent layers only */
bool hf_jamba(struct hf *h);
bool hf_nemotron_h(struct hf *h);
bool hf_nemotron_nas(struct hf *h);     /* DeciLM: block_configs, every layer its own */
bool hf_llama4(struct hf *h);
bool hf_gemma4(struct hf *h);
bool hf_minimax_m2(struct hf *h);
bool hf_minimax_m3(struct hf *h);
bool hf_chatglm(struct hf *h);
bool hf_falcon(struct hf *h);
bool hf_gpt_bigcode(struct hf *h);
bool hf_opt(struct hf *h);
bool hf_qwen1(struct hf *h);

/* quantization_config and hf_quant_config.json -> m->format. */
bool hf_quantisation(struct hf *h, json_t *beside);

#endif
