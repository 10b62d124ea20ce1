/* How the C library keeps memory that is given back. */
#ifndef CLI_HEAP_H
#define CLI_HEAP_H

/* Studies simulate thousands of times in a row: memory that one simulation gives back is kept for the next, instead of being
 * unmapped and faulted in again (under a lock that all threads share: two threads were 1.72 times as fast as one, now 1.79). */
void heap_for_studies(void);

/* One simulation, or a few: tables that are mostly left at zero are fresh pages, of which only those that are touched come into
 * being (a quarter of the time that a short run takes). */
void heap_for_one(void);

#endif
