/* The commands there are, and how a command line finds its own. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "cli/options.h"

extern const struct command *const commands[];         /* in the order of --help; NULL-terminated */

/* Runs the command line without the program's name. Results go to standard output; false with err filled on failure. */
MUST_USE bool commands_run(int argc, char **argv, struct err *err);

#endif
