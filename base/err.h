/* One error: its kind decides the exit status, its text is the one line a person reads. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/attr.h"

/* Exit status 0, 1 (a check failed), 2 (bad usage or input), 3 (I/O), 3 (internal). */
enum err_kind { ERR_NONE, ERR_CHECK, ERR_INPUT, ERR_IO, ERR_INTERNAL };

struct err {
	enum err_kind kind;
	char text[512];
};

/* Fills err (when not NULL; the first error set stays) and returns false, so that callers can `return err_set(...)`. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "out of memory" as an ERR_INTERNAL; returns false. */
bool err_memory(struct err *err);

/* Exit status of a finished command. */
int err_exit_status(const struct err *err);

#endif
