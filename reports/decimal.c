#include "reports/decimal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char pairs[] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Digits of v, right-aligned so that they end at `end`; returns their start. */
static char *digits_before(char *end, uint64_t v)
{
	while (v >= 100) {
		end -= 2;
		memcpy(end, pairs + 2 * (v % 100), 2);
		v /= 100;
	}
	if (v >= 10) {
		end -= 2;
		memcpy(end, pairs + 2 * v, 2);
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

char *decimal_int(char *out, int64_t v)
{
	char text[24], *end = text + sizeof(text), *start;
	size_t n;

	if (v >= 0 && v < 10) {
		*out = (char)('0' + v);
		return out + 1;
	}
	start = digits_before(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	if (v < 0)
		*--start = '-';
	n = (size_t)(end - start);
	memcpy(out, start, n);
	return out + n;
}

/* Powers up to 1e22 are exact in a double, so scaling rounds once: the error is that of the 15th digit, 5e-15. */
static const double power10[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
				  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

char *decimal_number(char *out, double v)
{
	char text[24], *end = text + sizeof(text), *start;
	int before = 1, after;         /* digits before the point (1 to 15), and after it (0 to 20) */
	uint64_t m;

	if (!isfinite(v))
		return out;
	if (signbit(v) && v != 0)
		*out++ = '-';
	v = fabs(v);
	if (v == 0) {
		*out = '0';
		return out + 1;
	}
	if (v < 1e-6 || v >= 1e14)
		return out + snprintf(out, DECIMAL_MOST - 1, "%.15g", v);
	while (before < 15 && v >= power10[before])
		before++;
	after = 15 - before;
	for (double w = v; w < 1 && after < 20; w *= 10)
		after++;               /* leading zeros are not significant */
	m = (uint64_t)(v * power10[after] + 0.5);
	while (after > 0 && m % 10 == 0) {
		m /= 10;
		after--;
	}
	start = digits_before(end, m);
	while (end - start <= after)
		*--start = '0';
	memcpy(out, start, (size_t)(end - start - after));
	out += end - start - after;
	if (after) {
		*out++ = '.';
		memcpy(out, end - after, (size_t)after);
		out += after;
	}
	return out;
}
