/* Another program, run to its end: what it prints is caught, never shown. */
#ifndef CLI_CHILD_H
#define CLI_CHILD_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Runs argv[0] (found on $PATH) in `folder` (NULL: here) without standard input. Names in `unset` (NULL-terminated) are
 * taken out of its environment. Standard output and error together are added to `out`, at most the last 64 KiB of them.
 * ERR_INPUT "NAME is not installed" when there is no such program; *status is its exit status, 128 + N after signal N.
 */
MUST_USE bool child_run(const char *const *argv, const char *folder, const char *const *unset, struct str *out, int *status, struct err *err);

/* The line of such an output that says most: the first with "error" in it, else the last. In buf. */
const char *child_complaint(const struct str *out, char *buf, size_t room);

#endif
