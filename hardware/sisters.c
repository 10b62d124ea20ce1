#include "hardware/sisters.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "hardware/collectives.h"
#include "hardware/roofline.h"

/* Median errors of restated tables over the measured devices (validate operators): between devices of one architecture,
 * and between others. */
static const double ERROR_SAME = 0.06, ERROR_OTHER = 0.20;

enum { SISTERS_MOST = 8, ROWS_LEAST = 10 };     /* fewer rows of a number format say less than a law does */

struct sister {
	const struct sisters *family;
	const struct device *device;
	const struct system *system;
	const struct fits *fits;
	struct tables *tables;                 /* NULL: none that is wanted */
	double rel_error;
	int only;                              /* 1 + the kind it answers for; 0: all */
	bool refused[OP_KIND_COUNT];           /* kinds that the device's own law answers for */
};
struct sisters {
	const struct device *device;
	const struct system *system;
	struct sister items[SISTERS_MOST];
	size_t count;
	bool refused[OP_KIND_COUNT];           /* by the words read so far */
};

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* The sister's law on the other device. Shares of peak that were measured on both carry over as their ratio: boards of one
 * architecture differ in the power that they may draw. What no arithmetic or memory explains (the start of a kernel, of a piece
 * of work) is latency of instructions, caches and barriers, which take as many cycles on either: A100, H100 and RTX PRO 6000
 * need 3.9, 3.0 and 2.2 us for their smallest products, 5.3 to 5.5 thousand cycles. Another vendor's software starts kernels
 * in its own way. */
static void law_on(const struct fit *fit, const struct device *from, const struct device *to, const struct op *op,
		   struct op_cost *out)
{
	const struct device_efficiency *a = device_efficiency(from, op->dtype), *b = device_efficiency(to, op->dtype);
	double power = roofline_power_share(to, op->dtype) / roofline_power_share(from, op->dtype);
	struct fit own = *fit;

	if (op->kind == OP_GEMM && a && b && a->gemm > 0 && b->gemm > 0)
		own.compute = fmin(own.compute * b->gemm / a->gemm, 1);
	else if (roofline_is_matrix(op) && power > 0)
		own.compute = fmin(own.compute * power, 1);
	if (text_equal(from->vendor, to->vendor) && from->units.clock_hz > 0 && to->units.clock_hz > 0) {
		own.launch_s *= from->units.clock_hz / to->units.clock_hz;
		own.tile_s *= from->units.clock_hz / to->units.clock_hz;
	}
	fit_price(&own, to, op, out);
}

/* Links as their data sheet has them: what was calibrated on one of the two would not cancel. */
static struct system as_published(const struct system *s)
{
	struct system bare = *s;
	struct link *l = &bare.scale_up;

	l->base_s = l->hop_s = l->efficiency = l->reduce_efficiency = l->direct_base_s = l->direct_hop_s = NAN;
	return bare;
}

static double ratio_collective(const struct sister *s, const char *stack, const struct op *op)
{
	bool library = text_equal(stack, "nccl") || text_equal(stack, "oneccl");
	struct system a = as_published(s->family->system), b = as_published(s->system);
	struct collective here, there;

	collective_price(&a, op, library, &here);
	collective_price(&b, op, library, &there);
	return there.seconds > 0 ? here.seconds / there.seconds : 1;
}

static double ratio(const void *context, const char *stack, const struct op *op)
{
	const struct sister *s = context;
	const struct fit *fit = fits_find(s->fits, op, stack);
	struct op_cost here, there;

	if (is_collective(op->kind))
		return ratio_collective(s, stack, op);
	if (fit) {
		law_on(fit, s->device, s->family->device, op, &here);
		fit_price(fit, s->device, op, &there);
	} else {
		roofline_op(s->family->device, op, &here);
		roofline_op(s->device, op, &there);
	}
	return there.seconds > 0 && isfinite(here.seconds) ? here.seconds / there.seconds : 1;
}

/* How this device's time grows beyond the sister's tables: as the sister's law does with this device's figures. */
static double law_here(const void *context, const char *stack, const struct op *op)
{
	const struct sister *s = context;
	const struct fit *fit = fits_find(s->fits, op, stack);
	struct op_cost cost;

	if (!fit || !text_equal(fit->stack, stack))
		return NAN;
	law_on(fit, s->device, s->family->device, op, &cost);
	return cost.seconds;
}

static bool same_architecture(const struct device *a, const struct device *b)
{
	size_t n = a->generation ? strcspn(a->generation, " ") : 0;

	return n > 0 && b->generation && strncmp(a->generation, b->generation, n) == 0 && text_equal(a->vendor, b->vendor);
}

/* Experts of 16 bits by 4 (W4A16), which are measured on few devices: a table of experts in other formats does not answer
 * for them, a sister of one architecture does. */
static bool lacks_packed_experts(const struct tables *own, enum op_kind kind)
{
	return kind == OP_MOE && tables_rows_of_format(own, OP_MOE, DTYPE_INT4_WO) < ROWS_LEAST;
}

/* What neither the device nor nearer sisters have tables of. */
static void want(const struct sisters *all, const struct sisters_options *o, const struct sister *s, bool *wanted)
{
	for (int kind = 0; kind < OP_KIND_COUNT; kind++) {
		wanted[kind] = (!o->only || kind + 1 == o->only) && !s->refused[kind] &&
			       (!o->own || !tables_have(o->own, (enum op_kind)kind) ||
				(same_architecture(o->device, s->device) && lacks_packed_experts(o->own, (enum op_kind)kind)));
		for (size_t i = 0; i < all->count; i++)
			if (all->items[i].tables && tables_have(all->items[i].tables, (enum op_kind)kind))
				wanted[kind] = false;
		if (is_collective((enum op_kind)kind) &&
		    (!o->own_links || all->system->scale_up.topology != s->system->scale_up.topology))
			wanted[kind] = false;
	}
}

static bool add(struct sisters *all, const struct sisters_options *o, const char *name, struct arena *arena, struct err *err)
{
	struct tables_limits limits = { .bandwidth_bytes_s = device_bandwidth(o->device) };
	struct sister *s = &all->items[all->count];
	struct tables_transfer how = { .ratio = ratio, .context = s };
	struct err own = { 0 };

	limits.law = law_here;
	limits.law_context = s;

	if (all->count == SISTERS_MOST)
		return true;
	*s = (struct sister){ .family = all, .only = o->only, .device = device_load(name, arena, err) };
	memcpy(s->refused, all->refused, sizeof(s->refused));
	s->system = s->device ? system_for_device(s->device, arena, err) : NULL;
	s->fits = s->system ? fits_load(s->device->name, arena, err) : NULL;
	if (!s->fits)
		return false;
	for (int t = 0; t < DTYPE_COUNT; t++)
		limits.peak_flop_s[t] = device_peak(o->device, (enum dtype)t, NULL);
	s->rel_error = how.rel_error = same_architecture(o->device, s->device) ? ERROR_SAME : ERROR_OTHER;
	want(all, o, s, how.wanted);
	s->tables = tables_open_restated(s->device->name, o->stacks, &limits, &how, &own);
	if (!s->tables && own.kind != ERR_NONE)
		return err_set(err, own.kind, "%s", own.text);
	all->count++;
	return true;
}

/* "h200", or "moe:h200": for one kind of operator only; "moe:none": for this kind nobody. */
static bool add_named(struct sisters *all, const struct sisters_options *o, char *word, struct arena *arena, struct err *err)
{
	struct sisters_options one = *o;
	char *colon = strchr(word, ':');
	int kind;

	if (!colon)
		return add(all, o, word, arena, err);
	*colon = '\0';
	kind = op_kind_parse(word);
	if (kind < 0)
		return err_set(err, ERR_INPUT, "%s: fits_of: unknown operator '%s'", o->device->path, word);
	if (o->only && o->only != kind + 1)
		return true;
	if (text_equal(colon + 1, "none")) {
		all->refused[kind] = true;
		return true;
	}
	one.only = kind + 1;
	return add(all, &one, colon + 1, arena, err);
}

struct sisters *sisters_load(const struct sisters_options *o, struct arena *arena, struct err *err)
{
	struct sisters *all = arena_alloc(arena, sizeof(*all));
	const char *names = o->names ? o->names : o->device->fits_of ? o->device->fits_of : "";
	char *text = arena_strdup(arena, names), *rest = NULL;

	if (!all || !text) {
		err_memory(err);
		return NULL;
	}
	*all = (struct sisters){ .device = o->device, .system = o->system };
	if (o->changed && !add(all, o, o->device->name, arena, err))
		goto failed;
	for (char *word = strtok_r(text, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest))
		if (!add_named(all, o, word, arena, err))
			goto failed;
	return all;
failed:
	sisters_free(all);
	return NULL;
}

void sisters_free(struct sisters *s)
{
	for (size_t i = 0; s && i < s->count; i++)
		tables_free(s->items[i].tables);
}

bool sisters_sound(const struct sisters *s, struct err *err)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].tables && !tables_sound(s->items[i].tables, err))
			return false;
	return true;
}

bool sisters_have(const struct sisters *s, enum op_kind kind)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->items[i].tables && tables_have(s->items[i].tables, kind))
			return true;
	return false;
}

static bool answers(const struct sister *s, const struct op *op, struct op_cost *out)
{
	return s->tables && tables_rows(s->tables, op) >= ROWS_LEAST && tables_op(s->tables, op, out) && isfinite(out->seconds) &&
	       out->seconds >= 0;
}

/* Attention over an 8-bit cache where a sister measured none: its kernel reads the cache and casts it to the format of the queries.
 * Decode takes as long as over a 16-bit cache of as many bytes, prefill as over one of as many tokens. */
static bool answers_cast(const struct sister *s, const struct op *op, struct op_cost *out)
{
	struct op wide = *op;
	double bandwidth = device_bandwidth(s->family->device);

	wide.kv_dtype = op->dtype;
	if ((op->kind != OP_ATTENTION_PREFILL && op->kind != OP_ATTENTION_DECODE) || op->kv_dtype == DTYPE_NONE ||
	    op->kv_dtype == op->dtype || dtype_bytes(op->kv_dtype) >= dtype_bytes(op->dtype))
		return false;
	if (op->kind == OP_ATTENTION_DECODE)
		wide.kv_len *= dtype_bytes(op->kv_dtype) / dtype_bytes(op->dtype);
	if (!answers(s, &wide, out))
		return false;
	out->flops = op_flops(op);
	out->bytes = op_bytes(op);
	out->seconds = fmax(out->seconds, fmax(out->bytes / bandwidth, out->flops / roofline_peak(s->family->device, op)));
	return true;
}

bool sisters_op(const struct sisters *s, const struct op *op, struct op_cost *out)
{
	for (size_t i = 0; i < s->count; i++)
		if (answers(&s->items[i], op, out) || answers_cast(&s->items[i], op, out))
			return true;
	return false;
}

bool sisters_law(const struct sisters *s, const struct op *op, const char *stacks, struct op_cost *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct fit *fit = fits_find(s->items[i].fits, op, stacks);

		if (!fit || s->items[i].refused[op->kind] || (s->items[i].only && s->items[i].only != 1 + (int)op->kind))
			continue;
		law_on(fit, s->items[i].device, s->device, op, out);
		out->rel_error = hypot(out->rel_error, s->items[i].rel_error);
		return true;
	}
	return false;
}
