#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list args;

	if (!err || err->kind != ERR_NONE)
		return false;
	err->kind = kind;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	/* One line, whatever the input held: file names and cells come from outside. */
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	return false;
}

bool err_memory(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "out of memory");
}

int err_exit_status(const struct err *err)
{
	static const int status[] = { [ERR_NONE] = 0, [ERR_CHECK] = 1, [ERR_INPUT] = 2, [ERR_IO] = 3, [ERR_INTERNAL] = 3 };

	return status[err->kind];
}
