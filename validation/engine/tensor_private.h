/* Inside of tensor_file.c: what the readers of the two formats fill. */
#ifndef VALIDATION_ENGINE_TENSOR_PRIVATE_H
#define VALIDATION_ENGINE_TENSOR_PRIVATE_H

#include "base/arena.h"
#include "validation/engine/tensor_file.h"

struct mapped {
	const unsigned char *bytes;
	size_t size;
};

struct meta {
	const char *key, *text;        /* text: NULL for numbers */
	double number;
};

struct tensor_file {
	struct arena *arena;
	const char *path;
	bool is_gguf;
	struct mapped *maps;
	size_t map_count, map_capacity;
	struct file_tensor *tensors;
	size_t count, capacity;
	struct meta *meta;
	size_t meta_count, meta_capacity;
};

/* Maps another file. NULL + err on failure. */
MUST_USE const struct mapped *tensor_map(struct tensor_file *f, const char *path, struct err *err);
/* Adds a tensor whose bytes lie at data .. data + bytes - 1; checks that its shape and type need just these. */
MUST_USE bool tensor_add(struct tensor_file *f, const char *path, const struct file_tensor *t, size_t bytes, struct err *err);
/* Bytes that elements of a type take, rows of `last` values; 0 when they do not fill whole blocks. */
size_t tensor_bytes(enum tensor_type type, int64_t elements, int64_t last);

MUST_USE bool safetensors_read(struct tensor_file *f, const char *path, const struct mapped *map, struct err *err);
MUST_USE bool gguf_read(struct tensor_file *f, const char *path, const struct mapped *map, struct err *err);

#endif
