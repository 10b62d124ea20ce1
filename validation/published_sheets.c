#include "validation/published_sheets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void share(struct sheet *t, int style, double value, const char *format)
{
	char text[32];

	snprintf(text, sizeof(text), format, 100 * value);
	sheet_number(t, style, value, text);
}

static void count_cell(struct sheet *t, int style, size_t count)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", count);
	sheet_number(t, style, (double)count, text);
}

static void group_row(struct sheet *t, const struct published_group *g)
{
	sheet_text(t, STYLE_PLAIN, g->name);
	count_cell(t, STYLE_PLAIN, g->rows);
	count_cell(t, STYLE_PLAIN, g->simulated);
	if (g->simulated > 0) {
		share(t, g->median <= 0.1 ? STYLE_GOOD : STYLE_PLAIN, g->median, "%.1f %%");
		share(t, STYLE_PLAIN, g->mean, "%.1f %%");
		share(t, STYLE_PLAIN, g->p90, "%.1f %%");
		share(t, STYLE_PLAIN, (double)g->over / (double)g->simulated, "%.0f %%");
		share(t, STYLE_PLAIN, g->bias, "%+.1f %%");
	} else {
		for (int k = 0; k < 5; k++)
			sheet_number(t, STYLE_FAINT, NAN, "-");
	}
	if (g->intervals > 0)
		share(t, STYLE_PLAIN, (double)g->inside / (double)g->intervals, "%.0f %%");
	else
		sheet_number(t, STYLE_FAINT, NAN, "-");
	if (g->seen > 0) {
		count_cell(t, STYLE_FAINT, g->seen);
		share(t, STYLE_FAINT, g->seen_median, "%.1f %%");
	} else {
		sheet_number(t, STYLE_FAINT, NAN, "-");
		sheet_number(t, STYLE_FAINT, NAN, "-");
	}
}

struct sheet *published_group_sheet(const struct published_study *s, int by, struct err *err)
{
	static const struct table_column columns[BY_COUNT][11] = {
#define COLUMNS(title) { { title, false }, { "rows", true }, { "held out", true }, { "median", true }, { "mean", true }, { "P90", true }, { "> 40 %", true }, \
			 { "bias", true }, { "in 80 %", true }, { "seen", true }, { "median", true } }
		COLUMNS("all"), COLUMNS("source"), COLUMNS("accelerator"), COLUMNS("model"), COLUMNS("metric"),
#undef COLUMNS
	};
	struct sheet *t = sheet_new(columns[by], NULL, COUNT_OF(columns[by]));

	if (!t) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < s->group_count; i++)
		if (s->groups[i].by == by)
			group_row(t, &s->groups[i]);
	return t;
}

static int further_off(const void *a, const void *b)
{
	const struct published_outcome *const *x = a, *const *y = b;
	double ex = fabs(log1p((*x)->error)), ey = fabs(log1p((*y)->error));

	return ex > ey ? -1 : ex < ey ? 1 : strcmp((*x)->row->id, (*y)->row->id);
}

const struct published_outcome *const *published_worst(const struct published_study *s, size_t *count, struct err *err)
{
	const struct published_outcome **sorted = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(const struct published_outcome *));
	size_t n = 0;

	*count = 0;
	if (!sorted) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < s->rows.count; i++)
		if (!isnan(s->outcomes[i].error) && fabs(s->outcomes[i].error) > 0.4)
			sorted[n++] = &s->outcomes[i];
	qsort(sorted, n, sizeof(sorted[0]), further_off);
	*count = n;
	return sorted;
}

static int by_text(const void *a, const void *b)
{
	const struct published_note *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static int by_rows(const void *a, const void *b)
{
	const struct published_note *x = a, *y = b;

	return x->rows != y->rows ? (x->rows < y->rows ? 1 : -1) : by_text(a, b);
}

struct published_note *published_notes(const struct published_study *s, size_t *count, struct err *err)
{
	struct published_note *notes = arena_alloc(s->arena, (s->rows.count + 1) * sizeof(*notes));
	size_t n = 0, kept = 0;

	*count = 0;
	if (!notes) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < s->rows.count; i++)
		if (s->outcomes[i].set.why == WHY_NONE && s->outcomes[i].set.note[0])
			notes[n++] = (struct published_note){ s->outcomes[i].set.note, 1 };
	qsort(notes, n, sizeof(*notes), by_text);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && strcmp(notes[kept - 1].text, notes[i].text) == 0)
			notes[kept - 1].rows++;
		else
			notes[kept++] = notes[i];
	}
	qsort(notes, kept, sizeof(*notes), by_rows);
	*count = kept;
	return notes;
}

void published_coverage(const struct published_study *s, struct str *out)
{
	const struct published_group *all = s->group_count ? &s->groups[0] : NULL;
	size_t unseen = 0, inside = 0;

	if (!all || all->intervals == 0) {
		str_add(out, "The 80 % interval of `run` was not simulated for any of these rows");
		return;
	}
	for (size_t i = 0; i < s->rows.count; i++) {
		const struct published_outcome *o = &s->outcomes[i];

		if (o->held_out && !isnan(o->least)) {
			unseen++;
			inside += o->row->value >= o->least && o->row->value <= o->most;
		}
	}
	str_addf(out, "In 80 %%: published figures inside the 80 %% interval that `run` prints, on an even sample of the simulations: %zu of %zu (%.0f %%)",
		 all->inside, all->intervals, 100.0 * (double)all->inside / (double)all->intervals);
	if (unseen > 0)
		str_addf(out, ", of those held out %zu of %zu (%.0f %%)", inside, unseen, 100.0 * (double)inside / (double)unseen);
	str_add(out, ". It is made of the errors of operators left out and of what whole runs of the seen half are off by beyond them");
}
