/* What --help and `vibee-sim help` print, made from the option tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/str.h"
#include "cli/options.h"

/* Everything about one command: usage, details, options by group, parts, examples. */
void help_command(const struct command *command, const char *program, struct str *out);
/* What the program does and its commands; `all` adds the exit status and where data lives. */
void help_overview(const struct command *const *commands, bool all, struct str *out);

/* "--name WORD" */
void help_option_head(const struct option *o, struct str *out);
/* Adds text broken into lines of at most `width` columns, each after the first indented by `indent`. */
void help_wrap(struct str *out, const char *text, size_t indent, size_t width);

#endif
