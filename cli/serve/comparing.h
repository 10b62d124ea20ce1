/* Two stored runs or studies side by side. */
#ifndef CLI_SERVE_COMPARING_H
#define CLI_SERVE_COMPARING_H

#include "cli/serve/server.h"

/* GET /compare?run=A&run=B, a page, and GET /api/compare?a=A&b=B, vibee.compare/1. Names as on the command line; study:ID for studies. */
void compare_page(const struct server *s, const struct request *r, const char *word, struct reply *reply);
void compare_api(const struct server *s, const struct request *r, const char *word, struct reply *reply);

#endif
