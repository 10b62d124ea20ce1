#include "reports/compare.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"

const char *const compare_verdict_names[] = { "same", "better", "worse", "changed", "new", "gone", NULL };

void compare_defaults(struct compare_options *options)
{
	*options = (struct compare_options){ .least_effect = 0.03, .significance = 0.05 };
}

static double tolerance_of(const struct compare_options *o, const char *figure)
{
	double tolerance = COMPARE_EXACT;

	for (size_t i = 0; i < o->tolerance_count; i++) {
		const char *name = o->tolerances[i].figure;
		size_t n = name ? strlen(name) : 0;

		if (!name || (strncmp(figure, name, n) == 0 && (figure[n] == '\0' || figure[n] == '.')))
			tolerance = fmax(o->tolerances[i].relative, COMPARE_EXACT);
	}
	return tolerance;
}

static enum compare_verdict direction(int better, double a, double b)
{
	if (better == 0)
		return COMPARE_CHANGED;
	return (b > a) == (better > 0) ? COMPARE_BETTER : COMPARE_WORSE;
}

static bool judge_samples(const struct compare_options *o, struct compared *c, struct err *err)
{
	struct stats_mann_whitney test;

	if (!stats_mann_whitney(c->a->samples, c->a->sample_count, c->b->samples, c->b->sample_count, &test, err))
		return false;
	c->measured = true;
	c->p = test.p;
	c->interval_a = stats_median_interval(c->a->samples, c->a->sample_count, 1 - o->significance);
	c->interval_b = stats_median_interval(c->b->samples, c->b->sample_count, 1 - o->significance);
	if (test.p < o->significance && fabs(c->change) > o->least_effect)
		c->verdict = direction(c->b->better, c->a->value, c->b->value);
	return true;
}

/* One sample against many, or a simulated figure against a measured one, cannot be tested: then only the values are seen. */
static bool judge(const struct compare_options *o, struct compared *c, struct err *err)
{
	double a, b;

	c->p = c->change = NAN;
	if (!c->a || !c->b) {
		c->verdict = c->a ? COMPARE_GONE : COMPARE_NEW;
		return true;
	}
	a = c->a->value;
	b = c->b->value;
	c->change = a != 0 ? (b - a) / fabs(a) : NAN;
	if (c->a->samples && c->b->samples)
		return judge_samples(o, c, err);
	if (fabs(a - b) > tolerance_of(o, c->b->name) * fmax(fabs(a), fabs(b)))
		c->verdict = direction(c->b->better, a, b);
	return true;
}

static bool fails(const struct compare_options *o, enum compare_verdict v)
{
	return v == COMPARE_WORSE || (o->exact && (v == COMPARE_BETTER || v == COMPARE_CHANGED || v == COMPARE_GONE));
}

static const struct side_figure *figure_named(const struct side_case *c, const char *name, size_t place)
{
	if (place < c->figure_count && strcmp(c->figures[place].name, name) == 0)
		return &c->figures[place];
	for (size_t i = 0; i < c->figure_count; i++)
		if (strcmp(c->figures[i].name, name) == 0)
			return &c->figures[i];
	return NULL;
}

static bool compare_case(struct comparison *all, struct compared_case *c, struct arena *arena, struct err *err)
{
	size_t room = (c->a ? c->a->figure_count : 0) + (c->b ? c->b->figure_count : 0);

	c->name = c->b ? c->b->name : c->a->name;
	all->only_a += !c->b;
	all->only_b += !c->a;
	if (!c->b)
		c->failed = all->options->exact;
	if (!c->a || !c->b) {
		all->failed_cases += c->failed > 0;
		return true;
	}
	all->both++;
	c->figures = arena_alloc(arena, (room + 1) * sizeof(*c->figures));
	if (!c->figures)
		return err_memory(err);
	for (size_t i = 0; i < c->a->figure_count; i++)
		c->figures[c->count++] = (struct compared){ .a = &c->a->figures[i], .b = figure_named(c->b, c->a->figures[i].name, i) };
	for (size_t i = 0; i < c->b->figure_count; i++)
		if (!figure_named(c->a, c->b->figures[i].name, i))
			c->figures[c->count++] = (struct compared){ .b = &c->b->figures[i] };
	for (size_t i = 0; i < c->count; i++) {
		struct compared *f = &c->figures[i];

		if (!judge(all->options, f, err))
			return false;
		f->failed = fails(all->options, f->verdict);
		c->failed += f->failed;
		c->counts[f->verdict]++;
		all->counts[f->verdict]++;
		all->measured += f->measured;
	}
	all->failed += c->failed;
	all->failed_cases += c->failed > 0;
	return true;
}

static size_t named(const struct side *s, const bool *taken, const char *name, size_t *at)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		if (!taken[i] && strcmp(s->cases[i]->name, name) == 0 && n++ == 0)
			*at = i;
	return n;
}

/* partner[i] of a's case i in b, or -1. */
static bool pair(const struct side *a, const struct side *b, long *partner, bool *taken_b, struct arena *arena, struct err *err)
{
	bool *taken_a = arena_alloc(arena, a->count + 1);
	size_t at_a = 0, at_b = 0;

	if (!taken_a)
		return err_memory(err);
	for (size_t i = 0; i < a->count; i++) {
		partner[i] = a->count == 1 && b->count == 1 ? 0 : -1;
		for (size_t k = 0; partner[i] < 0 && k < b->count; k++)
			if (!taken_b[k] && strcmp(a->cases[i]->name, b->cases[k]->name) == 0 && side_alike(a->cases[i], b->cases[k]))
				partner[i] = (long)k;
		taken_a[i] = partner[i] >= 0;
		if (partner[i] >= 0)
			taken_b[partner[i]] = true;
	}
	for (size_t i = 0; i < a->count; i++) {
		const char *name = a->cases[i]->name;

		if (taken_a[i] || named(a, taken_a, name, &at_a) != 1 || named(b, taken_b, name, &at_b) != 1)
			continue;
		partner[i] = (long)at_b;
		taken_a[i] = taken_b[at_b] = true;
	}
	return true;
}

bool compare_sides(const struct side *a, const struct side *b, const struct compare_options *options, struct arena *arena,
		   struct comparison *out, struct err *err)
{
	long *partner = arena_alloc(arena, (a->count + 1) * sizeof(*partner));
	bool *taken = arena_alloc(arena, b->count + 1);

	*out = (struct comparison){ .a = a, .b = b, .options = options };
	out->cases = arena_alloc(arena, (a->count + b->count + 1) * sizeof(*out->cases));
	if (!partner || !taken || !out->cases)
		return err_memory(err);
	if (!pair(a, b, partner, taken, arena, err))
		return false;
	for (size_t i = 0; i < a->count; i++)
		out->cases[out->count++] = (struct compared_case){ .a = a->cases[i], .b = partner[i] >= 0 ? b->cases[partner[i]] : NULL };
	for (size_t k = 0; k < b->count; k++)
		if (!taken[k])
			out->cases[out->count++] = (struct compared_case){ .b = b->cases[k] };
	for (size_t i = 0; i < out->count; i++)
		if (!compare_case(out, &out->cases[i], arena, err))
			return false;
	return true;
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

char *compare_failure(const struct comparison *c, char *buf, size_t room)
{
	size_t gone = c->options->exact ? c->only_a : 0, in = c->failed_cases - gone;
	int n = 0;

	*buf = '\0';
	if (c->failed)
		n = snprintf(buf, room, "%zu figure%s of %zu case%s %s", c->failed, plural(c->failed), in, plural(in),
			     c->options->exact ? "differ" : c->failed == 1 ? "is worse" : "are worse");
	if (gone && n >= 0 && (size_t)n < room)
		snprintf(buf + n, room - (size_t)n, "%s%zu case%s gone", n ? ", " : "", gone, plural(gone));
	return buf;
}

void compare_summary(const struct comparison *c, struct str *out)
{
	str_addf(out, "%zu better, %zu worse, ", c->counts[COMPARE_BETTER], c->counts[COMPARE_WORSE]);
	if (c->counts[COMPARE_CHANGED])
		str_addf(out, "%zu changed, ", c->counts[COMPARE_CHANGED]);
	if (c->counts[COMPARE_NEW])
		str_addf(out, "%zu new, ", c->counts[COMPARE_NEW]);
	if (c->counts[COMPARE_GONE])
		str_addf(out, "%zu gone, ", c->counts[COMPARE_GONE]);
	str_addf(out, "%zu the same", c->counts[COMPARE_SAME]);
	if (c->only_a)
		str_addf(out, "; %zu case%s only in A", c->only_a, plural(c->only_a));
	if (c->only_b)
		str_addf(out, "; %zu case%s only in B", c->only_b, plural(c->only_b));
}

char *compare_value(char *buf, const struct side_figure *f)
{
	struct metric m = { .path = "", .unit = "" };
	char unit[16];

	if (!f)
		return strcpy(buf, "-");
	if (strcmp(f->unit, "ns/request") == 0)
		return human_seconds(buf, 1e-9 * f->value);
	snprintf(unit, sizeof(unit), "%s", f->unit);           /* units of files may be of any length */
	m.unit = unit;
	return format_metric(buf, &m, f->value);
}

char *compare_interval(char *buf, const struct side_figure *f, const struct stats_interval *in)
{
	struct side_figure low = *f, high = *f;
	char a[COMPARE_ROOM], b[COMPARE_ROOM], *unit_a, *unit_b;

	low.value = in->low;
	high.value = in->high;
	compare_value(a, &low);
	compare_value(b, &high);
	unit_a = strchr(a, ' ');
	unit_b = strchr(b, ' ');
	if (unit_a && unit_b && strcmp(unit_a, unit_b) == 0)
		*unit_a = '\0';        /* "610 to 640 ns" */
	snprintf(buf, COMPARE_TEST_ROOM, "%s to %s (%.0f %%, n %zu)", a, b, 100 * in->coverage, f->sample_count);
	return buf;
}

char *compare_test(char *buf, const struct comparison *c, const struct compared *f)
{
	*buf = '\0';
	if (f->measured)
		snprintf(buf, COMPARE_TEST_ROOM, "p %.2g%s", f->p,
			 f->p < c->options->significance && f->verdict == COMPARE_SAME ? ", below the least effect" : "");
	return buf;
}

char *compare_change(char *buf, const struct compared *c)
{
	*buf = '\0';
	if (isfinite(c->change) && c->change != 0)
		snprintf(buf, COMPARE_ROOM, fabs(c->change) < 0.0005 ? "%+.2g %%" : "%+.1f %%", 100 * c->change);
	return buf;
}

void compare_inputs(const struct compared_case *c, const char *before, const char *after, struct str *out)
{
	if (!c->a || !c->b || c->a->input_count == 0 || c->b->input_count == 0)
		return;
	for (size_t i = 0; i < c->a->input_count; i++) {
		const char *key = c->a->inputs[i].key, *value = c->a->inputs[i].value, *other = side_input(c->b, key);

		if (!side_same_value(value ? value : "", other))
			str_addf(out, "%s%s: %s -> %s%s", before, key, value ? value : "", other ? other : "(absent)", after);
	}
	for (size_t i = 0; i < c->b->input_count; i++)
		if (!side_input(c->a, c->b->inputs[i].key))
			str_addf(out, "%s%s: (absent) -> %s%s", before, c->b->inputs[i].key, c->b->inputs[i].value ? c->b->inputs[i].value : "", after);
}

enum { NAMES_TOLD = 6 };

void compare_one_sided(const struct compared_case *c, enum compare_verdict which, const char *head, struct str *out)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct compared *f = &c->figures[i];

		if (f->verdict == which && n++ < NAMES_TOLD)
			str_addf(out, "%s%s", n == 1 ? head : ", ", f->a ? f->a->name : f->b->name);
	}
	if (n > NAMES_TOLD)
		str_addf(out, " and %zu more", n - NAMES_TOLD);
	str_add(out, n ? "\n" : "");
}
