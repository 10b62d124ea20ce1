#include "sim/plan/plan_spec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/calendar.h"
#include "base/pairs.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/catalog.h"
#include "sim/plan/autoscale.h"
#include "sim/plan/axis.h"
#include "sim/plan/commit.h"

#define AT(of, m) offsetof(struct of, m)
#define TEXT(of, m, what) { .name = #m, .type = FIELD_TEXT, .offset = AT(of, m), .help = what }
#define INT(of, m, lo, hi, def, what) { .name = #m, .type = FIELD_INT, .offset = AT(of, m), .least = lo, .most = hi, .fallback = def, .help = what }
#define NUM(of, attr, m, si, lo, hi, def, what) \
	{ .name = attr, .type = FIELD_NUMBER, .offset = AT(of, m), .to_si = si, .least = lo, .most = hi, .fallback = def, .help = what }
#define FLAG(of, m, what) { .name = #m, .type = FIELD_FLAG, .offset = AT(of, m), .help = what }

static const struct field demand_fields[] = {
	TEXT(plan_demand, rate, "requests a second: a number, FILE.csv, trace:FILE, diurnal:mean=20,peak=60, weekly:..., growth:..."),
	NUM(plan_demand, "growth_per_month", growth_per_month, 1, -0.9, 10, NULL, "0.05 = 5 % more each month; absent: what the rate says"),
	NUM(plan_demand, "weekend", weekend, 1, 0, 100, NULL, "factor on Saturdays and Sundays; absent: what the rate says"),
};
static const struct element demand_part = { .name = "demand", .fields = demand_fields, .field_count = COUNT_OF(demand_fields),
	.offset = AT(plan_spec, demand), .size = sizeof(struct plan_demand), .help = "Requests over time, all classes and regions together." };

static const struct field redundancy_fields[] = {
	INT(plan_redundancy, spares, 0, 1000000, "0", "units more than needed, at least; n+1 is 1"),
	NUM(plan_redundancy, "mtbf_h", mtbf_s, 3600, 1, 1e9, NULL, "mean time between failures of a device; absent: none fails"),
	NUM(plan_redundancy, "mttr_h", mttr_s, 3600, 1e-3, 1e6, "24", "mean time until a failed unit serves again"),
	NUM(plan_redundancy, "availability", availability, 1, 0.5, 0.9999999999, "0.999", "share of time in which enough units are to be up"),
};
static const struct element redundancy_part = { .name = "redundancy", .fields = redundancy_fields, .field_count = COUNT_OF(redundancy_fields),
	.offset = AT(plan_spec, redundancy), .size = sizeof(struct plan_redundancy), .help = "Units beyond those that demand needs." };

static const struct field scaling_fields[] = {
	{ .name = "policy", .type = FIELD_CHOICE, .offset = AT(plan_scaling, policy), .choices = autoscale_policy_names,
	  .help = "none: sized for each month's peak; reactive; predictive: last week's curve; perfect: a lower bound" },
	NUM(plan_scaling, "startup_s", startup_s, 1, 0, 86400, "300", "from the decision to a unit that serves"),
	NUM(plan_scaling, "react_s", react_s, 1, 0, 86400, "60", "from a change of demand to the decision"),
	NUM(plan_scaling, "scale_down_s", scale_down_s, 1, 0, 604800, "300", "a unit is let go once it was not wanted for so long"),
	INT(plan_scaling, least, 0, 1000000, "1", "units of each class and region, always"),
	NUM(plan_scaling, "headroom", headroom, 1, 0, 0.95, "0.1", "share of capacity kept free"),
};
static const struct element scaling_part = { .name = "scaling", .fields = scaling_fields, .field_count = COUNT_OF(scaling_fields),
	.offset = AT(plan_spec, scaling), .size = sizeof(struct plan_scaling), .help = "How the number of units follows demand." };

static const struct field buying_fields[] = {
	NUM(plan_buying, "on_demand", on_demand, 1, 0, 1e6, NULL, "USD a device-hour; absent: the catalog's"),
	NUM(plan_buying, "reserved_1y", reserved_1y, 1, 0, 1e6, NULL, "USD a device-hour; absent: not to be had"),
	NUM(plan_buying, "reserved_3y", reserved_3y, 1, 0, 1e6, NULL, "USD a device-hour; absent: the catalog's, else not to be had"),
	NUM(plan_buying, "spot", spot, 1, 0, 1e6, NULL, "USD a device-hour; absent: no spot"),
	NUM(plan_buying, "spot_share", spot_share, 1, 0, 1, "0.5", "of what is rented, so much is spot when it pays"),
	NUM(plan_buying, "spot_interruptions_per_h", spot_interruptions, 1, 0, 3600, "0.05", "of one device; an on-demand device stands in while a new one starts"),
	FLAG(plan_buying, own, "devices may be bought as well"),
	NUM(plan_buying, "own_usd", own_usd, 1, 0, 1e9, NULL, "price of one device; absent: the catalog's"),
	INT(plan_buying, own_months, 1, COMMIT_MONTHS_MOST, "48", "the purchase is spread over them"),
	INT(plan_buying, every_months, 1, COMMIT_MONTHS_MOST, "1", "commitments are made every so many months: 3 is quarterly"),
	FLAG(plan_buying, within, "no commitment may reach beyond the plan's end"),
	INT(plan_buying, unit_devices, 1, 100000, "1", "devices that are bought or rented at once (8: whole nodes)"),
};
static const struct element buying_part = { .name = "buying", .fields = buying_fields, .field_count = COUNT_OF(buying_fields),
	.offset = AT(plan_spec, buying), .size = sizeof(struct plan_buying), .help = "What devices cost, by the hour and under commitments." };

static const struct field set_fields[] = {
	{ .name = "path", .type = FIELD_TEXT, .offset = AT(plan_set, path), .required = true, .help = "an attribute of the scenario, by path or last word" },
	{ .name = "value", .type = FIELD_TEXT, .offset = AT(plan_set, value), .required = true, .help = "its value" },
};
static const struct element set_part = { .name = "set", .fields = set_fields, .field_count = COUNT_OF(set_fields), .offset = AT(plan_class, sets),
	.size = sizeof(struct plan_set), .repeated = true, .count_offset = AT(plan_class, set_count), .help = "A change to the class's scenario." };

static const struct field class_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, .offset = AT(plan_class, name), .required = true, .help = "what the class is called" },
	TEXT(plan_class, scenario, "scenario of one unit: a file or catalog name; absent: the plan's"),
	NUM(plan_class, "share", share, 1, 0, 1, "1", "of the requests"),
	TEXT(plan_class, rate, "a demand of its own, as demand's rate; absent: its share of the plan's"),
};
static const struct element class_part = { .name = "class", .fields = class_fields, .field_count = COUNT_OF(class_fields),
	.children = (const struct element *const[]){ &set_part, NULL }, .offset = AT(plan_spec, classes), .size = sizeof(struct plan_class),
	.repeated = true, .count_offset = AT(plan_spec, class_count), .help = "Requests of one model with targets of its own." };

static const struct field region_fields[] = {
	{ .name = "name", .type = FIELD_TEXT, .offset = AT(plan_region, name), .required = true, .help = "what the region is called" },
	NUM(plan_region, "share", share, 1, 0, 1, "1", "of the requests"),
	NUM(plan_region, "price_factor", price_factor, 1, 0.01, 100, "1", "on rented prices"),
	NUM(plan_region, "utc_offset_h", utc_offset_s, 3600, -14, 14, "0", "its clocks are so far ahead"),
	NUM(plan_region, "usd_per_kwh", usd_per_kwh, 1, 0, 100, "0", "electricity of devices that are bought; 0: 0.08"),
};
static const struct element region_part = { .name = "region", .fields = region_fields, .field_count = COUNT_OF(region_fields),
	.offset = AT(plan_spec, regions), .size = sizeof(struct plan_region), .repeated = true, .count_offset = AT(plan_spec, region_count),
	.help = "A place with its share of the requests, its clocks and its prices." };

static const struct field plan_fields[] = {
	TEXT(plan_spec, title, "what the plan is called"),
	TEXT(plan_spec, start, "first day, 2027-01-31; absent: that of the demand's file, else 2027-01-01"),
	INT(plan_spec, months, 1, COMMIT_MONTHS_MOST, "12", "how long the plan is"),
	NUM(plan_spec, "interval_s", interval_s, 1, 60, 86400, "900", "grid of the plan; divides a day"),
};
const struct element plan_element = {
	.name = "plan", .fields = plan_fields, .field_count = COUNT_OF(plan_fields),
	.children = (const struct element *const[]){ &demand_part, &class_part, &region_part, &redundancy_part, &scaling_part, &buying_part, NULL },
	.size = sizeof(struct plan_spec), .help = "A capacity plan: what is asked of it.",
};

struct plan_spec *plan_spec_load(const char *path, struct arena *arena, struct err *err)
{
	struct plan_spec *spec = arena_alloc(arena, sizeof(*spec));

	if (!spec) {
		err_memory(err);
		return NULL;
	}
	return (path ? schema_load(path, &plan_element, spec, arena, err) : schema_defaults(&plan_element, spec, arena, err)) ? spec : NULL;
}

struct adding {
	struct plan_spec *spec;
	const char *kind, *origin;     /* "class" */
	size_t index;
	struct arena *arena;
};

static bool has_field(const struct element *e, const char *name)
{
	for (size_t i = 0; i < e->field_count; i++)
		if (strcmp(e->fields[i].name, name) == 0)
			return true;
	return false;
}

static bool set_item(const struct adding *a, const char *attribute, const char *value, struct err *err)
{
	const char *path = arena_printf(a->arena, "%s.%zu.%s", a->kind, a->index, attribute);

	return path ? schema_set(&plan_element, a->spec, path, value, a->origin, a->arena, err) : err_memory(err);
}

static bool add_to_class(void *ctx, const char *key, const char *value, struct err *err)
{
	const struct adding *a = ctx;
	size_t n = a->spec->classes[a->index].set_count;

	if (has_field(&class_part, key))
		return set_item(a, key, value, err);
	return set_item(a, arena_printf(a->arena, "set.%zu.path", n), key, err) && set_item(a, arena_printf(a->arena, "set.%zu.value", n), value, err);
}

static bool add_to_region(void *ctx, const char *key, const char *value, struct err *err)
{
	return set_item(ctx, key, value, err);
}

static bool add_item(struct adding *a, const char *text, bool (*set)(void *ctx, const char *key, const char *value, struct err *err), struct err *err)
{
	const char *colon = strchr(text, ':');
	char *name = arena_printf(a->arena, "%.*s", colon ? (int)(colon - text) : (int)strlen(text), text);

	if (!name)
		return err_memory(err);
	if (!*text_trim(name) || strchr(name, '='))
		return err_set(err, ERR_INPUT, "%s: expected NAME:share=0.5,..., for example %s", a->origin,
			       set == add_to_class ? "chat:share=0.7,model=llama-3.1-8b" : "eu:share=0.4,price_factor=1.1");
	return set_item(a, "name", text_trim(name), err) && (!colon || pairs_each(colon + 1, a->origin, a->arena, err, set, a));
}

bool plan_spec_class(struct plan_spec *spec, const char *text, const char *origin, struct arena *arena, struct err *err)
{
	return add_item(&(struct adding){ spec, "class", origin, spec->class_count, arena }, text, add_to_class, err);
}

bool plan_spec_region(struct plan_spec *spec, const char *text, const char *origin, struct arena *arena, struct err *err)
{
	return add_item(&(struct adding){ spec, "region", origin, spec->region_count, arena }, text, add_to_region, err);
}

bool plan_spec_redundancy(struct plan_spec *spec, const char *text, const char *origin, struct err *err)
{
	int64_t n = 0;
	bool plus = (text[0] == 'n' || text[0] == 'N') && text[1] == '+' && text_to_int64(text + 2, &n) && n >= 0 && n <= 1000000;

	if (!plus && !text_equal_fold(text, "none") && !text_equal_fold(text, "n"))
		return err_set(err, ERR_INPUT, "%s %.60s: expected none, n+1, n+2 ...", origin, text);
	spec->redundancy.spares = n;
	return true;
}

static bool check_names(const char *kind, const char *a, const char *b, struct err *err)
{
	return !text_equal(a, b) || err_set(err, ERR_INPUT, "plan: two of %s are called '%.60s': expected different names", kind, a);
}

static bool check_sum(const char *kind, double sum, struct err *err)
{
	return fabs(sum - 1) <= 1e-6 || err_set(err, ERR_INPUT, "plan: the shares of %s add up to %.6g: expected 1", kind, sum);
}

static bool check_classes(const struct plan_spec *s, struct err *err)
{
	double sum = 0;
	size_t sharing = 0;

	for (size_t i = 0; i < s->class_count; i++) {
		for (size_t k = 0; k < i; k++)
			if (!check_names("the classes", s->classes[i].name, s->classes[k].name, err))
				return false;
		sharing += !s->classes[i].rate;
		sum += s->classes[i].rate ? 0 : s->classes[i].share;
	}
	if (sharing > 0 && !s->demand.rate)
		return err_set(err, ERR_INPUT, "plan: how many requests? expected --demand, for example --demand diurnal:mean=20,peak=60 or --demand rates.csv");
	return sharing == 0 || check_sum("the classes", sum, err);
}

static bool check_regions(const struct plan_spec *s, struct err *err)
{
	double sum = 0;

	for (size_t i = 0; i < s->region_count; i++) {
		for (size_t k = 0; k < i; k++)
			if (!check_names("the regions", s->regions[i].name, s->regions[k].name, err))
				return false;
		sum += s->regions[i].share;
	}
	return check_sum("the regions", sum, err);
}

bool plan_spec_settle(struct plan_spec *spec, const struct scenario *base, struct arena *arena, struct err *err)
{
	struct adding first_class = { spec, "class", "plan", 0, arena }, first_region = { spec, "region", "plan", 0, arena };
	int64_t ns;

	if (spec->start && (strlen(spec->start) != 10 || !calendar_read(spec->start, 10, &ns)))
		return err_set(err, ERR_INPUT, "--start %.40s: expected a date such as 2027-01-31", spec->start);
	if (fabs(86400 / spec->interval_s - round(86400 / spec->interval_s)) > 1e-9)
		return err_set(err, ERR_INPUT, "--interval: %g s does not divide a day: expected for example 60, 300, 900 or 3600 s", spec->interval_s);
	if (spec->class_count == 0 && !set_item(&first_class, "name", base->model.name, err))
		return false;
	if (spec->region_count == 0 && !set_item(&first_region, "name", "all", err))
		return false;
	return check_classes(spec, err) && check_regions(spec, err);
}

static struct scenario *load(const char *name, struct arena *arena, struct err *err)
{
	const char *path = paths_is_file(name) ? name : catalog_find("sim/scenarios", "scenario", name, arena, err);

	return path ? scenario_load(path, arena, err) : NULL;
}

struct scenario *plan_spec_scenario(const struct plan_class *c, const struct scenario *base, struct arena *arena, struct err *err)
{
	struct space *space = arena_alloc(arena, sizeof(*space));
	const struct scenario *from = c->scenario ? load(c->scenario, arena, err) : base;
	const char *origin = arena_printf(arena, "class %s", c->name);
	int choice[AXES_MOST] = { 0 };

	if (!from)
		return NULL;
	if (!space || !origin) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < c->set_count; i++) {
		/* The ; makes it one value even with commas in it. */
		const char *text = arena_printf(arena, "%s=%s;", c->sets[i].path, c->sets[i].value);

		if (!text) {
			err_memory(err);
			return NULL;
		}
		if (!space_add(space, text, origin, arena, err))
			return NULL;
	}
	return space_scenario(space, from, choice, arena, err);
}
