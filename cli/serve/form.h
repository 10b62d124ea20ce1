/* The page on which a scenario is edited and simulated. */
#ifndef CLI_SERVE_FORM_H
#define CLI_SERVE_FORM_H

#include "cli/serve/server.h"

/* GET /whatif: filled from the default scenario, ?scenario=NAME or ?run=ID. Its script posts to /api/run. */
void form_page(const struct server *s, const struct request *r, const char *word, struct reply *reply);

#endif
