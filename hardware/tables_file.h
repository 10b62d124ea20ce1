/* Inside hardware/tables*.c: a table file that is read when it is first asked. A model asks few of the tables that its device has, and
 * reading them all takes longer than anything else that a program does to begin with. */
#ifndef HARDWARE_TABLES_FILE_H
#define HARDWARE_TABLES_FILE_H

#include <pthread.h>
#include <stdatomic.h>

#include "hardware/tables_data.h"

/* What the files of one device share. */
struct table_reading {
	const struct tables_limits *limits;
	const struct tables_transfer *how;     /* NULL: the device's own */
	pthread_mutex_t lock;                  /* held while a file is read, so that it is read once */
	struct err fault;                      /* of the first file that could not be read */
};

struct table_file {
	char *path, *stack;
	enum op_kind kind;
	bool tried;
	_Atomic(struct table *) table;         /* NULL: not read yet, or not readable */
};
MUST_USE struct table_file *table_file_new(const char *path, const char *stack, enum op_kind kind, struct err *err);
void table_file_free(struct table_file *f);                           /* NULL is fine */

/* Reads it unless that was done. NULL: it cannot be read, which reading->fault says from then on. Thread-safe. */
const struct table *table_file_get(struct table_file *f, struct table_reading *reading);
/* Rows of a number format, for which the file need not be read as a table. */
size_t table_file_rows(const struct table_file *f, enum dtype dtype);

#endif
