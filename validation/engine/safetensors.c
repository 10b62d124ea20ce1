/* safetensors: 8 bytes little-endian length of a JSON header, the header, then the data that its offsets point into. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "validation/engine/tensor_private.h"

enum { HEADER_MOST = 100 << 20 };      /* the reference reader's own limit */

static bool type_of(const char *text, enum tensor_type *out)
{
	for (int i = 0; text && i <= TENSOR_BF16; i++)
		if (strcmp(text, tensor_type_names[i]) == 0) {
			*out = (enum tensor_type)i;
			return true;
		}
	return false;
}

static bool read_tensor(struct tensor_file *f, const char *path, const char *name, const json_t *entry, const struct mapped *data, struct err *err)
{
	const json_t *shape = json_object_get(entry, "shape"), *offsets = json_object_get(entry, "data_offsets");
	const char *type = json_string_value(json_object_get(entry, "dtype"));
	struct file_tensor t = { .name = name, .dims = (int)json_array_size(shape) };
	json_int_t from, to;

	if (!type || !json_is_array(shape) || json_array_size(offsets) != 2 || !json_is_integer(json_array_get(offsets, 0)) ||
	    !json_is_integer(json_array_get(offsets, 1)))
		return err_set(err, ERR_INPUT, "%s: tensor '%.100s': expected dtype, shape and data_offsets", path, name);
	from = json_integer_value(json_array_get(offsets, 0));
	to = json_integer_value(json_array_get(offsets, 1));
	if (from < 0 || to < from || (uint64_t)to > data->size)
		return err_set(err, ERR_INPUT, "%s: tensor '%.100s': data_offsets %" PRId64 " to %" PRId64 ": the file has %zu bytes of data", path, name,
			       (int64_t)from, (int64_t)to, data->size);
	if (json_array_size(shape) > TENSOR_DIMS || !type_of(type, &t.type))
		return true;           /* not a weight that we read */
	for (int i = 0; i < t.dims; i++) {
		const json_t *n = json_array_get(shape, (size_t)i);

		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return err_set(err, ERR_INPUT, "%s: tensor '%.100s': expected whole numbers in shape", path, name);
		t.shape[i] = json_integer_value(n);
	}
	t.data = data->bytes + from;
	return tensor_add(f, path, &t, (size_t)(to - from), err);
}

bool safetensors_read(struct tensor_file *f, const char *path, const struct mapped *map, struct err *err)
{
	struct mapped data;
	uint64_t length = 0;
	json_error_t fault;
	const char *name;
	json_t *root, *entry;
	bool ok = true;

	for (int i = 7; i >= 0 && map->size >= 8; i--)
		length = length << 8 | map->bytes[i];
	if (map->size < 10 || length > map->size - 8 || length > HEADER_MOST || map->bytes[8] != '{')
		return err_set(err, ERR_INPUT, "%s: neither GGUF nor safetensors: expected a header's length, then {", path);
	data = (struct mapped){ map->bytes + 8 + length, map->size - 8 - (size_t)length };
	root = json_loadb((const char *)map->bytes + 8, (size_t)length, JSON_REJECT_DUPLICATES, &fault);
	if (!root)
		return err_set(err, ERR_INPUT, "%s: its header is not JSON: %.200s", path, fault.text);
	json_object_foreach(root, name, entry)
		if (ok && strcmp(name, "__metadata__") != 0)
			ok = read_tensor(f, path, name, entry, &data, err);
	json_decref(root);
	return ok;
}
