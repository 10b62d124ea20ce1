/* Documents of studies read back, so that a stored one is shown by the same code as a fresh one. */
#ifndef CLI_STUDY_READ_H
#define CLI_STUDY_READ_H

#include "cli/search_outputs.h"
#include "cli/whatif_outputs.h"

/* A vibee.whatif/1 document; everything lives in the arena. ERR_INPUT when it is not one. */
MUST_USE bool whatif_read(const char *document, struct whatif_view *view, struct arena *arena, struct err *err);
/* A vibee.search/1 document: the candidates that it names, in view->s; view->total says how many there were. */
MUST_USE bool search_read(const char *document, struct search_view *view, struct arena *arena, struct err *err);

#endif
