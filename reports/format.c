#include "reports/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

char *format_share(char *buf, double share)
{
	double percent = 100 * share, a = fabs(percent);

	if (!isfinite(share))
		return strcpy(buf, "-");
	snprintf(buf, FORMAT_ROOM, a == 0 || a >= 99.95 ? "%.0f %%" : a < 0.995 ? "%.2f %%" : "%.1f %%", percent);
	return buf;
}

/* Puts commas into the digits before the point. */
static char *group(char *buf, const char *plain)
{
	size_t whole = strcspn(plain, ".") - (*plain == '-');
	char *out = buf;

	if (*plain == '-')
		*out++ = *plain++;
	for (size_t i = 0; i < whole; i++) {
		if (i && (whole - i) % 3 == 0)
			*out++ = ',';
		*out++ = plain[i];
	}
	strcpy(out, plain + whole);
	return buf;
}

char *format_number(char *buf, double value)
{
	char plain[FORMAT_ROOM];
	double a = fabs(value);

	if (!isfinite(value))
		return strcpy(buf, "-");
	if (a >= 1e12 || (a != 0 && a < 1e-4)) {
		snprintf(buf, FORMAT_ROOM, "%.3g", value);
		return buf;
	}
	if (value == floor(value) || a >= 999.5)
		snprintf(plain, sizeof(plain), "%.0f", value);
	else if (a >= 99.95)
		snprintf(plain, sizeof(plain), "%.1f", value);
	else
		snprintf(plain, sizeof(plain), a >= 0.995 ? "%#.3g" : "%.3g", value);
	return group(buf, plain);
}

char *format_usd(char *buf, double usd)
{
	char plain[FORMAT_ROOM];
	double a = fabs(usd);

	if (!isfinite(usd))
		return strcpy(buf, "-");
	if (a >= 9.995e6) {
		bool billions = a >= 9.995e9;

		snprintf(buf, FORMAT_ROOM, "$%.*f %s", a / (billions ? 1e9 : 1e6) < 99.95 ? 1 : 0, usd / (billions ? 1e9 : 1e6), billions ? "B" : "M");
		return buf;
	}
	if (a >= 0.0995 || a == 0)
		snprintf(plain, sizeof(plain), a >= 999.5 ? "%.0f" : "%.2f", usd);
	else
		snprintf(plain, sizeof(plain), a >= 1e-4 ? "%.4f" : "%.2g", usd);
	*buf = '$';
	group(buf + 1, plain);
	return buf;
}

char *format_energy(char *buf, double joules)
{
	return human_rate(buf, joules, "J");
}

char *format_metric(char *buf, const struct metric *m, double value)
{
	if (!isfinite(value))
		return strcpy(buf, "-");
	if (strcmp(m->unit, "s") == 0)
		return human_seconds(buf, value);
	if (strcmp(m->unit, "bytes") == 0)
		return human_bytes(buf, value);
	if (strcmp(m->unit, "share") == 0)
		return format_share(buf, value);
	if (strcmp(m->unit, "USD") == 0)
		return format_usd(buf, value);
	if (strcmp(m->unit, "USD/h") == 0)
		return strcat(format_usd(buf, value), "/h");
	if (strcmp(m->unit, "J") == 0 || strcmp(m->unit, "W") == 0)
		return human_rate(buf, value, m->unit);
	if (strcmp(m->unit, "FLOP/s") == 0)
		return human_rate(buf, value, "FLOP/s");
	if (strcmp(m->unit, "bytes/s") == 0)
		return human_rate(buf, value, "B/s");
	format_number(buf, value);
	if (*m->unit) {
		strcat(buf, " ");
		strcat(buf, m->unit);
	}
	return buf;
}

char *format_interval_s(char *buf, double seconds, double rel_error)
{
	char low[32], high[32];

	if (!isfinite(seconds) || !isfinite(rel_error))
		return strcpy(buf, "-");
	snprintf(buf, 2 * FORMAT_ROOM, "%s to %s", human_seconds(low, seconds * fmax(0, 1 - rel_error)),
		 human_seconds(high, seconds * (1 + rel_error)));
	return buf;
}
