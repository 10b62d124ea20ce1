/* A side of a comparison that this program simulates now: the scenarios and training jobs of a folder, or one file. */
#ifndef CLI_SET_SIDE_H
#define CLI_SET_SIDE_H

#include "base/attr.h"
#include "base/err.h"
#include "reports/side.h"

/* Every *.xml of the folder, by name; cases are called by their files. ERR_INPUT when there is none or one is at fault. */
MUST_USE bool side_of_set(struct side *side, const char *path, struct err *err);

#endif
