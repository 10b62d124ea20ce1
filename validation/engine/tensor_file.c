#include "validation/engine/tensor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"
#include "validation/engine/tensor_private.h"

const char *const tensor_type_names[] = { "F32", "F16", "BF16", "Q8_0", "Q4_0", NULL };
enum { INDEX_MOST = 256 << 20, SHARDS_MOST = 4096 };

/* ---- values ---- */

float float_from_f16(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023, bits;
	float out;

	if (exponent == 31) {
		bits = sign | 0x7f800000 | (mantissa << 13);
	} else if (exponent > 0) {
		bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
	} else {
		float small = (float)mantissa * 0x1p-24f;      /* subnormal: a multiple of 2^-24 */

		return sign ? -small : small;
	}
	memcpy(&out, &bits, sizeof(out));
	return out;
}

static uint16_t half_at(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void blocks_q8(const unsigned char *p, int64_t blocks, float *out)
{
	for (int64_t b = 0; b < blocks; b++, p += 2 + QUANT_BLOCK) {
		float scale = float_from_f16(half_at(p));

		for (int i = 0; i < QUANT_BLOCK; i++)
			*out++ = scale * (float)(signed char)p[2 + i];
	}
}

/* The first half of a block lies in the low nibbles, the second in the high ones; both are stored + 8. */
static void blocks_q4(const unsigned char *p, int64_t blocks, float *out)
{
	for (int64_t b = 0; b < blocks; b++, p += 2 + QUANT_BLOCK / 2, out += QUANT_BLOCK) {
		float scale = float_from_f16(half_at(p));

		for (int i = 0; i < QUANT_BLOCK / 2; i++) {
			out[i] = scale * (float)((p[2 + i] & 15) - 8);
			out[i + QUANT_BLOCK / 2] = scale * (float)((p[2 + i] >> 4) - 8);
		}
	}
}

void tensor_values(const struct file_tensor *t, int64_t first, int64_t count, float *out)
{
	const unsigned char *p = t->data;

	switch (t->type) {
	case TENSOR_F32:
		memcpy(out, p + 4 * first, 4 * (size_t)count);
		break;
	case TENSOR_F16:
		for (int64_t i = 0; i < count; i++)
			out[i] = float_from_f16(half_at(p + 2 * (first + i)));
		break;
	case TENSOR_BF16:
		for (int64_t i = 0; i < count; i++) {
			uint32_t bits = (uint32_t)half_at(p + 2 * (first + i)) << 16;

			memcpy(&out[i], &bits, sizeof(bits));
		}
		break;
	case TENSOR_Q8_0:
		blocks_q8(p + first / QUANT_BLOCK * (2 + QUANT_BLOCK), count / QUANT_BLOCK, out);
		break;
	case TENSOR_Q4_0:
		blocks_q4(p + first / QUANT_BLOCK * (2 + QUANT_BLOCK / 2), count / QUANT_BLOCK, out);
		break;
	case TENSOR_TYPE_COUNT:
		break;
	}
}

size_t tensor_bytes(enum tensor_type type, int64_t elements, int64_t last)
{
	static const size_t plain[] = { [TENSOR_F32] = 4, [TENSOR_F16] = 2, [TENSOR_BF16] = 2 };

	if (type < TENSOR_Q8_0)
		return plain[type] * (size_t)elements;
	if (last % QUANT_BLOCK != 0)
		return 0;
	return (size_t)(elements / QUANT_BLOCK) * (2 + (type == TENSOR_Q8_0 ? QUANT_BLOCK : QUANT_BLOCK / 2));
}

/* ---- files ---- */

const struct mapped *tensor_map(struct tensor_file *f, const char *path, struct err *err)
{
	struct mapped map = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_set(err, ERR_INPUT, "%s: cannot be read: %s", path, fd < 0 ? strerror(errno) : "not a regular file");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	map.size = (size_t)st.st_size;
	at = map.size ? mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	close(fd);
	if (at == MAP_FAILED) {
		err_set(err, ERR_INPUT, "%s: %s", path, map.size ? "cannot be mapped into memory" : "is empty; expected weights");
		return NULL;
	}
	map.bytes = at;
	if (!mem_grow(&f->maps, &f->map_capacity, f->map_count + 1, sizeof(*f->maps))) {
		munmap(at, map.size);
		err_memory(err);
		return NULL;
	}
	f->maps[f->map_count] = map;
	return &f->maps[f->map_count++];
}

bool tensor_add(struct tensor_file *f, const char *path, const struct file_tensor *t, size_t bytes, struct err *err)
{
	struct file_tensor add = *t;

	add.elements = 1;
	for (int i = 0; i < t->dims; i++) {
		if (t->shape[i] < 0 || (t->shape[i] > 0 && add.elements > ((int64_t)1 << 46) / t->shape[i]))
			return err_set(err, ERR_INPUT, "%s: tensor '%.100s': its shape is too large", path, t->name);
		add.elements *= t->shape[i];
	}
	if (add.elements == 0)
		return true;
	if (tensor_bytes(t->type, add.elements, t->dims ? t->shape[t->dims - 1] : 1) != bytes)
		return err_set(err, ERR_INPUT, "%s: tensor '%.100s': %zu bytes do not hold its %" PRId64 " values of %s", path, t->name, bytes, add.elements,
			       tensor_type_names[t->type]);
	if (!mem_grow(&f->tensors, &f->capacity, f->count + 1, sizeof(*f->tensors)))
		return err_memory(err);
	add.name = arena_strdup(f->arena, t->name);
	if (!add.name)
		return err_memory(err);
	f->tensors[f->count++] = add;
	return true;
}

static bool read_one(struct tensor_file *f, const char *path, struct err *err)
{
	const struct mapped *at = tensor_map(f, path, err);
	struct mapped map;

	if (!at)
		return false;
	map = *at;                     /* the array of maps may move */
	if (map.size >= 4 && memcmp(map.bytes, "GGUF", 4) == 0) {
		f->is_gguf = true;
		return gguf_read(f, path, &map, err);
	}
	return safetensors_read(f, path, &map, err);
}

/* Shards stand beside the index: a name with a folder in it is not followed. */
static bool read_shards(struct tensor_file *f, const char *index, const json_t *map, struct err *err)
{
	const char *slash = strrchr(index, '/'), *seen[SHARDS_MOST], *key;
	size_t shards = 0;
	json_t *value;

	json_object_foreach((json_t *)map, key, value) {
		const char *shard = json_string_value(value);
		bool known = false;

		if (!shard || !*shard || strchr(shard, '/') || shard[0] == '.')
			return err_set(err, ERR_INPUT, "%s: weight_map: \"%.60s\": expected the name of a file beside it", index, shard ? shard : "?");
		for (size_t i = 0; i < shards && !known; i++)
			known = strcmp(seen[i], shard) == 0;
		if (known)
			continue;
		if (shards == SHARDS_MOST)
			return err_set(err, ERR_INPUT, "%s: weight_map: expected at most %d files", index, SHARDS_MOST);
		seen[shards++] = shard;
		if (!read_one(f, arena_printf(f->arena, "%.*s%s", slash ? (int)(slash - index + 1) : 0, index, shard), err))
			return false;
	}
	return true;
}

static bool read_index(struct tensor_file *f, const char *path, struct err *err)
{
	size_t length;
	char *text = paths_read(path, INDEX_MOST, &length, err);
	json_error_t fault;
	json_t *root = text ? json_loads(text, 0, &fault) : NULL;
	const json_t *map = json_object_get(root, "weight_map");
	bool ok = text != NULL;

	if (ok && !json_is_object(map))
		ok = err_set(err, ERR_INPUT, "%s: %s; expected a JSON index with weight_map", path, root ? "no weight_map in it" : fault.text);
	ok = ok && read_shards(f, path, map, err);
	json_decref(root);
	mem_free(text);
	return ok;
}

/* In a folder: the index of shards, one file, or a GGUF. */
static const char *pick(const char *folder, struct arena *arena, struct err *err)
{
	static const char *const names[] = { "model.safetensors.index.json", "model.safetensors" };
	const char *const *found;
	size_t count;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *path = arena_printf(arena, "%s/%s", folder, names[i]);

		if (path && paths_is_file(path))
			return path;
	}
	found = paths_list(folder, ".gguf", &count, arena, err);
	if (found && count == 1)
		return arena_printf(arena, "%s/%s.gguf", folder, found[0]);
	if (found)
		err_set(err, ERR_INPUT, "%s: expected model.safetensors, its index, or one .gguf file in it", folder);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_tensor *)a)->name, ((const struct file_tensor *)b)->name);
}

static bool sort_names(struct tensor_file *f, struct err *err)
{
	if (f->count == 0)
		return err_set(err, ERR_INPUT, "%s: no tensor of F32, F16, BF16, Q8_0 or Q4_0 in it", f->path);
	qsort(f->tensors, f->count, sizeof(*f->tensors), by_name);
	for (size_t i = 1; i < f->count; i++)
		if (strcmp(f->tensors[i].name, f->tensors[i - 1].name) == 0)
			return err_set(err, ERR_INPUT, "%s: tensor '%.100s' is there twice", f->path, f->tensors[i].name);
	return true;
}

struct tensor_file *tensor_file_open(const char *path, struct err *err)
{
	struct tensor_file *f = mem_calloc(1, sizeof(*f));
	bool ok;

	if (!f || !(f->arena = arena_new())) {
		err_memory(err);
		goto fail;
	}
	f->path = paths_is_folder(path) ? pick(path, f->arena, err) : arena_strdup(f->arena, path);
	if (!f->path)
		goto fail;
	ok = text_ends(f->path, ".json") ? read_index(f, f->path, err) : read_one(f, f->path, err);
	if (ok && sort_names(f, err))
		return f;
fail:
	if (err->kind == ERR_NONE)
		err_memory(err);
	tensor_file_close(f);
	return NULL;
}

void tensor_file_close(struct tensor_file *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->map_count; i++)
		munmap((void *)(uintptr_t)f->maps[i].bytes, f->maps[i].size);
	mem_free(f->maps);
	mem_free(f->tensors);
	mem_free(f->meta);
	arena_free(f->arena);
	mem_free(f);
}

const char *tensor_file_path(const struct tensor_file *f)
{
	return f->path;
}

bool tensor_file_is_gguf(const struct tensor_file *f)
{
	return f->is_gguf;
}

size_t tensor_file_count(const struct tensor_file *f)
{
	return f->count;
}

const struct file_tensor *tensor_file_at(const struct tensor_file *f, size_t i)
{
	return &f->tensors[i];
}

const struct file_tensor *tensor_file_find(const struct tensor_file *f, const char *name)
{
	struct file_tensor key = { .name = name };

	return bsearch(&key, f->tensors, f->count, sizeof(*f->tensors), by_name);
}

static const struct meta *meta_find(const struct tensor_file *f, const char *key)
{
	for (size_t i = 0; i < f->meta_count; i++)
		if (strcmp(f->meta[i].key, key) == 0)
			return &f->meta[i];
	return NULL;
}

bool tensor_file_number(const struct tensor_file *f, const char *key, double *out)
{
	const struct meta *m = meta_find(f, key);

	if (!m || m->text)
		return false;
	*out = m->number;
	return true;
}

const char *tensor_file_text(const struct tensor_file *f, const char *key)
{
	const struct meta *m = meta_find(f, key);

	return m ? m->text : NULL;
}
