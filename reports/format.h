/* Figures as people read them, the same in terminal, Markdown and HTML. Buffers hold at least FORMAT_ROOM bytes. */
#ifndef REPORTS_FORMAT_H
#define REPORTS_FORMAT_H

#include "reports/metric.h"
#include "reports/result.h"

enum { FORMAT_ROOM = 48 };

char *format_share(char *buf, double share);                          /* 0.314 -> 31.4 %; "-" for NAN */
char *format_number(char *buf, double value);                         /* 12345.6 -> 12,346; 3.987 -> 3.99 */
char *format_usd(char *buf, double usd);                              /* $0.00042, $12.34, $1,234, $67.9 M */
char *format_energy(char *buf, double joules);                        /* 1.23 J, 4.56 MJ */
/* The value in the unit of its metric: times as human_seconds, shares in percent, sizes in bytes ... */
char *format_metric(char *buf, const struct metric *m, double value);
/* "a minus 12 %" to "a plus 12 %", both as times: 1.06 s to 1.34 s. NAN error gives "-". buf: 2 * FORMAT_ROOM. */
char *format_interval_s(char *buf, double seconds, double rel_error);

#endif
