/* validation/engine's readers of weights: files written here by hand load to the values that were written, and broken ones are refused. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/str.h"
#include "kernels/core/formats.h"
#include "tests/unit/scratch.h"
#include "validation/engine/engine_model.h"
#include "validation/engine/reference_pass.h"
#include "validation/engine/tensor_file.h"

enum { HIDDEN = 32, HEADS = 4, KV = 2, DIM = 8, WIDE = 64, VOCAB = 40, LAYERS = 2 };
static const struct engine_shape shape = { .layers = LAYERS, .hidden = HIDDEN, .heads = HEADS, .kv_heads = KV, .head_dim = DIM, .intermediate = WIDE, .vocab = VOCAB,
					   .context = 64, .rope_theta = 5000, .eps = 1e-6 };

/* ---- writers ---- */

static void put_u32(struct str *s, uint32_t v)
{
	str_add_bytes(s, (const char *)&v, sizeof(v));
}

static void put_u64(struct str *s, uint64_t v)
{
	str_add_bytes(s, (const char *)&v, sizeof(v));
}

static void put_text(struct str *s, const char *text)
{
	put_u64(s, strlen(text));
	str_add(s, text);
}

static uint16_t f16_of(float x)
{
	uint32_t bits;
	int exponent;

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 23 & 255) - 112;
	if (exponent <= 0)
		return (uint16_t)(bits >> 16 & 0x8000);
	return (uint16_t)((bits >> 16 & 0x8000) | (uint32_t)exponent << 10 | (bits >> 13 & 1023));
}

/* Values of a type, and what they stand for after rounding into `back`. */
static void put_values(struct str *s, enum tensor_type type, const float *v, int64_t n, float *back)
{
	for (int64_t b = 0; b < n; b += QUANT_BLOCK) {
		float most = 0, scale;

		for (int64_t i = b; i < b + QUANT_BLOCK && i < n; i++) {
			uint16_t half = type == TENSOR_F16 ? f16_of(v[i]) : bf16_from_float(v[i]);

			most = fmaxf(most, fabsf(v[i]));
			back[i] = type == TENSOR_F32 ? v[i] : type == TENSOR_F16 ? float_from_f16(half) : float_from_bf16(half);
			if (type == TENSOR_F32)
				str_add_bytes(s, (const char *)&v[i], 4);
			else if (type == TENSOR_F16 || type == TENSOR_BF16)
				str_add_bytes(s, (const char *)&half, 2);
		}
		if (type < TENSOR_Q8_0)
			continue;
		{
			uint16_t d = f16_of(most / (type == TENSOR_Q8_0 ? 127 : 7));
			signed char q[QUANT_BLOCK];

			scale = float_from_f16(d);
			str_add_bytes(s, (const char *)&d, 2);
			for (int i = 0; i < QUANT_BLOCK; i++) {
				q[i] = (signed char)fmaxf(-8 - (type == TENSOR_Q8_0 ? 119 : 0), fminf(type == TENSOR_Q8_0 ? 127 : 7, roundf(v[b + i] / scale)));
				back[b + i] = scale * (float)q[i];
			}
			for (int i = 0; i < (type == TENSOR_Q8_0 ? QUANT_BLOCK : QUANT_BLOCK / 2); i++) {
				unsigned char packed = (unsigned char)(q[i] + 8) | (unsigned char)((unsigned)(q[(i + 16) % 32] + 8) << 4);

				str_add_bytes(s, type == TENSOR_Q8_0 ? (const char *)&q[i] : (const char *)&packed, 1);
			}
		}
	}
}

static const struct piece { enum weight_role role; const char *hf, *gguf; int64_t rows, cols; bool layer; } pieces[] = {
	{ WEIGHT_EMBEDDING, "model.embed_tokens.weight", "token_embd.weight", VOCAB, HIDDEN, false },
	{ WEIGHT_HEAD, "lm_head.weight", "output.weight", VOCAB, HIDDEN, false },
	{ WEIGHT_FINAL_NORM, "model.norm.weight", "output_norm.weight", 1, HIDDEN, false },
	{ WEIGHT_ATTENTION_NORM, "model.layers.%d.input_layernorm.weight", "blk.%d.attn_norm.weight", 1, HIDDEN, true },
	{ WEIGHT_Q, "model.layers.%d.self_attn.q_proj.weight", "blk.%d.attn_q.weight", HEADS * DIM, HIDDEN, true },
	{ WEIGHT_K, "model.layers.%d.self_attn.k_proj.weight", "blk.%d.attn_k.weight", KV * DIM, HIDDEN, true },
	{ WEIGHT_V, "model.layers.%d.self_attn.v_proj.weight", "blk.%d.attn_v.weight", KV * DIM, HIDDEN, true },
	{ WEIGHT_O, "model.layers.%d.self_attn.o_proj.weight", "blk.%d.attn_output.weight", HIDDEN, HEADS * DIM, true },
	{ WEIGHT_MLP_NORM, "model.layers.%d.post_attention_layernorm.weight", "blk.%d.ffn_norm.weight", 1, HIDDEN, true },
	{ WEIGHT_GATE, "model.layers.%d.mlp.gate_proj.weight", "blk.%d.ffn_gate.weight", WIDE, HIDDEN, true },
	{ WEIGHT_UP, "model.layers.%d.mlp.up_proj.weight", "blk.%d.ffn_up.weight", WIDE, HIDDEN, true },
	{ WEIGHT_DOWN, "model.layers.%d.mlp.down_proj.weight", "blk.%d.ffn_down.weight", HIDDEN, WIDE, true },
};

struct written {
	const struct piece *piece;
	int layer;
	float back[WIDE * VOCAB];
};

static enum tensor_type type_at(size_t i, bool gguf)
{
	static const enum tensor_type plain[] = { TENSOR_F32, TENSOR_F16, TENSOR_BF16 }, all[] = { TENSOR_F32, TENSOR_Q8_0, TENSOR_F16, TENSOR_Q4_0, TENSOR_BF16 };

	return gguf ? all[i % 5] : plain[i % 3];
}

static struct written *make(const struct weight_source *random, bool gguf, struct str *data, size_t *count, int64_t *offsets)
{
	struct written *all = mem_calloc(64, sizeof(*all));
	float values[WIDE * VOCAB];
	struct err err = { 0 };
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	for (int layer = 0; layer < LAYERS; layer++)
		for (size_t i = 0; i < COUNT_OF(pieces); i++) {
			const struct piece *p = &pieces[i];

			if (!p->layer && layer > 0)
				continue;
			CU_ASSERT_TRUE_FATAL(weight_source_read(random, p->role, layer, 0, 0, p->rows, p->cols, values, &err));
			all[n] = (struct written){ .piece = p, .layer = layer };
			while (gguf && data->length % 32)
				str_add_bytes(data, "", 1);
			offsets[n] = (int64_t)data->length;
			put_values(data, type_at(n, gguf), values, p->rows * p->cols, all[n].back);
			n++;
		}
	offsets[n] = (int64_t)data->length;
	*count = n;
	return all;
}

static void write_file(const char *path, const struct str *s, size_t length)
{
	FILE *f = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(s->text, 1, length, f), length);
	fclose(f);
}

static void safetensors(const struct written *all, size_t n, const int64_t *offsets, const struct str *data, struct str *out)
{
	struct str header = { 0 };
	char name[128];

	str_add(&header, "{\"__metadata__\":{\"format\":\"pt\"},\"ids\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}");
	for (size_t i = 0; i < n; i++) {
		const struct piece *p = all[i].piece;

		snprintf(name, sizeof(name), p->hf, all[i].layer);
		str_addf(&header, ",\"%s\":{\"dtype\":\"%s\",\"shape\":", name, tensor_type_names[type_at(i, false)]);
		if (p->rows > 1)
			str_addf(&header, "[%d,%d]", (int)p->rows, (int)p->cols);
		else
			str_addf(&header, "[%d]", (int)p->cols);
		str_addf(&header, ",\"data_offsets\":[%lld,%lld]}", (long long)offsets[i], (long long)(offsets[i] +
			 (int64_t)(p->rows * p->cols * (type_at(i, false) == TENSOR_F32 ? 4 : 2))));
	}
	str_add(&header, "}");
	put_u64(out, header.length);
	str_add_bytes(out, header.text, header.length);
	str_add_bytes(out, data->text, data->length);
	str_release(&header);
}

static void meta_u32(struct str *out, const char *key, uint32_t v)
{
	put_text(out, key);
	put_u32(out, 4);
	put_u32(out, v);
}

static void meta_f32(struct str *out, const char *key, float v)
{
	put_text(out, key);
	put_u32(out, 6);
	str_add_bytes(out, (const char *)&v, 4);
}

static void gguf(const struct written *all, size_t n, const int64_t *offsets, const struct str *data, struct str *out)
{
	static const uint32_t ggml[] = { [TENSOR_F32] = 0, [TENSOR_F16] = 1, [TENSOR_BF16] = 30, [TENSOR_Q8_0] = 8, [TENSOR_Q4_0] = 2 };
	char name[128];

	str_add(out, "GGUF");
	put_u32(out, 3);
	put_u64(out, n);
	put_u64(out, 10);
	put_text(out, "general.architecture");
	put_u32(out, 8);
	put_text(out, "qwen2");
	put_text(out, "tokenizer.ggml.tokens");        /* an array of texts, skipped */
	put_u32(out, 9);
	put_u32(out, 8);
	put_u64(out, 2);
	put_text(out, "a");
	put_text(out, "b");
	meta_u32(out, "qwen2.block_count", LAYERS);
	meta_u32(out, "qwen2.embedding_length", HIDDEN);
	meta_u32(out, "qwen2.attention.head_count", HEADS);
	meta_u32(out, "qwen2.attention.head_count_kv", KV);
	meta_u32(out, "qwen2.feed_forward_length", WIDE);
	meta_u32(out, "qwen2.context_length", 64);
	meta_f32(out, "qwen2.rope.freq_base", 5000);
	meta_f32(out, "qwen2.attention.layer_norm_rms_epsilon", 1e-6f);
	for (size_t i = 0; i < n; i++) {
		const struct piece *p = all[i].piece;

		snprintf(name, sizeof(name), p->gguf, all[i].layer);
		put_text(out, name);
		put_u32(out, p->rows > 1 ? 2 : 1);
		put_u64(out, (uint64_t)p->cols);
		if (p->rows > 1)
			put_u64(out, (uint64_t)p->rows);
		put_u32(out, ggml[type_at(i, true)]);
		put_u64(out, (uint64_t)offsets[i]);
	}
	while (out->length % 32)
		str_add_bytes(out, "", 1);
	str_add_bytes(out, data->text, data->length);
}

/* ---- tests ---- */

static const char config[] = "{\"architectures\": [\"LlamaForCausalLM\"], \"model_type\": \"llama\", \"num_hidden_layers\": 2, \"hidden_size\": 32, \"num_attention_heads\": 4,"
			     "\"num_key_value_heads\": 2, \"head_dim\": 8, \"intermediate_size\": 64, \"vocab_size\": 40, \"max_position_embeddings\": 64, \"rope_theta\": 5000.0,"
			     "\"rms_norm_eps\": 1e-6, \"tie_word_embeddings\": false, \"hidden_act\": \"silu\", \"torch_dtype\": \"float16\"}";

static struct weight_source *random_source(void)
{
	struct err err = { 0 };
	struct weight_source *s = weight_source_random(&shape, 4, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	return s;
}

static void same_values(const struct weight_source *file, const struct written *all, size_t n)
{
	float *got = mem_alloc(sizeof(all[0].back));
	struct err err = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct piece *p = all[i].piece;

		CU_ASSERT_TRUE(weight_source_read(file, p->role, all[i].layer, 0, 0, p->rows, p->cols, got, &err));
		CU_ASSERT_EQUAL(memcmp(got, all[i].back, (size_t)(p->rows * p->cols) * sizeof(float)), 0);
	}
	mem_free(got);
}

static void a_model_runs(const struct weight_source *s)
{
	struct err err = { 0 };
	struct engine_model *m = engine_model_new(s, KERNEL_FP32, 1, &err);
	static const int32_t ids[5] = { 3, 9, 39, 0, 7 };
	float logits[5 * VOCAB];

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_TRUE(reference_pass(m, ids, 5, logits, &err));
	for (int i = 0; i < 5 * VOCAB; i++)
		CU_ASSERT(isfinite(logits[i]));
	engine_model_free(m);
}

static void reads_safetensors(void)
{
	struct weight_source *random = random_source(), *file;
	struct str data = { 0 }, bytes = { 0 };
	int64_t offsets[64];
	size_t n;
	struct written *all = make(random, false, &data, &n, offsets);
	char folder[SCRATCH_PATH], path[SCRATCH_PATH + 40];
	struct err err = { 0 };
	FILE *f;

	safetensors(all, n, offsets, &data, &bytes);
	CU_ASSERT_EQUAL(mkdir(scratch_path(folder, "model"), 0700), 0);
	snprintf(path, sizeof(path), "%s/config.json", folder);
	f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(config, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/model.safetensors", folder);
	write_file(path, &bytes, bytes.length);
	file = weight_source_file(folder, &err);
	SAME_TEXT(err.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(weight_source_shape(file)->rope_theta, 5000);
	same_values(file, all, n);
	a_model_runs(file);
	weight_source_free(file);
	/* Cut anywhere, it is refused or (after the header) names a tensor; never read past its end. */
	for (size_t cut = 0; cut < bytes.length; cut += 97) {
		write_file(path, &bytes, cut);
		err = (struct err){ 0 };
		file = weight_source_file(folder, &err);
		CU_ASSERT_PTR_NULL(file);
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	}
	remove(path);
	snprintf(path, sizeof(path), "%s/config.json", folder);
	remove(path);
	rmdir(folder);
	weight_source_free(random);
	str_release(&data);
	str_release(&bytes);
	mem_free(all);
}

static void reads_gguf(void)
{
	struct weight_source *random = random_source(), *file;
	struct str data = { 0 }, bytes = { 0 };
	int64_t offsets[64];
	size_t n;
	struct written *all = make(random, true, &data, &n, offsets);
	char path[SCRATCH_PATH];
	struct err err = { 0 };

	gguf(all, n, offsets, &data, &bytes);
	write_file(scratch_path(path, "model.gguf"), &bytes, bytes.length);
	file = weight_source_file(path, &err);
	/* The family has biases: this file does not, and says so. */
	CU_ASSERT_PTR_NULL(file);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no tensor 'blk.0.attn_q.bias'"));
	for (char *p = bytes.text; p < bytes.text + bytes.length - 8; p++)
		if (memcmp(p, "qwen2", 5) == 0)
			memcpy(p, "llama", 5);
	write_file(path, &bytes, bytes.length);
	err = (struct err){ 0 };
	file = weight_source_file(path, &err);
	if (!file)
		fprintf(stderr, "%s\n", err.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_TRUE(weight_source_shape(file)->interleaved);
	CU_ASSERT_EQUAL(weight_source_shape(file)->rope_theta, 5000);
	same_values(file, all, n);
	a_model_runs(file);
	weight_source_free(file);
	for (size_t cut = 0; cut < bytes.length - 64; cut += 101) {
		write_file(path, &bytes, cut);
		err = (struct err){ 0 };
		CU_ASSERT_PTR_NULL(weight_source_file(path, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	}
	remove(path);
	weight_source_free(random);
	str_release(&data);
	str_release(&bytes);
	mem_free(all);
}

static void half_precision(void)
{
	static const struct { uint16_t bits; float value; } cases[] = {
		{ 0x3c00, 1 }, { 0xc000, -2 }, { 0x7bff, 65504 }, { 0x0001, 0x1p-24f }, { 0x8001, -0x1p-24f }, { 0x0400, 0x1p-14f }, { 0x3555, 0.333251953125f },
		{ 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		CU_ASSERT_EQUAL(float_from_f16(cases[i].bits), cases[i].value);
	CU_ASSERT_TRUE(isinf(float_from_f16(0x7c00)));
	CU_ASSERT_TRUE(isnan(float_from_f16(0x7e00)));
}

static void complaints(void)
{
	static const struct { const char *bytes; size_t length; const char *says; } cases[] = {
		{ "hello, this is no model", 23, "neither GGUF nor safetensors" },
		{ "GGUF\1\0\0\0", 8, "GGUF version 1" },
		{ "GGUF\3\0\0\0\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377", 24, "a length in it is wrong" },
		{ "\2\0\0\0\0\0\0\0{}", 10, "no tensor of F32" },
		{ "\66\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9]}}", 62, "data_offsets 0 to 9: the file has 0 bytes" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		char path[SCRATCH_PATH];

		CU_ASSERT_PTR_NULL(tensor_file_open(scratch_bytes(path, "bad", cases[i].bytes, cases[i].length), &err));
		TRUE_FOR(err.text, strstr(err.text, cases[i].says) != NULL);
		remove(path);
	}
}

CU_TestInfo suite_tensor_file[] = {
	{ "half precision", half_precision },
	{ "safetensors", reads_safetensors },
	{ "GGUF", reads_gguf },
	{ "what it says about bad files", complaints },
	CU_TEST_INFO_NULL
};
