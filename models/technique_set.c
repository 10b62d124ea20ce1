/* Techniques of one scenario: parameters settled, sorted into the order in which they act, impossible pairs refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "models/technique.h"

static size_t index_of(const struct technique *t, const char *name)
{
	size_t i = 0;

	while (i < t->param_count && !text_equal(t->params[i].name, name))
		i++;
	return i;
}

double technique_number_or(const struct technique_use *use, const char *name, double otherwise)
{
	size_t i = index_of(use->technique, name);

	return i < use->technique->param_count ? use->numbers[i] : otherwise;
}

double technique_number(const struct technique_use *use, const char *name)
{
	return technique_number_or(use, name, NAN);
}

const char *technique_word(const struct technique_use *use, const char *name)
{
	size_t i = index_of(use->technique, name);

	return i < use->technique->param_count ? use->words[i] : NULL;
}

static bool set_value(struct technique_use *u, size_t i, const char *value, struct err *err)
{
	const struct technique *t = u->technique;
	const struct technique_param *p = &t->params[i];
	const char *unit = p->unit ? p->unit : "";

	u->words[i] = value;
	u->numbers[i] = NAN;
	if (p->choices)
		return text_has_word(p->choices, value) ||
		       err_set(err, ERR_INPUT, "--with %s: %s=%s: expected one of %s", t->id, p->name, value, p->choices);
	if (isnan(p->least))
		return *value || err_set(err, ERR_INPUT, "--with %s: %s is empty: expected a name", t->id, p->name);
	if (!text_to_double(value, &u->numbers[i]) || u->numbers[i] < p->least || u->numbers[i] > p->most)
		return err_set(err, ERR_INPUT, "--with %s: %s=%s: expected %g to %g%s%s", t->id, p->name, value, p->least, p->most,
			       *unit ? " " : "", unit);
	return true;
}

static bool unknown_param(const struct technique *t, const char *name, struct err *err)
{
	const char *names[64] = { NULL }, *near;
	struct str all = { 0 };
	size_t n = 0;

	for (; n < t->param_count && n < COUNT_OF(names); n++) {
		names[n] = t->params[n].name;
		str_addf(&all, "%s%s", n ? ", " : "", names[n]);
	}
	near = text_nearest(name, names, n);
	if (near)
		err_set(err, ERR_INPUT, "--with %s: no parameter '%s': did you mean '%s'?", t->id, name, near);
	else
		err_set(err, ERR_INPUT, "--with %s: no parameter '%s': expected one of %s", t->id, name, n ? str_text(&all) : "none");
	str_release(&all);
	return false;
}

/* "bits=2,group=32" */
static bool set_values(struct technique_use *u, const char *params, struct arena *arena, struct err *err)
{
	char *at = arena_strdup(arena, params ? params : ""), *next;

	if (!at)
		return err_memory(err);
	for (; at && *at; at = next) {
		char *comma = strchr(at, ','), *equals;
		size_t i;

		next = comma ? comma + 1 : NULL;
		if (comma)
			*comma = '\0';
		equals = strchr(at, '=');
		if (!equals)
			return err_set(err, ERR_INPUT, "--with %s: '%s': expected name=value", u->technique->id, at);
		*equals = '\0';
		at = text_trim(at);
		i = index_of(u->technique, at);
		if (i == u->technique->param_count)
			return unknown_param(u->technique, at, err);
		if (u->given[i])
			return err_set(err, ERR_INPUT, "--with %s: %s is given twice", u->technique->id, at);
		u->given[i] = true;
		if (!set_value(u, i, text_trim(equals + 1), err))
			return false;
	}
	return true;
}

bool technique_set_add(struct technique_set *set, const char *name, const char *params, struct arena *arena, struct err *err)
{
	const struct technique *t;
	struct technique_use *grown, *u;
	struct err own = { 0 };

	if (text_equal(name, "none"))
		return true;
	t = technique_load(name, arena, &own);
	if (!t)
		return err_set(err, own.kind, "%s%s", own.kind == ERR_INPUT && text_starts(own.text, "unknown") ? "--with: " : "", own.text);
	grown = arena_alloc(arena, (set->count + 1) * sizeof(*grown));
	if (!grown)
		return err_memory(err);
	if (set->count)
		memcpy(grown, set->uses, set->count * sizeof(*grown));
	set->uses = grown;
	u = &set->uses[set->count++];
	*u = (struct technique_use){ .technique = t, .ops = technique_family(t->family) };
	u->numbers = arena_alloc(arena, (t->param_count + 1) * sizeof(*u->numbers));
	u->words = arena_alloc(arena, (t->param_count + 1) * sizeof(*u->words));
	u->given = arena_alloc(arena, (t->param_count + 1) * sizeof(*u->given));
	if (!u->numbers || !u->words || !u->given)
		return err_memory(err);
	for (size_t i = 0; i < t->param_count; i++)
		if (!set_value(u, i, t->params[i].fallback, err))
			return false;
	return set_values(u, params, arena, err);
}

static int family_rank(const struct technique_ops *ops)
{
	int i = 0;

	while (technique_families[i] && technique_families[i] != ops)
		i++;
	return i;
}

static int in_order(const void *a, const void *b)
{
	const struct technique_use *x = a, *y = b;
	int family = family_rank(x->ops) - family_rank(y->ops);

	if (x->technique->area != y->technique->area)
		return x->technique->area - y->technique->area;
	return family ? family : strcmp(x->technique->id, y->technique->id);
}

static bool refers_to(const char *what, const struct technique *t)
{
	return text_equal(what, t->id) || text_equal(what, t->family) || (t->slot && text_equal(what, t->slot));
}

/* a stands before b. */
static bool check_pair(const struct technique *a, const struct technique *b, struct err *err)
{
	if (text_equal(a->id, b->id))
		return err_set(err, ERR_INPUT, "--with %s is given twice", a->id);
	if (a->slot && b->slot && text_equal(a->slot, b->slot))
		return err_set(err, ERR_INPUT, "--with %s and --with %s: both are a %s, of which a scenario has one", a->id, b->id, a->slot);
	for (size_t i = 0; i < a->exclude_count; i++)
		if (refers_to(a->excludes[i].what, b))
			return err_set(err, ERR_INPUT, "--with %s excludes --with %s: %s", a->id, b->id, a->excludes[i].reason);
	for (size_t i = 0; i < b->exclude_count; i++)
		if (refers_to(b->excludes[i].what, a))
			return err_set(err, ERR_INPUT, "--with %s excludes --with %s: %s", b->id, a->id, b->excludes[i].reason);
	return true;
}

bool technique_set_finish(struct technique_set *set, struct err *err)
{
	if (set->count)
		qsort(set->uses, set->count, sizeof(*set->uses), in_order);
	for (size_t i = 0; i < set->count; i++)
		for (size_t k = i + 1; k < set->count; k++)
			if (!check_pair(set->uses[i].technique, set->uses[k].technique, err))
				return false;
	return true;
}

const struct technique_use *technique_set_find(const struct technique_set *set, const char *id)
{
	for (size_t i = 0; set && i < set->count; i++)
		if (text_equal(set->uses[i].technique->id, id))
			return &set->uses[i];
	return NULL;
}

#define WALK(hook, type) \
	bool technique_##hook(const struct technique_set *set, struct type *change, struct err *err) \
	{ \
		for (size_t i = 0; set && i < set->count; i++) \
			if (set->uses[i].ops->hook && !set->uses[i].ops->hook(&set->uses[i], change, err)) \
				return false; \
		return true; \
	}
WALK(hardware, hardware_change)
WALK(model, model_change)
WALK(schedule, policy_change)
WALK(acceptance, acceptance)
WALK(operators, graph_change)
WALK(memory, memory_change)
WALK(training, training_change)
WALK(convergence, convergence_change)
#undef WALK

bool technique_graph(const struct technique_set *set, const struct model *model, const struct placement *place, const struct stack *stack,
		     const struct device *device, int stage, struct graph *out, struct arena *arena, struct err *err)
{
	struct placement p;
	struct graph_change change = { .model = model, .place = &p, .device = device, .stack = stack, .stage = stage, .graph = out, .arena = arena };

	if (!graph_build(model, place, stack, stage, out, arena, err))
		return false;
	placement_resolve(model, place, &p);
	change.capacity = out->count;
	return technique_operators(set, &change, err);
}

bool technique_training_graph(const struct technique_set *set, const struct model *model, const struct placement *place, int stage,
			      struct graph *graph, struct arena *arena, struct err *err)
{
	struct placement p;
	struct graph_change change = { .model = model, .place = &p, .stage = stage, .training = true, .graph = graph, .capacity = graph->count,
				       .arena = arena };

	placement_resolve(model, place, &p);
	return technique_operators(set, &change, err);
}

bool technique_changed_hardware(const struct technique_set *set, const struct device **device, const struct system **system,
				struct arena *arena, struct err *err)
{
	struct hardware_change hw = { .arena = arena };
	bool any = false;

	for (size_t i = 0; i < set->count; i++)
		any = any || set->uses[i].ops->hardware;
	if (!any)
		return true;
	hw.device = arena_alloc(arena, sizeof(*hw.device));
	hw.system = arena_alloc(arena, sizeof(*hw.system));
	if (!hw.device || !hw.system)
		return err_memory(err);
	*hw.device = **device;
	*hw.system = **system;
	hw.system->device = hw.device;
	if (!technique_hardware(set, &hw, err))
		return false;
	*device = hw.device;
	*system = hw.system;
	return true;
}

bool technique_changed_model(const struct technique_set *set, const struct model **model, struct arena *arena, struct err *err)
{
	struct model_change change = { .arena = arena };
	bool any = false;

	for (size_t i = 0; i < set->count; i++)
		any = any || set->uses[i].ops->model;
	if (!any)
		return true;
	change.model = arena_alloc(arena, sizeof(*change.model));
	if (!change.model)
		return err_memory(err);
	*change.model = **model;
	change.model->mixer_of = arena_strdup(arena, (*model)->mixer_of);
	change.model->ffn_of = arena_strdup(arena, (*model)->ffn_of);
	if (!change.model->mixer_of || !change.model->ffn_of)
		return err_memory(err);
	if (!technique_model(set, &change, err))
		return false;
	change.model->shape.mixers = change.model->mixer_of;
	change.model->shape.ffns = change.model->ffn_of;
	if (!model_finish(change.model, change.model->name, arena, err))
		return false;
	*model = change.model;
	return true;
}
