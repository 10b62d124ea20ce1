/* Outcomes of candidates in the database: what an interrupted search goes on from. */
#ifndef CLI_SEARCH_MEMORY_H
#define CLI_SEARCH_MEMORY_H

#include "reports/store.h"
#include "sim/plan/search.h"

/* Borrows the store. */
void search_memory_init(struct search_memory *m, struct store *store);

#endif
