/* vibee-sim op: prices single operators, one from options or a CSV of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "cli/op_csv.h"
#include "cli/options.h"
#include "hardware/system.h"

/* --op gives the kind as the column does; a word without dashes may, too. Limits are those of the columns. */
#define SHAPE(name_, word_, help_) { .name = name_, .word = word_, .help = help_ }
static const struct option shape_table[] = {
	{ .name = "op", .word = "KIND", .words = WORDS_OPERATORS, .help = "gemm, attention_prefill, attention_decode, moe, all_reduce ..." },
	{ .name = "dtype", .word = "F", .words = WORDS_DTYPES, .fallback = "bf16", .help = "number format of weights and arithmetic" },
	{ .name = "kv-dtype", .word = "F", .words = WORDS_DTYPES, .fallback = "as dtype", .help = "number format of the cache" },
	SHAPE("m", "N", "rows: tokens of the batch"),
	SHAPE("n", "N", "columns of the weights; width of an expert or a row"),
	SHAPE("k", "N", "depth of the product; hidden size of an expert"),
	SHAPE("batch", "N", "sequences (attention); independent products (gemm)"),
	SHAPE("heads", "N", "query heads on this device"),
	SHAPE("kv-heads", "N", "key-value heads on this device"),
	SHAPE("head-dim", "N", "elements of one head"),
	SHAPE("q-len", "N", "new tokens of each sequence (prefill)"),
	SHAPE("kv-len", "N", "tokens attended by each sequence, new ones included"),
	SHAPE("window", "N", "sliding window in tokens; 0: none"),
	SHAPE("experts", "N", "experts on this device"),
	SHAPE("top-k", "N", "experts that a token uses"),
	SHAPE("bytes", "N", "message of one rank (collectives); bytes copied"),
	SHAPE("devices", "N", "ranks of a collective"),
	SHAPE("experts-total", "N", "experts in the layer; absent: experts x devices"),
	SHAPE("v-head-dim", "N", "elements of one value head; absent: head-dim"),
	SHAPE("gated", "yes|no", "moe: three matrices an expert, or two"),
	SHAPE("imbalance", "F", "moe: tokens of the busiest device over the mean"),
	SHAPE("devices-per-node", "N", "ranks that share a fast domain"),
};
static const struct option_group shape_options = OPTION_GROUP("Operator (columns of the CSV have the same names, with _)", shape_table);

static const struct option place_table[] = {
	{ .name = "device", .word = "NAME", .words = WORDS_DEVICES, .fallback = "h100", .help = "accelerator of the catalog, or an XML file" },
	{ .name = "system", .word = "NAME", .words = WORDS_SYSTEMS, .help = "wired devices of the catalog, or an XML file" },
	{ .name = "stack", .word = "NAME", .words = WORDS_STACKS, .fallback = "the device's best",
	  .help = "whose kernels were measured: vllm, sglang, trtllm, nccl, vidur" },
	{ .name = "provider", .word = "NAME", .fallback = "measured", .help = "best source of times: measured, fitted or analytic" },
};
static const struct option_group place_options = OPTION_GROUP("Where", place_table);

static const struct option file_table[] = {
	{ .name = "in", .word = "FILE", .words = WORDS_FILE, .help = "CSV of operators, plain or gzip; -: standard input" },
	{ .name = "out", .word = "FILE", .words = WORDS_FILE, .output = true, .fallback = "standard output",
	  .help = "the same CSV with times; whole or not at all" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
};
static const struct option_group file_options = OPTION_GROUP("Files", file_table);

static bool place(const struct call *call, struct cost_options *out, struct err *err)
{
	const char *device = call_text(call, "device"), *system = call_text(call, "system"), *provider = call_text(call, "provider");
	int p = 0;

	*out = (struct cost_options){ .best_provider = PROVIDER_MEASURED };
	if (provider) {
		while (p < PROVIDER_COUNT && strcmp(provider_names[p], provider) != 0)
			p++;
		if (p == PROVIDER_COUNT)
			return err_set(err, ERR_INPUT, "--provider %s: expected measured, fitted or analytic", provider);
		out->best_provider = (enum provider)p;
	}
	if (system && !(out->system = system_load(system, call->arena, err)))
		return false;
	if ((device || !system) && !(out->device = device_load_usable(device ? device : "h100", call->arena, err)))
		return false;
	return true;
}

/* The operator that the options describe. */
static bool row_from_options(const struct call *call, struct op_row *row, struct err *err)
{
	const char *kind = call_argument(call, 0);

	op_row_init(row);
	if (kind && !op_row_set(row, &op_fields[0], kind, "op", err))
		return false;
	for (size_t i = 0; i < call->setting_count; i++) {
		const struct option *o = call->settings[i].option;
		char name[64], origin[72];

		snprintf(name, sizeof(name), "%s", o->name);
		for (char *p = name; *p; p++)
			*p = *p == '-' ? '_' : *p;
		snprintf(origin, sizeof(origin), "--%s", o->name);
		for (size_t k = 0; k < op_field_count; k++)
			if (strcmp(op_fields[k].name, name) == 0 &&
			    !op_row_set(row, &op_fields[k], call->settings[i].value, origin, err))
				return false;
	}
	return op_row_finish(row, "op", err);
}

static void line(struct str *out, const char *head, const char *value, const char *more)
{
	str_addf(out, "  %-10s %-14s %s\n", head, value, more);
}

static void print_text(const struct op_row *row, const struct op_cost *c, const struct cost_model *model, struct str *out)
{
	const struct device *d = cost_model_device(model);
	const struct stack *stack = cost_model_stack(model);
	double peak = device_peak(d, row->op.dtype, NULL), rate = device_bandwidth(d);
	char a[32], b[32], more[160];
	bool wire = c->bound == BOUND_NETWORK;

	op_row_text(row, out);
	str_addf(out, "\non %s%s%s%s\n\n", d->title ? d->title : d->name, stack ? " under " : "", stack ? stack->name : "",
		 d->status == DEVICE_ANNOUNCED ? " (announced, not shipping: the vendor's targets)" : "");
	snprintf(more, sizeof(more), "%s%s, expected error %.1f %%, %s bound", provider_names[c->provider],
		 c->extrapolated ? " (beyond the measured range)" : "", 100 * c->rel_error, bound_names[c->bound]);
	line(out, "time", human_seconds(a, c->seconds), more);
	more[0] = '\0';
	if (c->flops > 0 && isfinite(peak))
		snprintf(more, sizeof(more), "%s, %.1f %% of peak", human_rate(b, c->flops / c->seconds, "FLOP/s"),
			 100 * c->flops / c->seconds / peak);
	if (c->flops > 0) {
		char work[40];

		snprintf(work, sizeof(work), "%sFLOP", human_count(a, c->flops));
		line(out, "compute", work, more);
	}
	if (c->bytes > 0) {
		if (wire)
			snprintf(more, sizeof(more), "%s over the link", human_rate(b, c->bytes / c->seconds, "B/s"));
		else
			snprintf(more, sizeof(more), "%s, %.1f %% of memory bandwidth", human_rate(b, c->bytes / c->seconds, "B/s"),
				 100 * c->bytes / c->seconds / rate);
		line(out, wire ? "message" : "memory", human_bytes(a, c->bytes), more);
	}
}

static bool price_one(const struct call *call, struct op_pricer *pricer, struct err *err)
{
	const char *json = call_text(call, "json");
	const struct cost_model *model;
	struct str out = { 0 };
	struct op_cost cost;
	struct op_row row;
	struct json j;
	bool ok;

	if (!row_from_options(call, &row, err))
		return false;
	model = op_pricer_model(pricer, "", "--device", err);
	if (!model)
		return false;
	cost_op(model, &row.op, &cost);
	if (!cost_model_sound(model, err))
		return false;
	if (json) {
		json_init(&j, &out, true);
		json_object(&j, NULL);
		json_text(&j, "schema", "vibee.op/1");
		json_text(&j, "device", cost_model_device(model)->name);
		json_text(&j, "device_status", device_status_names[cost_model_device(model)->status]);
		op_row_json(&row, &cost, &j);
		json_end(&j);
		str_add(&out, "\n");
	} else {
		print_text(&row, &cost, model, &out);
	}
	ok = paths_write_str(json ? json : "-", &out, err);
	str_release(&out);
	return ok;
}

static bool op_run(const struct call *call, struct err *err)
{
	const char *in = call_text(call, "in"), *out = call_text(call, "out"), *json = call_text(call, "json"), *stack;
	struct cost_options options;
	struct op_pricer *pricer;
	bool ok;

	if (out && !in)
		return err_set(err, ERR_INPUT, "--out: only together with --in; one operator is printed (or --json FILE)");
	if (in && (call_argument(call, 0) || call_text(call, "op")))
		return err_set(err, ERR_INPUT, "--in: the operators are in the file; expected no operator beside it");
	if (!place(call, &options, err))
		return false;
	stack = call_text(call, "stack");
	pricer = op_pricer_new(&options, call->arena);
	if (!pricer)
		return err_memory(err);
	/* With a file, --stack holds for the rows that name none. */
	ok = !stack || op_pricer_model(pricer, stack, "--stack", err);
	if (stack)
		op_pricer_fallback(pricer, stack);
	if (ok && in)
		ok = json ? op_csv_json(in, json, pricer, err) : op_csv(in, out ? out : "-", pricer, err);
	else if (ok)
		ok = price_one(call, pricer, err);
	op_pricer_free(pricer);
	return ok;
}

const struct command command_op = {
	.name = "op", .summary = "price single operators, one from options or a CSV of them", .arguments = "[KIND]",
	.arguments_most = 1, .words = WORDS_OPERATORS,
	.details = "Times one operator on one device (or one collective over several). Shapes are those this device sees; attention is "
		   "causal. The answer names where it comes from -- measured tables, a law fitted to measurements, or data-sheet figures "
		   "-- and the error to expect of it.\n"
		   "A CSV has a column op and those of the options that its operators need; empty cells are absent. All its columns are "
		   "kept, in order; seconds, flops, bytes_moved, bound, provider and expected_rel_error follow.",
	.groups = (const struct option_group *const[]){ &shape_options, &place_options, &file_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim op gemm --m 4096 --n 4096 --k 4096 --dtype fp8 --device h100", "one matrix product" },
		{ "vibee-sim op attention_decode --batch 64 --heads 32 --kv-heads 8 --head-dim 128 --kv-len 4096", "a decode step's attention" },
		{ "vibee-sim op all_reduce --bytes 16M --devices 8 --system dgx-h100", "a collective over eight devices" },
		{ "vibee-sim op --in ops.csv --out times.csv --device a100", "a file of them" },
		{ NULL, NULL } },
	.run = op_run,
};
