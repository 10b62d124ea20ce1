/* What all pages of the server share: the bar at the top, the look of forms, errors. */
#ifndef CLI_SERVE_DRESS_H
#define CLI_SERVE_DRESS_H

#include "cli/serve/reply.h"

/* Begins a page with the bar; `here` ("/") is the entry that is marked. */
MUST_USE bool dress_begin(struct reply *reply, const char *here, const char *title, const char *summary, struct err *err);
/* Puts the bar into a finished report, and below it `more` (HTML; NULL: nothing): what can be done with it. */
void dress_report(struct reply *reply, const char *here, const char *more, const struct str *report);
/* Instead of a page: what went wrong, in words, with the status of the error. */
void dress_failure(struct reply *reply, const struct err *err);

#endif
