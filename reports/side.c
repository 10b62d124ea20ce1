#include "reports/side.h"

#include <math.h>
#include <string.h>

#include "base/stats.h"
#include "reports/metric.h"

void side_init(struct side *side, const char *name, struct arena *arena)
{
	*side = (struct side){ .name = name, .what = name, .arena = arena };
}

/* Room for one more element in an arena: doubled, the old place is left behind. */
static void *grown(struct arena *arena, void *old, size_t count, size_t *room, size_t size)
{
	void *wider = old;

	if (count == *room) {
		wider = arena_alloc(arena, (*room ? 2 * *room : 16) * size);
		if (wider) {
			if (count)
				memcpy(wider, old, count * size);
			*room = *room ? 2 * *room : 16;
		}
	}
	return wider;
}

struct side_case *side_add(struct side *side, const char *name, const char *title, struct err *err)
{
	struct side_case *c = arena_alloc(side->arena, sizeof(*c));
	void *cases = grown(side->arena, side->cases, side->count, &side->room, sizeof(*side->cases));

	if (cases)
		side->cases = cases;
	if (!c || !cases || !(c->name = arena_strdup(side->arena, name ? name : "")) ||
	    (title && !(c->title = arena_strdup(side->arena, title)))) {
		err_memory(err);
		return NULL;
	}
	side->cases[side->count++] = c;
	return c;
}

static struct side_figure *new_figure(struct side *side, struct side_case *c, const char *name, struct err *err)
{
	void *figures = grown(side->arena, c->figures, c->figure_count, &c->figure_room, sizeof(*c->figures));
	const char *copy = figures ? arena_strdup(side->arena, name) : NULL;

	if (!copy) {
		err_memory(err);
		return NULL;
	}
	c->figures = figures;
	c->figures[c->figure_count] = (struct side_figure){ .name = copy, .unit = "" };
	return &c->figures[c->figure_count++];
}

/* Studies call some metrics by shorter names: "usd_per_hour" for "cost.usd_per_hour". */
static const struct metric *known_as(const char *name)
{
	const struct metric *m = metric_find(name);
	const char *dot;

	for (const struct metric *at = metrics; !m && at->path; at++)
		if ((dot = strchr(at->path, '.')) && strcmp(dot + 1, name) == 0)
			m = at;
	return m;
}

/* "ttft_p99" of a study is "ttft_s.p99" of a run. */
static const struct metric *metric_of(const char *name)
{
	const char *low = strrchr(name, '_');
	char path[96];
	const struct metric *m = known_as(name);

	if (m || !low || (size_t)(low - name) > 40 || strlen(low) > 40)
		return m;
	memcpy(path, name, (size_t)(low - name));
	strcpy(path + (low - name), "_s.");
	strcat(path, low + 1);
	return metric_find(path);
}

bool side_figure_add(struct side *side, struct side_case *c, const char *name, double value, struct err *err)
{
	const struct metric *m = metric_of(name);
	struct side_figure *f;

	/* The interval of a run is there when it was asked for: it belongs to the command, not to the scenario. */
	if (!isfinite(value) || strcmp(name, "confidence.interval_rel_error") == 0)
		return true;
	f = new_figure(side, c, name, err);
	if (!f)
		return false;
	f->value = value;
	if (m) {
		f->unit = m->unit;
		f->better = m->better;
	} else if (strcmp(name, SIDE_SLOS_MET) == 0 || strcmp(name, SIDE_BARS_MET) == 0) {
		f->better = 1;
	}
	return true;
}

bool side_samples_add(struct side *side, struct side_case *c, const char *name, const char *unit, int better, const double *samples,
		      size_t count, struct err *err)
{
	struct side_figure *f = new_figure(side, c, name, err);
	double *sorted = arena_alloc(side->arena, (count + 1) * sizeof(*sorted));

	if (!f || !sorted || !(f->unit = arena_strdup(side->arena, unit ? unit : "")))
		return err_memory(err);
	if (count)
		memcpy(sorted, samples, count * sizeof(*sorted));
	stats_sort(sorted, count);
	f->better = better;
	f->value = stats_median(sorted, count);
	f->samples = sorted;
	f->sample_count = count;
	return true;
}

int side_unit_better(const char *unit)
{
	static const char *const less[] = { "s", "ns/request", "bytes", "J", "W", "USD" };

	for (size_t i = 0; unit && i < COUNT_OF(less); i++)
		if (strcmp(unit, less[i]) == 0)
			return -1;
	return unit && *unit ? 1 : 0;
}

bool side_result_add(struct side *side, struct side_case *c, const struct result *r, struct err *err)
{
	for (const struct metric *m = metrics; m->path; m++)
		if (!text_starts(m->path, "sim.") && !side_figure_add(side, c, metric_name(m), metric_get(m, r), err))
			return false;
	if (r->slo_count && !side_figure_add(side, c, SIDE_SLOS_MET, r->slos_met, err))
		return false;
	c->inputs = r->scenario;
	c->input_count = r->scenario_count;
	side_case_done(c);
	return true;
}

static bool trains(const struct side_case *c)
{
	for (size_t i = 0; i < c->figure_count; i++)
		if (strcmp(c->figures[i].name, "training.step_s") == 0)
			return true;
	return false;
}

void side_case_done(struct side_case *c)
{
	size_t kept = 0;

	if (!trains(c))
		return;
	for (size_t i = 0; i < c->figure_count; i++) {
		const struct side_figure *f = &c->figures[i];

		if (f->value != 0 || text_starts(f->name, "training.") || text_starts(f->name, "confidence."))
			c->figures[kept++] = *f;
	}
	c->figure_count = kept;
}

const char *side_input(const struct side_case *c, const char *path)
{
	for (size_t i = 0; i < c->input_count; i++)
		if (text_equal(c->inputs[i].key, path))
			return c->inputs[i].value ? c->inputs[i].value : "";
	return NULL;
}

/* Inputs of two cases usually stand in the same order: the place is tried first. */
static const char *input_near(const struct side_case *c, const char *path, size_t place)
{
	if (place < c->input_count && text_equal(c->inputs[place].key, path))
		return c->inputs[place].value ? c->inputs[place].value : "";
	return side_input(c, path);
}

static int truth(const char *text)
{
	return strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 ? 1 : strcmp(text, "no") == 0 || strcmp(text, "false") == 0 ? 0 : -1;
}

bool side_same_value(const char *a, const char *b)
{
	double x, y;

	if (!a || !b || strcmp(a, b) == 0)
		return a == b || (a && b);
	return (text_to_double(a, &x) && text_to_double(b, &y) && x == y) || (truth(a) >= 0 && truth(a) == truth(b));
}

bool side_alike(const struct side_case *a, const struct side_case *b)
{
	for (size_t i = 0; i < a->input_count; i++) {
		const char *other = input_near(b, a->inputs[i].key, i);

		if (other && !side_same_value(a->inputs[i].value ? a->inputs[i].value : "", other))
			return false;
	}
	return true;
}

enum { NAMED_APART_BY = 4 };

/* Does any case of that name have another value there? */
static bool sets_apart(const struct side *side, const struct side_case *c, const struct key_value *input, size_t place)
{
	for (size_t i = 0; i < side->count; i++) {
		const struct side_case *o = side->cases[i];
		const char *other = strcmp(o->name, c->name) == 0 ? input_near(o, input->key, place) : NULL;

		if (other && !side_same_value(input->value ? input->value : "", other))
			return true;
	}
	return false;
}

static bool shared(const struct side *side, const struct side_case *c)
{
	for (size_t i = 0; i < side->count; i++)
		if (side->cases[i] != c && strcmp(side->cases[i]->name, c->name) == 0)
			return true;
	return false;
}

static const char *apart(const struct side *side, const struct side_case *c)
{
	struct str name = { 0 };
	const char *copy;
	size_t n = 0;

	str_add(&name, c->name);
	for (size_t i = 0; i < c->input_count && n < NAMED_APART_BY; i++)
		if (c->inputs[i].key && sets_apart(side, c, &c->inputs[i], i))
			str_addf(&name, "%s%s=%s", n++ ? ", " : " (", c->inputs[i].key, c->inputs[i].value ? c->inputs[i].value : "");
	str_add(&name, n ? ")" : "");
	copy = name.failed ? NULL : arena_strdup(side->arena, str_text(&name));
	str_release(&name);
	return copy;
}

bool side_name_apart(struct side *side, struct err *err)
{
	const char **names = arena_alloc(side->arena, (side->count + 1) * sizeof(*names));

	for (size_t i = 0; names && i < side->count; i++) {
		names[i] = shared(side, side->cases[i]) ? apart(side, side->cases[i]) : side->cases[i]->name;
		if (!names[i])
			return err_memory(err);
	}
	for (size_t i = 0; names && i < side->count; i++)
		side->cases[i]->name = names[i];
	return names || err_memory(err);
}
