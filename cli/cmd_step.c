/* vibee-sim step: prices one iteration, operator by operator. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/paths.h"
#include "cli/groups.h"
#include "reports/table.h"
#include "sim/step.h"

static const struct option batch_table[] = {
	{ .name = "decodes", .word = "N", .kind = OPTION_INT, .most = 1e7, .fallback = "32 when there are no prefills", .help = "sequences that decode one token" },
	{ .name = "context", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1e9, .fallback = "1024", .help = "tokens that each of them attends to" },
	{ .name = "prefills", .word = "N", .kind = OPTION_INT, .most = 1e6, .fallback = "0", .help = "prompts in the batch" },
	{ .name = "prompt", .word = "N", .kind = OPTION_INT, .least = 1, .most = 1e9, .fallback = "1024", .help = "new tokens of each prompt" },
	{ .name = "prior", .word = "N", .kind = OPTION_INT, .most = 1e9, .fallback = "0", .help = "tokens of each prompt that are cached already" },
};
static const struct option_group batch_options = OPTION_GROUP("Batch", batch_table);

static const struct option settings_table[] = {
	{ .name = "set", .word = "PATH=VALUE", .help = "set any attribute of the scenario (repeatable)" },
	{ .name = "max-num-seqs", .word = "N", .path = "scheduler.max_num_seqs", .help = "sequences in a batch (decides memory)" },
	{ .name = "max-num-batched-tokens", .word = "N", .path = "scheduler.max_num_batched_tokens", .help = "tokens in a batch (decides memory)" },
	{ .name = "memory-utilization", .word = "F", .path = "scheduler.memory_utilization", .help = "share of device memory the engine may use" },
	{ .name = "scheduler", .word = "NAME", .path = "scheduler.name", .words = WORDS_SCHEDULERS, .help = "batching policy (decides the stack)" },
	{ .name = "json", .word = "FILE", .words = WORDS_FILE, .output = true, .help = "the result as JSON; - (or nothing): standard output" },
};
static const struct option_group settings_options = OPTION_GROUP("More", settings_table);

static struct step_shape shape_from_call(const struct call *call)
{
	struct step_shape s = {
		.prefills = call_int(call, "prefills", call_text(call, "prompt") ? 1 : 0), .prompt = call_int(call, "prompt", 1024),
		.prior = call_int(call, "prior", 0), .context = call_int(call, "context", 1024),
	};

	s.decodes = call_int(call, "decodes", s.prefills > 0 ? 0 : 32);
	return s;
}

/* m x n x k, or what else gives an operator its size. */
static void shape_text(const struct op *op, char *buf, size_t room)
{
	int64_t batch = op->batch > 0 ? op->batch : 1;

	switch (op->kind) {
	case OP_GEMM:
		snprintf(buf, room, batch > 1 ? "%" PRId64 "x%" PRId64 "x%" PRId64 " x%" PRId64 : "%" PRId64 "x%" PRId64 "x%" PRId64,
			 op->m, op->n, op->k, batch);
		break;
	case OP_ATTENTION_PREFILL: case OP_MLA_PREFILL:
		snprintf(buf, room, "%" PRId64 " seq, %" PRId64 " of %.0f, %" PRId64 "/%" PRId64 " heads", batch, op->q_len, op->kv_len,
			 op->heads, op->kv_heads);
		break;
	case OP_ATTENTION_DECODE: case OP_MLA_DECODE:
		snprintf(buf, room, "%" PRId64 " seq x %.0f, %" PRId64 "/%" PRId64 " heads", batch, op->kv_len, op->heads, op->kv_heads);
		break;
	case OP_MOE:
		snprintf(buf, room, "%" PRId64 " tok, %" PRId64 " of %" PRId64 " experts, %" PRId64 "x%" PRId64, op->m, op->top_k,
			 op->experts_total, op->n, op->k);
		break;
	case OP_ALL_REDUCE: case OP_ALL_GATHER: case OP_REDUCE_SCATTER: case OP_ALL_TO_ALL: case OP_SEND_RECV: case OP_BROADCAST: {
		char bytes[32];

		snprintf(buf, room, "%s, %d ranks", human_bytes(bytes, op->bytes), op->devices);
		break;
	}
	case OP_HOST:
		snprintf(buf, room, "CPU");
		break;
	default:
		snprintf(buf, room, "%" PRId64 "x%" PRId64, op->m, op->n);
	}
}

static void operator_row(struct table *t, const struct step_result *r, const struct step_row *row, bool stages)
{
	char shape[96], a[32];

	shape_text(&row->op, shape, sizeof(shape));
	if (stages)
		table_cellf(t, STYLE_PLAIN, "%d", row->stage);
	table_cell(t, STYLE_PLAIN, row->label);
	table_cell(t, STYLE_PLAIN, human_count(a, row->count));
	table_cell(t, STYLE_FAINT, shape);
	table_cell(t, STYLE_FAINT, row->op.kind == OP_HOST ? "" : dtype_names[row->op.dtype]);
	table_cell(t, STYLE_PLAIN, row->cost.flops > 0 ? human_count(a, row->cost.flops * row->count) : "");
	table_cell(t, STYLE_PLAIN, row->cost.bytes > 0 ? human_bytes(a, row->cost.bytes * row->count) : "");
	table_cell(t, STYLE_STRONG, human_seconds(a, row->seconds));
	table_cellf(t, STYLE_PLAIN, "%.1f %%", 100 * row->seconds / r->seconds);
	table_cell(t, STYLE_PLAIN, bound_names[row->cost.bound]);
	table_cellf(t, row->cost.extrapolated ? STYLE_WARN : STYLE_PLAIN, "%s%s", provider_names[row->cost.provider],
		    row->cost.extrapolated ? " *" : "");
	table_cellf(t, STYLE_PLAIN, "%.0f %%", 100 * row->cost.rel_error);
}

static bool operator_table(const struct step_result *r, const struct term *term, struct str *out, struct err *err)
{
	static const struct table_column columns[] = {
		{ "stage", true }, { "operator", false }, { "count", true }, { "shape", false }, { "dtype", false }, { "FLOPs", true },
		{ "bytes", true }, { "time", true }, { "share", true }, { "bound", false }, { "from", false }, { "error", true },
	};
	bool stages = r->row_count > 0 && r->rows[r->row_count - 1].stage > 0, extrapolated = false, ok;
	struct table *t = table_new(columns + !stages, COUNT_OF(columns) - !stages);

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < r->row_count; i++) {
		operator_row(t, r, &r->rows[i], stages);
		extrapolated |= r->rows[i].cost.extrapolated;
	}
	ok = table_print(t, term, 0, out, err);
	table_free(t);
	if (extrapolated)
		str_add(out, "* beyond the measured range\n");
	return ok;
}

static void memory_line(struct str *out, const char *what, double bytes, double capacity)
{
	char a[32];

	if (bytes > 0)
		str_addf(out, "  %-16s %10s  %5.1f %%\n", what, human_bytes(a, bytes), 100 * bytes / capacity);
}

static void memory_block(const struct memory_plan *m, struct str *out)
{
	char a[32];

	str_addf(out, "\nMemory of one device (%s)\n", human_bytes(a, m->capacity_bytes));
	memory_line(out, "weights", m->weights_bytes, m->capacity_bytes);
	memory_line(out, "KV cache", m->kv_bytes, m->capacity_bytes);
	memory_line(out, "recurrent state", m->state_bytes, m->capacity_bytes);
	memory_line(out, "activations", m->activation_bytes, m->capacity_bytes);
	memory_line(out, "reserved", m->reserved_bytes, m->capacity_bytes);
	if (m->kv_blocks > 0)
		str_addf(out, "  %" PRId64 " cache blocks; a token takes %s%s\n", m->kv_blocks, human_bytes(a, m->kv_bytes_per_token),
			 m->window_tokens > 0 ? ", and more within the window" : "");
}

static void totals(const struct step_result *r, const struct step_shape *s, struct str *out)
{
	char a[32], b[32], c[32], d[32];
	double tokens = (double)s->decodes * r->tokens_per_pass + (double)(s->prefills * s->prompt), intensity = r->bytes > 0 ? r->flops / r->bytes : 0;
	double peak = device_peak(r->device, DTYPE_BF16, NULL), rate = device_bandwidth(r->device);

	if (r->verified > 1)
		str_addf(out, "\nVerifies %" PRId64 " tokens of each sequence and yields %.2f of them", r->verified, r->tokens_per_pass);
	str_addf(out, "\nIteration %s: %s tokens a second\n", human_seconds(a, r->seconds), human_count(b, tokens / r->seconds));
	if (r->stage_s > 0 && r->stage_s < r->seconds * (1 - 1e-9))
		str_addf(out, "  a full pipeline takes a batch every %s (%s tokens a second)\n", human_seconds(a, r->stage_s),
			 human_count(b, tokens / r->stage_s));
	str_addf(out, "  of it the serving software adds %s\n", human_seconds(a, r->visible_host_s));
	str_addf(out, "  one device: %sFLOP, %s; MFU %.1f %%, memory bandwidth %.1f %%\n", human_count(a, r->flops),
		 human_bytes(b, r->bytes), 100 * r->mfu, 100 * r->mbu);
	str_addf(out, "  roofline: %.1f FLOP a byte; 16-bit ridge at %.0f (%s, %s)\n", intensity, peak / rate,
		 human_rate(c, peak, "FLOP/s"), human_rate(d, rate, "B/s"));
	str_addf(out, "  expected error of the time: %.1f %%\n", 100 * r->expected_rel_error);
	str_addf(out, "  energy: %s a token, %s a device, with PUE; %s at the plugs of all without\n", human_rate(a, r->joules / tokens, "J"),
		 human_rate(b, r->joules / r->seconds / (double)r->devices, "W"), human_rate(c, r->system_power_w, "W"));
	if (isfinite(r->usd_per_hour))
		str_addf(out, "  cost: $%.4g a million tokens at $%.4g an hour (%s)\n", r->usd_per_hour * r->seconds / 3600 / tokens * 1e6,
			 r->usd_per_hour, r->price_kind);
	else
		str_addf(out, "  cost: %s\n", r->price_kind);
}

static bool print_text(const struct scenario *sc, const struct step_shape *s, const struct step_result *r, struct err *err)
{
	struct term term = term_detect(STDOUT_FILENO);
	struct str out = { 0 };
	bool ok;

	/* Twelve columns of figures: cut to a narrow terminal, but never to less than they need in a pipe. */
	if (!isatty(STDOUT_FILENO) && term.width < 140)
		term.width = 140;
	term_addf(&out, &term, STYLE_STRONG, "%s on %" PRId64 " x %s under %s", sc->model.name, r->devices, r->device->name,
		  r->stack ? r->stack->name : "no stack");
	str_add(&out, "\n");
	if (r->device->status == DEVICE_ANNOUNCED)
		str_addf(&out, "%s is announced, not shipping: its figures are the vendor's targets\n", r->device->name);
	if (s->decodes > 0)
		str_addf(&out, "%" PRId64 " sequences decode over %" PRId64 " tokens each%s", s->decodes, s->context, s->prefills > 0 ? "; " : "\n");
	if (s->prefills > 0)
		str_addf(&out, "%" PRId64 " prompts of %" PRId64 " new tokens after %" PRId64 " cached\n", s->prefills, s->prompt, s->prior);
	str_add(&out, "\n");
	ok = operator_table(r, &term, &out, err);
	if (ok) {
		totals(r, s, &out);
		memory_block(&r->memory, &out);
		ok = paths_write_str("-", &out, err);
	}
	str_release(&out);
	return ok;
}

static void json_rows(const struct step_result *r, struct json *j)
{
	json_array(j, "operators");
	for (size_t i = 0; i < r->row_count; i++) {
		const struct step_row *row = &r->rows[i];
		char shape[96];

		shape_text(&row->op, shape, sizeof(shape));
		json_object(j, NULL);
		json_int(j, "stage", row->stage);
		json_text(j, "label", row->label);
		json_text(j, "op", op_kind_names[row->op.kind]);
		json_text(j, "dtype", dtype_names[row->op.dtype]);
		json_text(j, "shape", shape);
		json_number(j, "count", row->count);
		json_number(j, "flops", row->cost.flops);
		json_number(j, "bytes", row->cost.bytes);
		json_number(j, "seconds_each", row->cost.seconds);
		json_number(j, "seconds", row->seconds);
		json_text(j, "bound", bound_names[row->cost.bound]);
		json_text(j, "provider", provider_names[row->cost.provider]);
		json_bool(j, "extrapolated", row->cost.extrapolated);
		json_number(j, "expected_rel_error", row->cost.rel_error);
		json_end(j);
	}
	json_end(j);
}

static bool print_json(const struct scenario *sc, const struct step_shape *s, const struct step_result *r, const char *path, struct err *err)
{
	const struct memory_plan *m = &r->memory;
	double tokens = (double)(s->decodes + s->prefills * s->prompt);
	struct str out = { 0 };
	struct json j;
	bool ok;

	json_init(&j, &out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.step/1");
	json_text(&j, "model", sc->model.name);
	json_text(&j, "device", r->device->name);
	json_text(&j, "device_status", device_status_names[r->device->status]);
	json_text(&j, "stack", r->stack ? r->stack->name : NULL);
	json_int(&j, "devices", r->devices);
	json_object(&j, "batch");
	json_int(&j, "decodes", s->decodes);
	json_number(&j, "tokens_per_pass", r->tokens_per_pass);
	json_int(&j, "verified_tokens", r->verified);
	json_int(&j, "context", s->context);
	json_int(&j, "prefills", s->prefills);
	json_int(&j, "prompt", s->prompt);
	json_int(&j, "prior", s->prior);
	json_end(&j);
	json_number(&j, "seconds", r->seconds);
	json_number(&j, "stage_s", r->stage_s);
	json_number(&j, "visible_host_s", r->visible_host_s);
	json_number(&j, "flops", r->flops);
	json_number(&j, "bytes", r->bytes);
	json_number(&j, "mfu", r->mfu);
	json_number(&j, "mbu", r->mbu);
	json_number(&j, "expected_rel_error", r->expected_rel_error);
	json_object(&j, "cost");
	json_number(&j, "usd_per_hour", r->usd_per_hour);
	json_number(&j, "usd_per_1m_tokens", r->usd_per_hour * r->seconds / 3600 / tokens * 1e6);
	json_text(&j, "price_kind", r->price_kind);
	json_end(&j);
	json_object(&j, "energy");
	json_number(&j, "joules", r->joules);
	json_number(&j, "joules_per_token", r->joules / tokens);
	json_number(&j, "mean_power_w", r->joules / r->seconds);
	json_number(&j, "system_power_w", r->system_power_w);
	json_end(&j);
	json_object(&j, "memory");
	json_number(&j, "weights_bytes", m->weights_bytes);
	json_number(&j, "kv_bytes", m->kv_bytes);
	json_number(&j, "state_bytes", m->state_bytes);
	json_number(&j, "activation_bytes", m->activation_bytes);
	json_number(&j, "reserved_bytes", m->reserved_bytes);
	json_number(&j, "capacity_bytes", m->capacity_bytes);
	json_number(&j, "kv_bytes_per_token", m->kv_bytes_per_token);
	json_int(&j, "kv_blocks", m->kv_blocks);
	json_end(&j);
	json_rows(r, &j);
	json_end(&j);
	str_add(&out, "\n");
	ok = paths_write_str(path, &out, err);
	str_release(&out);
	return ok;
}

static bool step_run(const struct call *call, struct err *err)
{
	struct scenario *sc = scenario_from_call(call, err);
	struct step_shape shape = shape_from_call(call);
	const char *json = call_text(call, "json");
	struct step_result r = { 0 };

	if (!sc)
		return false;
	if (shape.decodes == 0 && shape.prefills == 0)
		return err_set(err, ERR_INPUT, "--decodes=0: an empty batch; expected --decodes or --prefills above 0");
	if (!step_price(sc, &shape, &r, call->arena, err))
		return false;
	return json ? print_json(sc, &shape, &r, json, err) : print_text(sc, &shape, &r, err);
}

const struct command command_step = {
	.name = "step", .summary = "price one iteration: operators, memory and roofline", .arguments = "[SCENARIO.xml]",
	.arguments_most = 1, .words = WORDS_FILE,
	.details = "Prices one iteration of a batch on one replica without simulating traffic: every operator with its FLOPs, bytes, time, "
		   "what bounds it, where the figure comes from and its expected error; then the whole iteration and the memory of a device.",
	.groups = (const struct option_group *const[]){ &batch_options, &model_options, &hardware_options, &deployment_options,
							&settings_options, NULL },
	.examples = (const struct example[]){
		{ "vibee-sim step --model llama-2-70b --device h100 --tp 4 --decodes 64 --context 2048", "a decode step" },
		{ "vibee-sim step --prefills 1 --prompt 4096", "one prompt of the default model" },
		{ "vibee-sim step --decodes 32 --context 1000 --prefills 1 --prompt 512 --prior 1024 --json -", "a mixed batch, as JSON" },
		{ NULL, NULL } },
	.run = step_run,
};
