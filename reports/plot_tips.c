#include "reports/plot_tips.h"

#include <math.h>
#include <stdarg.h>

#include "reports/utf8.h"

enum { TIPS_A_LINE = 60 };

/* gnuplot hands the text on as an argument of a script, inside quotes: none of these may end it. */
static void tip_text(struct str *out, const char *text)
{
	struct str clean = { 0 };

	utf8_add(&clean, text);
	for (const char *p = str_text(&clean); *p; p++)
		if (*p == '\'' || *p == '"')
			str_add(out, "\xe2\x80\x99");
		else if (*p != '\\' && *p != '\n')
			str_add_bytes(out, p, 1);
	str_release(&clean);
}

void plot_tip(struct plot_tips *t, double x, double y, const char *fmt, ...)
{
	struct str text = { 0 };
	va_list args;

	if (!isfinite(x) || !isfinite(y))
		return;
	va_start(args, fmt);
	str_vaddf(&text, fmt, args);
	va_end(args);
	str_addf(&t->data, "%.9g %.9g \"", x, y);
	tip_text(&t->data, str_text(&text));
	str_add(&t->data, "\"\n");
	t->count++;
	t->data.failed |= text.failed;
	str_release(&text);
}

void plot_tips_data(struct plot_tips *t, const char *name, struct str *out)
{
	if (t->count)
		str_addf(out, "$%s << EOD\n%sEOD\n", name, str_text(&t->data));
	out->failed |= t->data.failed;
}

void plot_tips_plot(struct plot_tips *t, const char *name, struct str *out)
{
	/* Transparent until pointed at. */
	if (t->count)
		str_addf(out, ", $%s using 1:2:3 with labels hypertext point pointtype 7 pointsize 0.6 linecolor rgb '#ff808080' notitle", name);
	str_release(&t->data);
	t->count = 0;
}

size_t plot_tips_every(size_t count)
{
	return count > TIPS_A_LINE ? (count + TIPS_A_LINE - 1) / TIPS_A_LINE : 1;
}
