/* All requests of a source in order of arrival, follow-ups included, without a simulator: answers come at once. */
#ifndef WORKLOADS_REPLAY_H
#define WORKLOADS_REPLAY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "workloads/source.h"

struct replay;
MUST_USE struct replay *replay_new(struct source *source, struct err *err); /* borrows the source */
/* Blocks are valid until the next call. False at the end or on error. */
bool replay_next(struct replay *r, struct request *out, struct err *err);
void replay_free(struct replay *r);

/* Writes a source's requests: the plain CSV that every command reads, or Mooncake's JSON lines with prefix blocks.
 * Whole file or none; "-" is standard output. At most `most` requests (0 = all). */
enum write_format { WRITE_CSV, WRITE_MOONCAKE };
MUST_USE bool workload_write(struct source *source, int64_t most, int format, const char *path, int64_t *written,
			     struct err *err);

#endif
