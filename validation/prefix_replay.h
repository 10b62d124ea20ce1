/* A recorded trace through the kernel of prefix_index: what share of its prompts' blocks a pool holds when they come, and whether a plain
 * list of blocks says the same. */
#ifndef VALIDATION_PREFIX_REPLAY_H
#define VALIDATION_PREFIX_REPLAY_H

#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct prefix_replay {
	const char *path;
	int64_t pool_blocks;           /* as asked; 0: room for all */
	int64_t requests, blocks, hits;
	int64_t checked, differing;    /* requests that the list was asked for, too; of them with other hits */
	int64_t line;                  /* of the first of those in the file */
	double kernel_s;
};

/* ERR_INPUT: the file is no trace whose requests name their blocks. */
MUST_USE bool prefix_replay_run(const char *path, int64_t pool_blocks, struct prefix_replay *out, struct err *err);
void prefix_replay_text(const struct prefix_replay *r, struct str *out);
void prefix_replay_json(const struct prefix_replay *r, struct str *out);

#endif
