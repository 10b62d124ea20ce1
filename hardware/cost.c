#include "hardware/cost.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "hardware/collectives.h"
#include "hardware/energy.h"
#include "hardware/exec.h"
#include "hardware/fitted.h"
#include "hardware/price_book.h"
#include "hardware/roofline.h"
#include "hardware/sisters.h"
#include "hardware/tables.h"

const char *const provider_names[] = { "measured", "fitted", "analytic", NULL };
const char *const bound_names[] = { "compute", "memory", "network", "latency", "host", NULL };

/* Expected relative errors of collectives: on a link whose figures were fitted, inside and beyond what was measured; on
 * another link of a topology that was; across nodes. */
static const double ERROR_LINK_FITTED = 0.12, ERROR_LINK = 0.35, ERROR_ACROSS = 0.40, ERROR_TRANSFER = 0.20;
static const double ERROR_VARIANT = 0.10;      /* added where a packed or multi-token kernel is derived from the plain one */
static const double HOST_LINK_SHARE = 0.85;    /* of PCIe by pinned copies; recalled, typical */
static const double HOST_LINK_START_S = 10e-6;
static const double NO_HOST_LINK_BYTES_S = 15.5e9;   /* PCIe 3.0 x16 where nothing is published */

struct cost_model {
	struct arena *arena;
	const struct device *device;
	const struct system *system;
	const struct stack *stack;
	const struct fits *fits;
	struct tables *tables;
	const char *stacks;                    /* whose kernels, in order of preference */
	enum provider best;
	double power_cap_w;
	double time_scale;                     /* a user's correction of every operator; 1 = none */
	struct sisters *sisters;               /* measured devices that answer where this one's tables do not */
	bool narrow_streams;                   /* see measured_narrow */
	double expert_share;                   /* of the stack, where the tables of experts are not its own; else 1 */
	bool as_measured;                      /* the device is as the catalog has it, so its tables speak for it */
	bool changed;                          /* the catalog has a device of this name with other figures */
	struct price_book *book;               /* NULL: nothing is remembered */
	bool borrows;                          /* all but the scale belongs to another model */
	bool own_links;                        /* the system's wires are those that the device's tables were measured on */
};

/* Tables of collectives hold on the device's own scale-up link only, not on other wiring of the same device. */
static bool same_link(const struct link *a, const struct link *b)
{
	return a->topology == b->topology && link_present(a) && link_present(b) && fabs(a->bytes_s / b->bytes_s - 1) < 0.01;
}

/* Tables speak for the catalog's device. One whose peaks or bandwidth were changed (a what-if file, a technique that
 * replaces memory) is another device, to which they are restated (sisters.h). */
static bool differs(const struct device *catalog, const struct device *d)
{
	if (fabs(catalog->memory.bytes_s / d->memory.bytes_s - 1) > 1e-6)
		return true;
	for (int t = 0; t < DTYPE_COUNT; t++) {
		double was = device_peak(catalog, (enum dtype)t, NULL), is = device_peak(d, (enum dtype)t, NULL);

		if (!(fabs(was / is - 1) < 1e-6))
			return true;
	}
	return false;
}

static void compare_with_catalog(struct cost_model *cm)
{
	struct err ignored = { 0 };
	const struct device *catalog = device_load(cm->device->home ? cm->device->path : cm->device->name, cm->arena, &ignored);

	cm->as_measured = catalog && !differs(catalog, cm->device);
	cm->changed = catalog && !cm->as_measured;
}

static double own_law(const void *context, const char *stack, const struct op *op)
{
	const struct cost_model *cm = context;

	return fits_seconds(cm->fits, cm->device, stack, op);
}

static bool load_tables(struct cost_model *cm, struct err *err)
{
	struct tables_limits limits = { .bandwidth_bytes_s = device_bandwidth(cm->device), .law = own_law, .law_context = cm };
	struct err own = { 0 };

	if (cm->best > PROVIDER_MEASURED || !cm->as_measured)
		return true;
	for (int t = 0; t < DTYPE_COUNT; t++)
		limits.peak_flop_s[t] = device_peak(cm->device, (enum dtype)t, NULL);
	cm->tables = cm->device->home ? tables_load_folder(cm->device->home, cm->stacks, &limits, &own)
				      : tables_open(cm->device->name, cm->stacks, &limits, &own);
	if (cm->tables || own.kind == ERR_NONE)
		return true;
	return err_set(err, own.kind, "%s", own.text);
}

static bool load_fits(struct cost_model *cm, struct err *err)
{
	const char *own = cm->device->home ? arena_printf(cm->arena, "%s/fits.xml", cm->device->home) : NULL;

	if (cm->device->home && !own)
		return err_memory(err);
	cm->fits = own ? fits_load_file(own, cm->arena, err) : fits_load(cm->device->name, cm->arena, err);
	return cm->fits != NULL;
}

static bool load_sisters(struct cost_model *cm, struct err *err)
{
	struct sisters_options o = { .device = cm->device, .system = cm->system, .stacks = cm->stacks, .own = cm->tables,
				     .own_links = cm->own_links, .changed = cm->changed };

	if (cm->best <= PROVIDER_FITTED)
		cm->sisters = sisters_load(&o, cm->arena, err);
	return cm->sisters || cm->best > PROVIDER_FITTED;
}

/* Whether a kind's table is that of the stack itself, not of one that stands in for it. */
static bool of_own_software(const struct cost_model *cm, const char *op)
{
	struct tables_info info;

	for (size_t i = 0; i < tables_count(cm->tables); i++) {
		tables_info(cm->tables, i, &info);
		if (text_equal(info.op, op) && text_starts(cm->stacks, info.stack))
			return true;
	}
	return false;
}

static bool fill_model(struct cost_model *cm, const struct cost_options *options, struct err *err)
{
	const struct device *device = options->device ? options->device : options->system ? options->system->device : NULL;

	if (!device)
		return err_set(err, ERR_INPUT, "no device to price operators on: expected a device or a system");
	if (!device->simulatable)
		return err_set(err, ERR_INPUT, "device '%s' cannot be simulated: %s", device->name, device->reason);
	cm->device = device;
	cm->system = options->system ? options->system : system_for_device(device, cm->arena, err);
	if (!cm->system)
		return false;
	cm->stack = options->stack;
	cm->stacks = options->stack ? options->stack->tables : NULL;
	cm->best = options->best_provider;
	cm->power_cap_w = options->power_cap_w > 0 ? options->power_cap_w : 0;
	cm->time_scale = options->time_scale > 0 ? options->time_scale : 1;
	cm->own_links = same_link(&cm->system->scale_up, &device->scale_up);
	compare_with_catalog(cm);
	if (!load_fits(cm, err) || !load_tables(cm, err) || !load_sisters(cm, err))
		return false;
	cm->narrow_streams = cm->tables && cm->stack && cm->stack->narrow_streams && !of_own_software(cm, "attention_decode");
	cm->expert_share = cm->tables && cm->stack && cm->stack->expert_share > 0 && !of_own_software(cm, "moe") ? cm->stack->expert_share : 1;
	return true;
}

struct cost_model *cost_model_new(const struct cost_options *options, struct err *err)
{
	struct cost_model *cm = mem_calloc(1, sizeof(*cm));

	if (cm)
		cm->arena = arena_new();
	if (!cm || !cm->arena) {
		err_memory(err);
		cost_model_free(cm);
		return NULL;
	}
	if (!fill_model(cm, options, err)) {
		cost_model_free(cm);
		return NULL;
	}
	return cm;
}

bool cost_model_sound(const struct cost_model *cm, struct err *err)
{
	return (!cm->tables || tables_sound(cm->tables, err)) && (!cm->sisters || sisters_sound(cm->sisters, err));
}

void cost_model_free(struct cost_model *cm)
{
	if (!cm)
		return;
	if (!cm->borrows) {
		tables_free(cm->tables);
		sisters_free(cm->sisters);
		price_book_free(cm->book);
		arena_free(cm->arena);
	}
	mem_free(cm);
}

struct cost_model *cost_model_scaled(const struct cost_model *of, double time_scale, struct err *err)
{
	struct cost_model *cm = mem_alloc(sizeof(*cm));

	if (!cm) {
		err_memory(err);
		return NULL;
	}
	*cm = *of;
	cm->borrows = true;
	cm->time_scale = time_scale;
	return cm;
}

bool cost_model_remember(struct cost_model *cm, struct err *err)
{
	return cm->book || (cm->book = price_book_new(err));
}

double cost_model_power_cap_w(const struct cost_model *cm)
{
	return cm->power_cap_w;
}

const struct device *cost_model_device(const struct cost_model *cm)
{
	return cm->device;
}

const struct system *cost_model_system(const struct cost_model *cm)
{
	return cm->system;
}

const struct stack *cost_model_stack(const struct cost_model *cm)
{
	return cm->stack;
}

static bool is_collective(enum op_kind kind)
{
	return kind >= OP_ALL_REDUCE && kind <= OP_BROADCAST;
}

/* NCCL-only stacks (Vidur's and Sarathi's) do not use engines' own all-reduce. */
static bool library_only(const struct cost_model *cm)
{
	return cm->stacks && text_equal(cm->stacks, "vidur");
}

/* Ranks that do not fit the scale-up domain are spread over domains, also when the caller did not say so. */
static struct op placed(const struct cost_model *cm, const struct op *op)
{
	struct op out = *op;
	int64_t domain = system_domain(cm->system);

	if (is_collective(op->kind) && op->devices_per_node <= 0 && op->devices > domain)
		out.devices_per_node = (int)domain;
	return out;
}

static void price_collective(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct collective c;

	collective_price(cm->system, op, library_only(cm), &c);
	*out = (struct op_cost){ .seconds = c.seconds, .bytes = op_bytes(op) };
	out->bound = c.latency_s > c.wire_s ? BOUND_LATENCY : BOUND_NETWORK;
	out->provider = c.calibrated ? PROVIDER_FITTED : PROVIDER_ANALYTIC;
	out->rel_error = c.across_nodes ? ERROR_ACROSS : c.calibrated ? ERROR_LINK_FITTED : ERROR_LINK;
}

static void price_host(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	double rate = cm->system->host_link.bytes_s;

	*out = (struct op_cost){ .bytes = op_bytes(op), .provider = PROVIDER_ANALYTIC, .rel_error = ERROR_TRANSFER };
	if (op->kind == OP_HOST) {
		out->seconds = op->bytes;
		out->bound = BOUND_HOST;
		return;
	}
	if (!(rate > 0))
		rate = NO_HOST_LINK_BYTES_S;
	out->seconds = op->bytes > 0 ? HOST_LINK_START_S + op->bytes / (rate * HOST_LINK_SHARE) : 0;
	out->bound = out->seconds > 2 * HOST_LINK_START_S ? BOUND_NETWORK : BOUND_LATENCY;
}

/*
 * Decode attention over an 8-bit cache by tables of other software, whose kernels lose half of the bandwidth to it (vLLM's on
 * Hopper: 59 % where 16-bit caches stream at 89 %): as long as a 16-bit cache of as many bytes.
 */
static bool measured_narrow(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op wide = *op;

	if (!cm->narrow_streams || op->kind != OP_ATTENTION_DECODE || op->kv_dtype == DTYPE_NONE || dtype_bytes(op->kv_dtype) != 1)
		return false;
	wide.kv_dtype = DTYPE_BF16;
	wide.kv_len = (op->kv_len + 1) / 2;
	wide.window = (op->window + 1) / 2;
	if (!tables_op(cm->tables, &wide, out))
		return false;
	out->flops = op_flops(op);
	out->bytes = op_bytes(op);
	out->seconds = fmax(out->seconds, fmax(out->flops / roofline_peak(cm->device, op), out->bytes / device_bandwidth(cm->device)));
	out->rel_error = hypot(out->rel_error, ERROR_VARIANT);
	return true;
}

static bool measured(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	int64_t panel = cm->device->home ? cm->device->units.tile_n : 0;
	struct op whole = *op;

	if (!cm->tables || op->kind == OP_HOST || op->kind == OP_HOST_TRANSFER)
		return false;
	if (is_collective(op->kind) && !cm->own_links)
		return false;
	if (measured_narrow(cm, op, out))
		return true;
	/* A calibrated host's products run over whole panels of packed weights; it was measured at whole numbers of them. */
	if (op->kind == OP_GEMM && panel > 1)
		whole.n = (op->n + panel - 1) / panel * panel;
	if (!tables_op(cm->tables, &whole, out) || !isfinite(out->seconds) || out->seconds < 0)
		return false;
	if (whole.n != op->n) {
		out->flops = op_flops(op);
		out->bytes = op_bytes(op);
	}
	if (op->kind == OP_MOE && dtype_bytes(op->dtype) < 1)
		out->seconds /= cm->expert_share;
	return true;
}

/* The device's own law, except for collectives, whose law is that of their links. */
static bool fitted(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	const struct fit *fit = fits_find(cm->fits, op, cm->stacks);

	if (!fit)
		return false;
	fit_price(fit, cm->device, op, out);
	return true;
}

static bool on_device(enum op_kind kind)
{
	return !is_collective(kind) && kind != OP_HOST && kind != OP_HOST_TRANSFER;
}

/* Without tables of its own: its sisters', then its own law, then theirs. */
static bool second_best(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	if (cm->best > PROVIDER_FITTED || op->kind == OP_HOST || op->kind == OP_HOST_TRANSFER)
		return false;
	if (cm->best == PROVIDER_FITTED && on_device(op->kind) && fitted(cm, op, out))
		return true;
	if (sisters_op(cm->sisters, op, out))
		return true;
	return on_device(op->kind) && (fitted(cm, op, out) || sisters_law(cm->sisters, op, cm->stacks, out));
}

/* Packed operands and passes that verify several tokens at once: kernels that no table holds. */
static bool is_variant(const struct op *op)
{
	bool decode = op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE;

	return op->stored_bytes > 0 || op->unpack_ops > 0 || (decode && op->q_len > 1);
}

static struct op plain_variant(const struct op *op)
{
	struct op out = *op;

	out.stored_bytes = out.unpack_ops = 0;
	if (op->kind == OP_ATTENTION_DECODE || op->kind == OP_MLA_DECODE)
		out.q_len = 1;
	return out;
}

/* Elements that are stored packed: bytes are linear in their size. */
static double stored_elements(const struct op *op)
{
	struct op one = *op, two = *op;

	one.stored_bytes = 1;
	two.stored_bytes = 2;
	return op_bytes(&two) - op_bytes(&one);
}

static void price_law(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	*out = (struct op_cost){ 0 };
	if (!fitted(cm, op, out) && !exec_price(cm->device, op, out))
		roofline_op_under(cm->device, cm->stack, op, out);
}

static double device_floor_s(const struct cost_model *cm, const struct op *op)
{
	if (cm->device->execution.kind)
		return exec_floor_s(cm->device, op);
	return fmax(op_flops(op) / roofline_peak(cm->device, op), op_bytes(op) / device_bandwidth(cm->device));
}

/* Without matrix units a product of packed weights is a kernel of its own: it reads what is packed as fast as memory serves any
 * product, and its instructions are those of the format -- products and unpacking alike -- whatever the plain kernel makes of them. */
static void price_packed_vectors(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	double peak = roofline_peak(cm->device, op);
	struct fit stream = { .op = (int)OP_GEMM, .compute = 1, .memory = 1, .overlap = 1 };
	const struct fit *own = fits_find(cm->fits, op, cm->stacks);

	if (own)
		stream.launch_s = own->launch_s, stream.memory = own->memory;
	fit_price(&stream, cm->device, op, out);
	out->seconds = fmax(out->seconds, stream.launch_s + (op_flops(op) + stored_elements(op) * op->unpack_ops) / peak);
}

static bool on_vectors(const struct cost_model *cm, const struct op *op)
{
	return op->kind == OP_GEMM && op->unpack_ops > 0 && cm->device->kind == DEVICE_CPU && !cm->device->execution.kind;
}

/* Packed caches are multiplied where they are unpacked: on matrix units like the plain kernel, or on vector units, which
 * do not pad one query to a tile's rows; whichever is faster. */
static void price_unpacking(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op reading = *op;
	struct op_cost read;
	double vector_s;

	price_law(cm, op, out);
	if (op->unpack_ops <= 0 || (op->kind != OP_ATTENTION_DECODE && op->kind != OP_MLA_DECODE))
		return;
	reading.heads = 0;
	price_law(cm, &reading, &read);
	vector_s = (op_flops(op) + stored_elements(op) * op->unpack_ops) / device_vector_peak(cm->device);
	if (fmax(read.seconds, vector_s) >= out->seconds)
		return;
	out->seconds = fmax(read.seconds, vector_s);
	out->bound = vector_s > read.seconds ? BOUND_COMPUTE : read.bound;
}

static void price(const struct cost_model *cm, const struct op *op, struct op_cost *out);

/* The plain kernel at its best known time, times what the law of computed times says the change does; never below the
 * bounds of the device, nor below the time that its vector units need to unpack. */
static void price_variant(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op base = plain_variant(op);
	struct op_cost plain_law, law;
	double floor_s, unpack_s;

	price(cm, &base, out);
	price_law(cm, &base, &plain_law);
	price_unpacking(cm, op, &law);
	out->flops = law.flops;
	out->bytes = law.bytes;
	if (plain_law.seconds > 0)
		out->seconds *= law.seconds / plain_law.seconds;
	floor_s = device_floor_s(cm, op);
	unpack_s = stored_elements(op) * op->unpack_ops / device_vector_peak(cm->device);
	out->bound = unpack_s > floor_s && unpack_s > out->seconds / 2 ? BOUND_COMPUTE : law.bound;
	out->seconds = fmax(out->seconds, fmax(unpack_s, floor_s));
	out->rel_error = hypot(out->rel_error, ERROR_VARIANT);
}

/* A product in 32 bits, which no table holds, reads twice what one in 16 bits does and multiplies no faster: it takes no less. */
static void at_least_sixteen(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op narrow = *op;
	struct op_cost least;

	if (op->kind != OP_GEMM || (op->dtype != DTYPE_FP32 && op->dtype != DTYPE_TF32) || cm->device->kind != DEVICE_GPU)
		return;
	narrow.dtype = DTYPE_BF16;
	price(cm, &narrow, &least);
	if (out->seconds < least.seconds)
		out->seconds = least.seconds, out->bound = least.bound;
}

static void price(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op spread = placed(cm, op);

	*out = (struct op_cost){ 0 };
	if (op->law) {
		fit_price(op->law, cm->device, op, out);
		out->provider = PROVIDER_ANALYTIC;
		return;
	}
	if (is_variant(op)) {
		if (on_vectors(cm, op))
			price_packed_vectors(cm, op, out);
		else
			price_variant(cm, op, out);
		return;
	}
	if (measured(cm, &spread, out) || second_best(cm, &spread, out))
		return;
	if (is_collective(op->kind))
		price_collective(cm, &spread, out);
	else if (op->kind == OP_HOST || op->kind == OP_HOST_TRANSFER)
		price_host(cm, op, out);
	else if (!exec_price(cm->device, op, out))
		roofline_op_under(cm->device, cm->stack, op, out);
	at_least_sixteen(cm, op, out);
}

/* What a product takes before its first byte by the device's own law; 0 without one. */
static double start_s(const struct cost_model *cm, const struct op *op)
{
	const struct fit *fit = fits_find(cm->fits, op, cm->stacks);

	return fit ? fit->launch_s : 0;
}

/*
 * Tables of products in 8 and 4 bits hold kernels that quantise their 16-bit operand (hardware/tables/README.md): of those of 1,024
 * rows and more, regressed on rows x k, they take 8 to 10 bytes an element at full bandwidth in fp8 on H100, H200, B200, GB200 and
 * GB300, and 4.8 to 5.5 in fp4, where plain ones take 0 to 1. That is one pass (two bytes in, the operand out), in fp8 after one for the largest, at
 * the rate of element-wise kernels. Where what comes before writes the operand so, they and their starts fall away.
 */
static void leave_quantising(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	struct op plain = *op;
	struct roofline_shares stream;
	double passes;

	if (!cm->stack || !cm->stack->narrow_operands || op->kind != OP_GEMM || op->batch > 1 || out->provider == PROVIDER_ANALYTIC)
		return;
	if (op->law || op->stored_bytes > 0 || (op->dtype != DTYPE_FP8 && op->dtype != DTYPE_FP4))
		return;
	plain.dtype = DTYPE_BF16;
	roofline_shares(cm->device, &plain, &stream);
	passes = (op->dtype == DTYPE_FP8 ? 4 : 2) + dtype_bytes(op->dtype);
	out->seconds -= passes * (double)op->m * (double)op->k /
		(device_bandwidth(cm->device) * stream.memory * roofline_stream_share(cm->device, cm->stack, OP_ACTIVATION));
	out->seconds -= fmax(start_s(cm, op) - start_s(cm, &plain), 0);
	out->seconds = fmax(out->seconds, device_floor_s(cm, op));
}

static void cap_power(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	double compute = out->flops / (out->seconds * device_peak(cm->device, op->dtype, NULL));
	double memory = out->bytes / (out->seconds * device_bandwidth(cm->device));

	out->seconds *= energy_cap_slowdown(cm->device, cm->power_cap_w, out->bound == BOUND_COMPUTE, compute, memory);
}

static void price_capped(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	price(cm, op, out);
	leave_quantising(cm, op, out);
	if (cm->power_cap_w > 0 && on_device(op->kind) && out->seconds > 0)
		cap_power(cm, op, out);
}

void cost_op(const struct cost_model *cm, const struct op *op, struct op_cost *out)
{
	/* A law may belong to one simulation: its address says nothing after that. */
	if (!cm->book || op->law) {
		price_capped(cm, op, out);
	} else if (!price_book_find(cm->book, op, out)) {
		price_capped(cm, op, out);
		price_book_put(cm->book, op, out);
	}
	if (op->kind != OP_HOST)
		out->seconds *= cm->time_scale;
}
