#include "base/calendar.h"

#include <stdio.h>

/* Years start in March so that leap days come last. */
int64_t calendar_days(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
	int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

void calendar_date(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t from_march = days + 719468, era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
	int64_t in_era = from_march - era * 146097;
	int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), m = (5 * in_year + 2) / 153;

	*day = in_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

int calendar_weekday(int64_t days)
{
	int64_t d = (days + 3) % 7;    /* 1970-01-01 was a Thursday */

	return (int)(d < 0 ? d + 7 : d);
}

static int64_t month_length(int64_t year, int64_t month)
{
	return calendar_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - calendar_days(year, month, 1);
}

int64_t calendar_add_months(int64_t days, int64_t months)
{
	int64_t year, month, day, count;

	calendar_date(days, &year, &month, &day);
	count = year * 12 + month - 1 + months;
	year = count / 12;
	month = count % 12 + 1;
	if (day > month_length(year, month))
		day = month_length(year, month);
	return calendar_days(year, month, day);
}

char *calendar_text(char buf[CALENDAR_ROOM], int64_t days)
{
	int64_t year, month, day;

	calendar_date(days, &year, &month, &day);
	snprintf(buf, CALENDAR_ROOM, "%04d-%02d-%02d", (int)(year % 10000), (int)month, (int)day);
	return buf;
}

static bool digits_at(const char *text, size_t length, size_t at, size_t count, int64_t *out)
{
	*out = 0;
	if (at + count > length)
		return false;
	for (size_t i = at; i < at + count; i++) {
		if ((unsigned)(text[i] - '0') >= 10)
			return false;
		*out = 10 * *out + (text[i] - '0');
	}
	return true;
}

static bool read_day(const char *text, size_t length, int64_t *days)
{
	int64_t year, month, day;

	if (!digits_at(text, length, 0, 4, &year) || !digits_at(text, length, 5, 2, &month) || !digits_at(text, length, 8, 2, &day) ||
	    text[4] != '-' || text[7] != '-')
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31 || year < 1900 || year > 2199)
		return false;
	*days = calendar_days(year, month, day);
	return true;
}

bool calendar_read(const char *text, size_t length, int64_t *out_ns)
{
	int64_t days, hour = 0, minute = 0, second = 0, ns = 0, zone = 0, a, b;
	size_t p = 19;

	if (!read_day(text, length, &days))
		return false;
	if (length == 10) {
		*out_ns = days * 86400 * 1000000000;
		return true;
	}
	if (!digits_at(text, length, 11, 2, &hour) || !digits_at(text, length, 14, 2, &minute) ||
	    !digits_at(text, length, 17, 2, &second) || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' || text[16] != ':')
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (p < length && text[p] == '.') {
		int64_t unit = 100000000;

		for (p++; p < length && (unsigned)(text[p] - '0') < 10; p++, unit /= 10)
			ns += unit * (text[p] - '0');
	}
	if (p < length && (text[p] == '+' || text[p] == '-')) {
		size_t minutes = p + 3 < length && text[p + 3] == ':' ? p + 4 : p + 3;

		if (!digits_at(text, length, p + 1, 2, &a))
			return false;
		if (!digits_at(text, length, minutes, 2, &b))
			b = 0;
		zone = (text[p] == '-' ? -1 : 1) * (3600 * a + 60 * b);
		p = length;
	} else if (p < length && text[p] == 'Z') {
		p++;
	}
	if (p != length)
		return false;
	*out_ns = (((days * 24 + hour) * 60 + minute) * 60 + second - zone) * 1000000000 + ns;
	return true;
}
