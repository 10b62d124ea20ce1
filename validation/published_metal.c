/*
 * Rows of tt-metal's demonstrations on Tenstorrent: what their public configuration sets.
 *
 *   formats     models/tt_transformers/tt/model_config.py, `performance`, which the README's commands run: blocks of 8 bits for weights and
 *               cache, of 4 bits for gate and up projections; Qwen2.5-7B degrades under that and keeps 16 bits for attention and cache and
 *               8 for all of the feed-forward part. Models that have demonstrations of their own (Falcon, Mixtral, Llama-2): 8 bits.
 *   layout      tensor parallel over all chips unless the row says otherwise (README, MESH_DEVICE); "dp" are independent copies
 *               (tech_reports/LLMs/llms.md, section 3.3)
 *   batch       up to 32 users a copy (section 3.2.1.1); more than that are those of all copies
 *   throughput  batch size over the time of a decode step (section 3.1.4): prompts do not count
 */
#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "validation/published_build.h"

enum { COPY_USERS = 32 };

bool published_is_metal(const struct builder *b)
{
	return strcmp(b->row->scenario, "tt-metal demo") == 0 && b->device->kind == DEVICE_MESH;
}

static bool runs_transformers(const char *model)
{
	static const char *const families[] = { "llama-3", "mistral-7b", "qwen2.5-", "qwen3-", "phi-3" };

	for (size_t i = 0; i < COUNT_OF(families); i++)
		if (text_starts(model, families[i]))
			return true;
	return false;
}

void published_metal_formats(struct builder *b)
{
	const char *stated = b->row->precision, *model = b->model->catalog;
	bool says_eight = strchr(stated, '8') && !strchr(stated, '4'), mixture = b->checkpoint == CHECKPOINT_BLOCK;

	str_add(&b->settings, "model.dtype=fp8 model.head_dtype=fp8 ");
	if (text_starts(model, "qwen2.5-7b"))
		str_add(&b->settings, "model.attention_dtype=bf16 model.kv_dtype=bf16 ");
	else
		str_addf(&b->settings, "model.kv_dtype=fp8 %s", runs_transformers(model) && !mixture && !says_eight ? "model.gate_up_dtype=fp4 " : "");
}

void published_metal_layout(struct builder *b)
{
	struct published_degrees *d = &b->layout.decode;

	/* A box serves as one machine by itself (sim/spread.h). */
	if (!b->layout.stated && b->row->devices > 1 && !b->accelerator->system) {
		b->layout.stated = true;
		d->tp = 1;
		while (2 * d->tp <= (int64_t)b->row->devices)
			d->tp *= 2;
	}
	b->metal_copies = (double)d->dp;
	d->dp = 1;
}

bool published_metal_alone(const struct builder *b)
{
	const char *text = b->row->parallelism;
	struct published_layout l;

	return published_is_metal(b) && (published_layout_read(text, &l) || published_layout_read_loosely(text, &l)) && l.stated &&
	       l.decode.tp == 1 && l.decode.pp == 1;
}

double published_metal_batch(struct builder *b, double batch)
{
	/* Prompts are prefilled one after the other: the first token is that of one alone. */
	if (b->out->figure == FIGURE_TTFT_MEAN)
		return 1;
	if (batch > COPY_USERS)
		batch = ceil(batch / b->out->copies);
	b->out->decode_seqs = batch;
	return batch;
}
