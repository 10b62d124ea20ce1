/* GGUF versions 2 and 3: counts, key-value metadata, tensor descriptions, then aligned data. Every length is checked against
 * what is left of the file before it is followed. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "validation/engine/tensor_private.h"

enum { NAME_MOST = 4096, NESTING_MOST = 4 };
enum value_type { V_U8, V_I8, V_U16, V_I16, V_U32, V_I32, V_F32, V_BOOL, V_STRING, V_ARRAY, V_U64, V_I64, V_F64, V_COUNT };
static const unsigned char value_bytes[V_COUNT] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };

struct cursor {
	const unsigned char *at, *end;
	const char *path;
	struct err *err;
};

static bool short_file(const struct cursor *c)
{
	return err_set(c->err, ERR_INPUT, "%s: GGUF: the file ends inside its header, or a length in it is wrong", c->path);
}

static bool take(struct cursor *c, void *out, size_t bytes)
{
	if ((size_t)(c->end - c->at) < bytes)
		return short_file(c);
	memcpy(out, c->at, bytes);
	c->at += bytes;
	return true;
}

static bool take_u32(struct cursor *c, uint32_t *out)
{
	return take(c, out, sizeof(*out));
}

static bool take_u64(struct cursor *c, uint64_t *out)
{
	return take(c, out, sizeof(*out));
}

/* A name in the arena; longer than any name is an error. */
static bool take_name(struct cursor *c, struct arena *arena, const char **out)
{
	uint64_t length = 0;
	char *copy;

	if (!take_u64(c, &length))
		return false;
	if (length > NAME_MOST || length > (uint64_t)(c->end - c->at))
		return short_file(c);
	copy = arena_alloc(arena, (size_t)length + 1);
	if (!copy)
		return err_memory(c->err);
	memcpy(copy, c->at, (size_t)length);
	copy[length] = '\0';
	c->at += length;
	for (char *p = copy; p < copy + length; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
	*out = copy;
	return true;
}

static double number_of(const unsigned char *p, uint32_t type)
{
	union { uint8_t u8; int8_t i8; uint16_t u16; int16_t i16; uint32_t u32; int32_t i32; float f32; uint64_t u64; int64_t i64; double f64; } v;

	memcpy(&v, p, value_bytes[type]);
	switch (type) {
	case V_U8: case V_BOOL: return v.u8;
	case V_I8: return v.i8;
	case V_U16: return v.u16;
	case V_I16: return v.i16;
	case V_U32: return v.u32;
	case V_I32: return v.i32;
	case V_F32: return (double)v.f32;
	case V_U64: return (double)v.u64;
	case V_I64: return (double)v.i64;
	default: return v.f64;
	}
}

static bool skip_value(struct cursor *c, uint32_t type, int depth)
{
	uint64_t count = 0, length = 0;
	uint32_t inner = 0;

	if (type >= V_COUNT)
		return err_set(c->err, ERR_INPUT, "%s: GGUF: value type %" PRIu32 " is not known", c->path, type);
	if (type == V_STRING) {
		if (!take_u64(c, &length) || length > (uint64_t)(c->end - c->at))
			return short_file(c);
		c->at += length;
		return true;
	}
	if (type != V_ARRAY) {
		unsigned char out[8];

		return take(c, out, value_bytes[type]);
	}
	if (depth == NESTING_MOST)
		return err_set(c->err, ERR_INPUT, "%s: GGUF: arrays are nested too deeply", c->path);
	if (!take_u32(c, &inner) || !take_u64(c, &count))
		return false;
	if (inner < V_COUNT && value_bytes[inner] > 0) {
		if (count > (uint64_t)(c->end - c->at) / value_bytes[inner])
			return short_file(c);
		c->at += count * value_bytes[inner];
		return true;
	}
	for (uint64_t i = 0; i < count; i++)   /* each takes at least 8 bytes: the file's end bounds this */
		if (!skip_value(c, inner, depth + 1))
			return false;
	return true;
}

static bool read_meta(struct tensor_file *f, struct cursor *c)
{
	struct meta m = { 0 };
	uint32_t type = 0;

	if (!take_name(c, f->arena, &m.key) || !take_u32(c, &type))
		return false;
	if (type >= V_COUNT || type == V_ARRAY)
		return skip_value(c, type, 0);
	if (type == V_STRING) {
		uint64_t length;

		if ((size_t)(c->end - c->at) < 8)
			return short_file(c);
		memcpy(&length, c->at, sizeof(length));
		if (length > NAME_MOST)
			return skip_value(c, type, 0);  /* chat templates and the like */
		if (!take_name(c, f->arena, &m.text))
			return false;
	} else {
		if ((size_t)(c->end - c->at) < value_bytes[type])
			return short_file(c);
		m.number = number_of(c->at, type);
		c->at += value_bytes[type];
	}
	if (!mem_grow(&f->meta, &f->meta_capacity, f->meta_count + 1, sizeof(*f->meta)))
		return err_memory(c->err);
	f->meta[f->meta_count++] = m;
	return true;
}

/* ggml's numbers of the types that we read; -1: another. */
static int type_of(uint32_t ggml)
{
	switch (ggml) {
	case 0: return TENSOR_F32;
	case 1: return TENSOR_F16;
	case 2: return TENSOR_Q4_0;
	case 8: return TENSOR_Q8_0;
	case 30: return TENSOR_BF16;
	default: return -1;
	}
}

struct described {
	struct file_tensor t;
	uint64_t offset;
	bool read;
};

/* Dimensions come with the contiguous one first: they are turned round. */
static bool describe(struct tensor_file *f, struct cursor *c, struct described *d)
{
	uint32_t dims = 0, ggml = 0;

	if (!take_name(c, f->arena, &d->t.name) || !take_u32(c, &dims))
		return false;
	if (dims > TENSOR_DIMS)
		return err_set(c->err, ERR_INPUT, "%s: tensor '%.100s': %" PRIu32 " dimensions; expected at most %d", c->path, d->t.name, dims, TENSOR_DIMS);
	d->t.dims = (int)dims;
	for (int i = d->t.dims - 1; i >= 0; i--) {
		uint64_t n = 0;

		if (!take_u64(c, &n))
			return false;
		d->t.shape[i] = n > (uint64_t)1 << 46 ? -1 : (int64_t)n;
	}
	if (!take_u32(c, &ggml) || !take_u64(c, &d->offset))
		return false;
	d->read = type_of(ggml) >= 0;
	d->t.type = d->read ? (enum tensor_type)type_of(ggml) : TENSOR_F32;
	return true;
}

static bool place(struct tensor_file *f, struct cursor *c, struct described *d, const unsigned char *data)
{
	int64_t elements = 1;
	size_t bytes, left = (size_t)(c->end - data);

	for (int i = 0; i < d->t.dims; i++) {
		if (d->t.shape[i] < 0 || (d->t.shape[i] > 0 && elements > ((int64_t)1 << 46) / d->t.shape[i]))
			return err_set(c->err, ERR_INPUT, "%s: tensor '%.100s': its shape is too large", c->path, d->t.name);
		elements *= d->t.shape[i];
	}
	bytes = tensor_bytes(d->t.type, elements, d->t.dims ? d->t.shape[d->t.dims - 1] : 1);
	if (bytes == 0 && elements > 0)
		return err_set(c->err, ERR_INPUT, "%s: tensor '%.100s': rows of %s must be a multiple of %d values", c->path, d->t.name,
			       tensor_type_names[d->t.type], QUANT_BLOCK);
	if (d->offset > left || bytes > left - d->offset)
		return err_set(c->err, ERR_INPUT, "%s: tensor '%.100s': %zu bytes at %" PRIu64 " reach past the end of the file", c->path, d->t.name, bytes, d->offset);
	d->t.data = data + d->offset;
	return tensor_add(f, c->path, &d->t, bytes, c->err);
}

static bool read_tensors(struct tensor_file *f, struct cursor *c, const struct mapped *map, uint64_t count)
{
	struct described *all;
	double alignment = 32;
	size_t used, padded;
	bool ok = true;

	if (count > (uint64_t)(c->end - c->at) / 24)
		return short_file(c);
	all = mem_calloc((size_t)count + 1, sizeof(*all));
	if (!all)
		return err_memory(c->err);
	for (uint64_t i = 0; ok && i < count; i++)
		ok = describe(f, c, &all[i]);
	if (ok && tensor_file_number(f, "general.alignment", &alignment) && !(alignment >= 1 && alignment <= 1 << 20 && alignment == (double)(size_t)alignment))
		ok = err_set(c->err, ERR_INPUT, "%s: general.alignment=%g: expected 1 to 1048576", c->path, alignment);
	if (ok) {
		used = (size_t)(c->at - map->bytes);
		padded = (used + (size_t)alignment - 1) / (size_t)alignment * (size_t)alignment;
		if (padded > map->size)
			padded = map->size;
		for (uint64_t i = 0; ok && i < count; i++)
			ok = !all[i].read || place(f, c, &all[i], map->bytes + padded);
	}
	mem_free(all);
	return ok;
}

bool gguf_read(struct tensor_file *f, const char *path, const struct mapped *map, struct err *err)
{
	struct cursor c = { map->bytes + 4, map->bytes + map->size, path, err };
	uint64_t tensors = 0, pairs = 0;
	uint32_t version = 0;

	if (!take_u32(&c, &version))
		return false;
	if (version != 2 && version != 3)
		return err_set(err, ERR_INPUT, "%s: GGUF version %" PRIu32 ": expected 2 or 3 (little-endian)", path, version);
	if (!take_u64(&c, &tensors) || !take_u64(&c, &pairs))
		return false;
	if (pairs > (uint64_t)(c.end - c.at) / 13)
		return short_file(&c);
	for (uint64_t i = 0; i < pairs; i++)
		if (!read_meta(f, &c))
			return false;
	return read_tensors(f, &c, map, tensors);
}
