/* Days of the Gregorian calendar as numbers: enough to read dates, know weekdays and find where months begin. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Days since 1970-01-01, and back. */
int64_t calendar_days(int64_t year, int64_t month, int64_t day);
void calendar_date(int64_t days, int64_t *year, int64_t *month, int64_t *day);
int calendar_weekday(int64_t days);                                   /* 0 = Monday ... 6 = Sunday */
/* The same day of the month so many months later; the month's last day where there is no such day. */
int64_t calendar_add_months(int64_t days, int64_t months);
enum { CALENDAR_ROOM = 16 };
char *calendar_text(char buf[CALENDAR_ROOM], int64_t days);           /* "2027-01-31" */

/* "2023-11-16 18:17:03.9799600" with an optional T and zone, or a date alone (its midnight), as nanoseconds since 1970. Years
 * 1900 to 2199. */
bool calendar_read(const char *text, size_t length, int64_t *out_ns);

#endif
