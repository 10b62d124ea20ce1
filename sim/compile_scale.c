#include "sim/compile_scale.h"

#include <string.h>

#include "base/str.h"

enum scale { SCALE_PEAK, SCALE_BANDWIDTH, SCALE_MEMORY, SCALE_UP, SCALE_OUT, SCALE_HOST_LINK, SCALE_POWER, SCALES };
const char *const scale_names[] = { "peak", "bandwidth", "memory", "scale_up", "scale_out", "host_link", "power", NULL };

static void link_scale(struct link *l, double f)
{
	l->bytes_s *= f;
}

static void apply(struct device *d, struct system *s, int what, double f)
{
	switch (what) {
	case SCALE_PEAK:
		for (int t = 0; t < DTYPE_COUNT; t++)
			d->peak.flop_s[t] *= f;
		break;
	case SCALE_BANDWIDTH:
		d->memory.bytes_s *= f;
		break;
	case SCALE_MEMORY:
		d->memory.bytes *= f;
		d->memory.visible_bytes *= f;
		break;
	case SCALE_UP:
		link_scale(&s->scale_up, f);
		break;
	case SCALE_OUT:
		link_scale(&s->scale_out, f);
		break;
	case SCALE_HOST_LINK:
		link_scale(&d->host, f);
		link_scale(&s->host_link, f);
		break;
	case SCALE_POWER:
		d->power.tdp_w *= f;
		d->power.idle_w *= f;
		s->power.node_w *= f;
		break;
	}
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static bool unknown(const char *attribute, const char *name, const char *const *names, struct err *err)
{
	size_t n = 0;
	const char *near;

	while (names[n])
		n++;
	near = text_nearest(name, names, n);
	return err_set(err, ERR_INPUT, "%s: '%s' is not known%s%s%s", attribute, name, near ? "; did you mean '" : "", near ? near : "",
		       near ? "'?" : "");
}

/* "name=factor,name=factor" into factors[index of the name]. */
static bool read_factors(const char *attribute, const char *text, const char *const *names, double *factors, struct arena *arena,
			 struct err *err)
{
	char *copy = arena_strdup(arena, text), *save = NULL;

	if (!copy)
		return err_memory(err);
	for (char *part = strtok_r(copy, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
		char *equals = strchr(part, '=');
		double f;
		int i;

		if (!equals)
			return err_set(err, ERR_INPUT, "%s: '%s': expected NAME=FACTOR", attribute, part);
		*equals = '\0';
		i = index_of(names, text_trim(part));
		if (i < 0)
			return unknown(attribute, part, names, err);
		if (!text_to_double(text_trim(equals + 1), &f) || !(f >= 1e-3 && f <= 1e3))
			return err_set(err, ERR_INPUT, "%s: %s=%s: expected a factor from 0.001 to 1000", attribute, part, equals + 1);
		factors[i] *= f;
	}
	return true;
}

static bool scale_hardware(const char *text, struct compiled *c, struct arena *arena, struct err *err)
{
	struct device *d = arena_alloc(arena, sizeof(*d));
	struct system *s = arena_alloc(arena, sizeof(*s));
	double factors[SCALES];

	if (!d || !s)
		return err_memory(err);
	for (int i = 0; i < SCALES; i++)
		factors[i] = 1;
	if (!read_factors("hardware.scale", text, scale_names, factors, arena, err))
		return false;
	*d = *c->device;
	*s = *c->system;
	s->device = d;
	for (int i = 0; i < SCALES; i++)
		if (factors[i] != 1)
			apply(d, s, i, factors[i]);
	c->device = d;
	c->system = s;
	return true;
}

bool compile_scale(const struct scenario *sc, struct compiled *c, struct arena *arena, struct err *err)
{
	for (int i = 0; i < OP_KIND_COUNT; i++)
		c->op_factor[i] = 1;
	if (sc->hardware.op_scale && !read_factors("hardware.op_scale", sc->hardware.op_scale, op_kind_names, c->op_factor, arena, err))
		return false;
	return !sc->hardware.scale || scale_hardware(sc->hardware.scale, c, arena, err);
}
