/* An output file that is there whole or not at all: written beside its place, renamed when it is closed well. */
#ifndef REPORTS_OUTFILE_H
#define REPORTS_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"

struct outfile;
/* "-" is standard output; a name that ends in ".gz" is compressed; pipes and devices are written in place. */
MUST_USE struct outfile *outfile_open(const char *path, struct err *err);
/* Room for `bytes` (at most OUTFILE_ROOM) to be filled in place, then claimed with outfile_advance. */
char *outfile_room(struct outfile *f, size_t bytes);
void outfile_advance(struct outfile *f, size_t bytes);
/* Failures are kept until outfile_close. */
void outfile_add(struct outfile *f, const char *bytes, size_t count);
bool outfile_failed(const struct outfile *f);
/* Flushes and puts the file in its place; on failure nothing is left and err is filled. Frees f either way. */
MUST_USE bool outfile_close(struct outfile *f, struct err *err);
/* Gives up: what was there before stays. NULL is fine. */
void outfile_abandon(struct outfile *f);

/* A whole text at once. */
MUST_USE bool outfile_write(const char *path, const char *bytes, size_t count, struct err *err);

enum { OUTFILE_ROOM = 4096 };

#endif
