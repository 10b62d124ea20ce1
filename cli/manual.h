/* The manual page, the Markdown reference and the shell completion: all from the command tables. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/str.h"
#include "cli/options.h"

void manual_man(const struct command *const *commands, struct str *out);          /* mdoc(7), section 1 */
void manual_reference(const struct command *const *commands, struct str *out);    /* Markdown */
void manual_completion(const struct command *const *commands, struct str *out);   /* bash */

#endif
