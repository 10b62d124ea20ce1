/* A study's errors in the database of runs, under what --db says. */
#ifndef CLI_VALIDATION_KEEP_H
#define CLI_VALIDATION_KEEP_H

#include "cli/options.h"
#include "reports/store.h"

/* `what` was compared; rows are its errors. */
MUST_USE bool validation_keep(const struct call *call, const char *what, const struct validation_error *rows, size_t count, struct err *err);

#endif
