/* A side of a comparison made by another revision of this program: built in a worktree of its own, asked for its figures. */
#ifndef CLI_GIT_SIDE_H
#define CLI_GIT_SIDE_H

#include "base/attr.h"
#include "base/err.h"
#include "reports/side.h"

/*
 * Checks the revision out of the repository around the current folder into a temporary worktree, builds build/plain/vibee-sim
 * there, lets it simulate every scenario of `set` (a folder or a file, as it is here and now), and takes all away again.
 * ERR_INPUT in one line when there is no git, no repository, no such revision, or it does not build.
 */
MUST_USE bool side_of_revision(struct side *side, const char *revision, const char *set, struct err *err);

#endif
