#include "hardware/fitted.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/paths.h"
#include "base/str.h"
#include "hardware/roofline.h"

#define AT(member) offsetof(struct fit, member)
#define SHARE(name, member, fallback, help) { name, FIELD_NUMBER, AT(member), 0, 0.001, 1, false, fallback, NULL, help }
static const struct field fit_fields[] = {
	{ "op", FIELD_CHOICE, AT(op), 0, 0, 0, true, NULL, op_kind_names, "the operator" },
	{ "dtype", FIELD_CHOICE, AT(dtype), 0, 0, 0, false, "none", dtype_names, "its format; none = any" },
	{ "kv_dtype", FIELD_CHOICE, AT(kv_dtype), 0, 0, 0, false, "none", dtype_names,
	  "attention: the cache's; none = any" },
	{ "stack", FIELD_TEXT, AT(stack), 0, 0, 0, false, NULL, NULL, "whose kernels were timed" },
	{ "launch_us", FIELD_NUMBER, AT(launch_s), 1e-6, 0, 1e6, true, NULL, NULL, "time of an empty operator" },
	SHARE("compute", compute, "1", "share of peak"),
	SHARE("memory", memory, "1", "share of bandwidth"),
	{ "overlap", FIELD_NUMBER, AT(overlap), 0, 0, 1, false, "1", NULL, "of arithmetic with memory traffic" },
	{ "tile_m", FIELD_INT, AT(tile_m), 0, 0, 4096, false, "0", NULL, "rows of an output tile" },
	{ "tile_n", FIELD_INT, AT(tile_n), 0, 0, 4096, false, "0", NULL, "columns of an output tile" },
	{ "quantum", FIELD_NUMBER, AT(quantum), 0, 0, 1, false, "0", NULL,
	  "share of the tile and wave loss that counts" },
	{ "half_k", FIELD_NUMBER, AT(half_k), 0, 0, 1e5, false, "0", NULL, "depth lost to starting a tile" },
	{ "tile_us", FIELD_NUMBER, AT(tile_s), 1e-6, 0, 1e5, false, "0", NULL, "beginning a piece of work on a unit" },
	{ "rel_error", FIELD_NUMBER, AT(rel_error), 0, 0, 10, true, NULL, NULL, "median absolute relative error" },
	{ "rel_error_p90", FIELD_NUMBER, AT(rel_error_p90), 0, 0, 100, false, NULL, NULL, "90th percentile of it" },
	{ "source", FIELD_TEXT, AT(source), 0, 0, 0, true, NULL, NULL, "the measurements" },
};
#undef AT
static const struct element fit_element = {
	.name = "fit",
	.fields = fit_fields,
	.field_count = COUNT_OF(fit_fields),
	.offset = offsetof(struct fits, items),
	.size = sizeof(struct fit),
	.repeated = true,
	.count_offset = offsetof(struct fits, count),
	.help = "one operator's law",
};
static const struct field fits_fields[] = {
	{ "device", FIELD_TEXT, offsetof(struct fits, device), 0, 0, 0, true, NULL, NULL, "the catalog device" },
	{ "note", FIELD_TEXT, offsetof(struct fits, note), 0, 0, 0, false, NULL, NULL, "how they were made" },
};
static const struct element *const fits_children[] = { &fit_element, NULL };
const struct element fits_element = {
	.name = "fits", .fields = fits_fields, .field_count = COUNT_OF(fits_fields), .children = fits_children,
	.size = sizeof(struct fits), .help = "coefficients fitted to a device's measurements",
};

const struct fits *fits_load_file(const char *path, struct arena *arena, struct err *err)
{
	struct fits *fits = arena_alloc(arena, sizeof(*fits));

	if (!fits) {
		err_memory(err);
		return NULL;
	}
	if (!paths_is_file(path))
		return fits;
	return schema_load(path, &fits_element, fits, arena, err) ? fits : NULL;
}

const struct fits *fits_load(const char *device_name, struct arena *arena, struct err *err)
{
	const char *path, *relative = arena_printf(arena, "hardware/fits/%s.xml", device_name);

	if (!relative) {
		err_memory(err);
		return NULL;
	}
	path = paths_data(relative, arena, err);
	return path ? fits_load_file(path, arena, err) : NULL;
}

static enum dtype sixteen(int t)
{
	return t == DTYPE_FP16 || t == DTYPE_NONE ? DTYPE_BF16 : (enum dtype)t;
}

static bool is_attention(enum op_kind kind)
{
	return kind >= OP_ATTENTION_PREFILL && kind <= OP_MLA_DECODE;
}

/* With `loosely`, attention in a format that was not timed takes the times of the same cache format: the cache decides
 * decode, and kernels without units for the format compute in 16 bits. */
static bool suits(const struct fit *f, const struct op *op, bool loosely)
{
	enum dtype kv = op->kv_dtype == DTYPE_NONE ? op->dtype : op->kv_dtype;

	if (f->op != (int)op->kind || (f->kv_dtype != DTYPE_NONE && sixteen(f->kv_dtype) != sixteen((int)kv)))
		return false;
	return f->dtype == DTYPE_NONE || sixteen(f->dtype) == sixteen((int)op->dtype) || (loosely && is_attention(op->kind));
}

/* The first fit that suits, of one stack (`length` bytes of `stack`) or of any (NULL). */
static const struct fit *first(const struct fits *fits, const struct op *op, const char *stack, size_t length, bool loosely)
{
	for (size_t i = 0; i < fits->count; i++) {
		const struct fit *f = &fits->items[i];

		/* Cheapest first: most fits are of other kinds. */
		if (suits(f, op, loosely) && (!stack || (f->stack && strlen(f->stack) == length && strncmp(stack, f->stack, length) == 0)))
			return f;
	}
	return NULL;
}

const struct fit *fits_find(const struct fits *fits, const struct op *op, const char *stacks)
{
	const struct fit *f = NULL;
	size_t i = 0;

	while (i < fits->count && fits->items[i].op != (int)op->kind)
		i++;
	if (i == fits->count)          /* most operators have none: no need to ask stack by stack */
		return NULL;
	while (!f && stacks && *stacks) {
		size_t n = strcspn(stacks, " ");

		f = first(fits, op, stacks, n, false);
		stacks += n;
		stacks += strspn(stacks, " ");
	}
	if (!f)
		f = first(fits, op, NULL, 0, false);
	return f || !is_attention(op->kind) ? f : first(fits, op, NULL, 0, true);
}

static uint64_t mix(int64_t a, int64_t b)
{
	return hash_mix((uint64_t)a, (uint64_t)b);
}

bool fit_held_out(const struct op *op)
{
	int64_t kv = op->kind == OP_MLA_PREFILL || op->kind == OP_MLA_DECODE || op->kv_heads <= 0 ? op->heads : op->kv_heads;
	uint64_t site;

	if (op->kind == OP_GEMM)
		site = mix(op->n, op->k);
	else if (op->kind == OP_MOE)
		site = hash_mix(mix(op->top_k, op->k), (uint64_t)(op->experts_total > 0 ? op->experts_total : op->experts));
	else
		site = hash_mix(mix(op->heads, kv), (uint64_t)(op->head_dim * 131 + op->window));
	return (hash_mix(site, 77) >> 20) % 2;
}

/* Length of the inner products: what a tile's start, and the exponentials of attention, are spread over. */
static double depth(const struct op *op)
{
	return (double)(is_attention(op->kind) ? op->head_dim : op->k);
}

/* Pieces of work that units begin one after another. */
static double pieces(const struct op *op)
{
	double batch = op->batch > 0 ? (double)op->batch : 1, total;

	switch (op->kind) {
	case OP_ATTENTION_DECODE: return batch * (double)(op->kv_heads > 0 ? op->kv_heads : 1);
	case OP_MLA_DECODE: return batch;
	case OP_ATTENTION_PREFILL:
	case OP_MLA_PREFILL: return batch * (double)op->heads * ceil((double)op->q_len / 128);
	case OP_MOE:
		total = (double)(op->experts_total > 0 ? op->experts_total : op->experts);
		return fmax((double)op->experts, 1) *
		       (1 - pow(fmax(1 - (double)op->top_k / fmax(total, 1), 0), (double)op->m));
	default: return 0;
	}
}

/* A GPU whose units nobody published has about so many. */
static const double UNITS_UNKNOWN = 128;

void fit_price(const struct fit *fit, const struct device *d, const struct op *op, struct op_cost *out)
{
	double flops, compute, memory, begin;

	out->flops = op_flops(op);
	out->bytes = op_bytes(op);
	flops = out->flops;
	if (fit->quantum > 0)
		flops +=
			fit->quantum * (roofline_padded_flops(op, fit->tile_m, fit->tile_n, 0, d->units.count) - flops);
	if (fit->half_k > 0 && depth(op) > 0)
		flops *= 1 + fit->half_k / depth(op);
	compute = flops / (fit->compute * roofline_peak(d, op));
	memory = out->bytes / (fit->memory * device_bandwidth(d));
	begin = fit->launch_s + fit->tile_s * pieces(op) / (d->units.count > 0 ? (double)d->units.count : UNITS_UNKNOWN);
	out->seconds = begin + fmax(compute, memory) + (1 - fit->overlap) * fmin(compute, memory);
	if (!(out->flops + out->bytes > 0))
		out->seconds = 0;
	out->bound = begin > fmax(compute, memory) ? BOUND_LATENCY : compute > memory ? BOUND_COMPUTE : BOUND_MEMORY;
	out->provider = PROVIDER_FITTED;
	out->extrapolated = false;
	out->rel_error = fit->rel_error;
}

double fits_seconds(const struct fits *fits, const struct device *d, const char *stack, const struct op *op)
{
	const struct fit *f = first(fits, op, stack, strlen(stack), false);
	struct op_cost cost;

	if (!f)
		return NAN;
	fit_price(f, d, op, &cost);
	return cost.seconds;
}
