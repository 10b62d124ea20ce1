/* Reading config.json field by field, remembering which fields were used and what the reader should be told. */
#ifndef MODELS_HF_FIELDS_H
#define MODELS_HF_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "models/model.h"

enum { HF_MOST_USED = 256, HF_MOST_NOTES = 64 };

struct hf {
	json_t *root, *text;                   /* the file; its text model (text_config, or the file itself) */
	const char *path;
	struct model *m;
	struct arena *arena;
	struct err *err;
	const char *used[HF_MOST_USED];
	int used_count;
	const char **notes;                    /* HF_MOST_NOTES of them, in the arena */
	size_t note_count;
	bool told_weight_only;                 /* said once */
};

/* `keys` lists alternatives, "hidden_size|n_embd": the first that is there and not null counts, all are marked used.
 * A value of the wrong type fills h->err; the functions then return the fallback. */
json_t *hf_get(struct hf *h, const char *keys);
int64_t hf_int(struct hf *h, const char *keys, int64_t fallback);
double hf_number(struct hf *h, const char *keys, double fallback);
bool hf_flag(struct hf *h, const char *keys, bool fallback);
const char *hf_string(struct hf *h, const char *keys, const char *fallback);
/* As hf_int, but the field must be there and positive. */
int64_t hf_need(struct hf *h, const char *keys);

/* Tells the reader something; `format` as printf. */
void hf_note(struct hf *h, const char *format, ...) PRINTF_LIKE(2, 3);
/* Notes every field of `object` that was neither used nor is known to cost nothing. */
void hf_note_unused(struct hf *h, json_t *object, const char *prefix);
/* An import error: false. */
bool hf_refuse(struct hf *h, const char *format, ...) PRINTF_LIKE(2, 3);

/* One letter a layer as a pattern: "3D(E)", "(5WA)" ... */
const char *hf_pattern(struct hf *h, const char *letters, int64_t layers);

#endif
