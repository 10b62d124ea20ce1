/* Weights as they lie in files: safetensors (one file, or shards behind an index) and GGUF. Files are mapped, and everything that
 * they say is checked against their size before a byte is used: they come from strangers. */
#ifndef VALIDATION_ENGINE_TENSOR_FILE_H
#define VALIDATION_ENGINE_TENSOR_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

enum tensor_type { TENSOR_F32, TENSOR_F16, TENSOR_BF16, TENSOR_Q8_0, TENSOR_Q4_0, TENSOR_TYPE_COUNT };
extern const char *const tensor_type_names[];
enum { TENSOR_DIMS = 4, QUANT_BLOCK = 32 };    /* Q8_0, Q4_0: values that share a scale */

struct file_tensor {
	const char *name;
	enum tensor_type type;
	int dims;
	int64_t shape[TENSOR_DIMS];    /* row-major: the last one is contiguous */
	int64_t elements;
	const unsigned char *data;     /* any alignment */
};

struct tensor_file;
/* A .safetensors or .gguf file, a *.safetensors.index.json, or a folder with one of them; the kind is told by content. Tensors of
 * types that are not read (integers, other quantisations) are left out. NULL + err on failure. */
MUST_USE struct tensor_file *tensor_file_open(const char *path, struct err *err);
void tensor_file_close(struct tensor_file *f);  /* NULL is fine */
const char *tensor_file_path(const struct tensor_file *f);
bool tensor_file_is_gguf(const struct tensor_file *f);

size_t tensor_file_count(const struct tensor_file *f);
const struct file_tensor *tensor_file_at(const struct tensor_file *f, size_t i);       /* sorted by name */
const struct file_tensor *tensor_file_find(const struct tensor_file *f, const char *name);     /* NULL when absent */

/* Values first .. first + count - 1 in row-major order as fp32. Quantised: first is a multiple of QUANT_BLOCK. */
void tensor_values(const struct file_tensor *t, int64_t first, int64_t count, float *out);

/* GGUF metadata: false when the key is absent or of another kind. */
bool tensor_file_number(const struct tensor_file *f, const char *key, double *out);
const char *tensor_file_text(const struct tensor_file *f, const char *key);     /* NULL when absent */

float float_from_f16(uint16_t h);

#endif
