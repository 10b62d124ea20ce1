#include "hardware/tables_file.h"

#include <string.h>

#include "base/mem.h"
#include "base/paths.h"
#include "base/str.h"

enum { FILE_MOST = 256 << 20 };

struct table_file *table_file_new(const char *path, const char *stack, enum op_kind kind, struct err *err)
{
	struct table_file *f = mem_calloc(1, sizeof(*f));

	if (f) {
		f->path = mem_strdup(path);
		f->stack = mem_strdup(stack);
		f->kind = kind;
	}
	if (f && f->path && f->stack)
		return f;
	table_file_free(f);
	err_memory(err);
	return NULL;
}

void table_file_free(struct table_file *f)
{
	if (!f)
		return;
	table_release(atomic_load_explicit(&f->table, memory_order_relaxed));
	mem_free(f->path);
	mem_free(f->stack);
	mem_free(f);
}

static struct table *read_it(const struct table_file *f, struct table_reading *reading)
{
	struct err err = { 0 };
	struct table *t = table_read(f->path, f->stack, f->kind, &err);

	if (t && reading->how && !table_transfer(t, reading->limits, reading->how, &err)) {
		table_release(t);
		t = NULL;
	}
	if (!t && reading->fault.kind == ERR_NONE)
		reading->fault = err;
	return t;
}

const struct table *table_file_get(struct table_file *f, struct table_reading *reading)
{
	struct table *t = atomic_load_explicit(&f->table, memory_order_acquire);

	if (LIKELY(t != NULL))
		return t;
	pthread_mutex_lock(&reading->lock);
	t = atomic_load_explicit(&f->table, memory_order_relaxed);
	if (!t && !f->tried) {
		f->tried = true;
		t = read_it(f, reading);
		atomic_store_explicit(&f->table, t, memory_order_release);
	}
	pthread_mutex_unlock(&reading->lock);
	return t;
}

/* Lines of a file that begin with the format's name: the first column of every table but those of collectives. */
static size_t count_lines(const char *path, const char *name)
{
	size_t length, count = 0, own = strlen(name);
	char *text = paths_read(path, FILE_MOST, &length, NULL);

	for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		count += strncmp(line, name, own) == 0 && line[own] == ',';
	mem_free(text);
	return count;
}

size_t table_file_rows(const struct table_file *f, enum dtype dtype)
{
	const struct table *t = atomic_load_explicit(&f->table, memory_order_acquire);

	return t ? t->rows_of[dtype] : count_lines(f->path, dtype_names[dtype]);
}
