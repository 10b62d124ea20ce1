/* Numbers as text, fast: for files of millions of rows, where printf would be most of the time. */
#ifndef REPORTS_DECIMAL_H
#define REPORTS_DECIMAL_H

#include <stdint.h>

enum { DECIMAL_MOST = 32 };            /* bytes either function may write */

/* Writes v and returns the end (no NUL). */
char *decimal_int(char *out, int64_t v);
/*
 * Writes v with 15 significant digits, trailing zeros dropped: it reads back within 6e-15 of v (relative). Plain
 * notation from 1e-6 to 1e15, else with an exponent. NAN and infinity write nothing (an empty CSV cell).
 */
char *decimal_number(char *out, double v);

#endif
