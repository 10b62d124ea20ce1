/* Whether this process was started as one of several (mpirun, srun), and how they talk. */
#ifndef CLI_LAUNCHER_H
#define CLI_LAUNCHER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "sim/plan/team.h"

/* Reads the environment of the launcher alone: costs nothing. */
int launcher_size(void);
int launcher_rank(void);
/* *transport is NULL for a process on its own. False when there are others and the MPI part of the program cannot be opened. */
MUST_USE bool launcher_transport(const struct transport_ops **transport, struct err *err);

#endif
