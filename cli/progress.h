/* A progress bar on standard error that shows up after a second. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>

/* Largest memory this process ever held, bytes. */
double peak_rss_bytes(void);

struct progress {
	bool shown, wanted, lines;
	double start_s, next_s;
};
/* `quiet`, or a standard error that is no terminal, makes it silent. */
void progress_start(struct progress *p, bool quiet);
/* share: 0 to 1, NAN when unknown; `what` follows the bar. Cheap enough to be called often. */
void progress_show(struct progress *p, double share, const char *what);
/* Whole lines every five seconds, whatever standard error is: for logs. */
void progress_lines(struct progress *p);
bool progress_due(const struct progress *p);
void progress_end(struct progress *p);                                /* wipes the line */

#endif
