#include <math.h>
#include <string.h>

#include "base/json.h"
#include "reports/train_report.h"

static void layout(const struct train_result *r, struct json *j)
{
	json_object(j, "layout");
	json_int(j, "devices", r->devices);
	json_int(j, "tp", r->tp), json_int(j, "pp", r->pp), json_int(j, "vp", r->vp), json_int(j, "cp", r->cp);
	json_int(j, "ep", r->ep), json_int(j, "dp", r->dp), json_int(j, "zero", r->zero);
	json_text(j, "schedule", r->schedule);
	json_int(j, "global_batch", r->global_batch), json_int(j, "micro_batch", r->micro_batch), json_int(j, "micro_batches", r->micros);
	json_int(j, "sequence", r->sequence);
	json_end(j);
}

static void memory(const struct train_memory_row *m, struct json *j)
{
	json_object(j, "memory");
	json_number(j, "weights", m->weights);
	json_number(j, "gradients", m->gradients);
	json_number(j, "optimizer", m->optimizer);
	json_number(j, "activations", m->activations);
	json_number(j, "buffers", m->buffers);
	json_number(j, "peak_bytes", m->peak_bytes);
	json_number(j, "capacity_bytes", m->capacity_bytes);
	json_number(j, "host_bytes", m->host_bytes);
	json_end(j);
}

static void breakdown(const struct train_breakdown *b, struct json *j)
{
	json_object(j, "breakdown_s");
	json_number(j, "compute", b->compute);
	json_number(j, "tp_comm", b->tp_comm);
	json_number(j, "ep_comm", b->ep_comm);
	json_number(j, "cp_comm", b->cp_comm);
	json_number(j, "pp_bubble", b->pp_bubble);
	json_number(j, "dp_comm", b->dp_comm);
	json_number(j, "optimizer", b->optimizer);
	json_number(j, "data", b->data);
	json_number(j, "recompute", b->recompute);
	json_number(j, "host", b->host);
	json_number(j, "straggler", b->straggler);
	json_number(j, "offload", b->offload);
	json_end(j);
}

static void reliability(const struct train_reliability *f, struct json *j)
{
	json_object(j, "reliability");
	json_number(j, "mtbf_s", f->mtbf_s);
	json_number(j, "checkpoint_bytes", f->checkpoint_bytes);
	json_number(j, "checkpoint_s", f->checkpoint_s);
	json_number(j, "checkpoint_interval_s", f->interval_s);
	json_number(j, "recovery_s", f->recovery_s);
	json_number(j, "effective_training_ratio", f->effective);
	json_number(j, "effective_p5", f->effective_p5);
	json_number(j, "effective_p95", f->effective_p95);
	json_number(j, "effective_closed_form", f->closed_form);
	json_number(j, "failures", f->failures);
	json_number(j, "hours_p5", f->hours_p5);
	json_number(j, "hours_p95", f->hours_p95);
	json_end(j);
}

static void texts(const char *key, const char *const *at, size_t count, struct json *j)
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_text(j, NULL, at[i]);
	json_end(j);
}

void train_json(const struct train_result *r, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.train/1");
	json_text(&j, "run_id", r->run_id);
	json_text(&j, "title", r->title);
	json_object(&j, "scenario");
	for (size_t i = 0; i < r->scenario_count; i++)
		json_text(&j, r->scenario[i].key, r->scenario[i].value);
	json_end(&j);
	layout(r, &j);
	json_number(&j, "step_s", r->step_s);
	json_number(&j, "step_low_s", r->step_low_s);
	json_number(&j, "step_high_s", r->step_high_s);
	json_number(&j, "tokens_per_s", r->tokens_per_s);
	json_number(&j, "tokens_per_s_per_device", r->tokens_per_s_device);
	json_number(&j, "samples_per_s", r->samples_per_s);
	json_number(&j, "tflops_per_device", r->tflops_per_device);
	json_number(&j, "tflops_per_device_6n", r->tflops_6n);
	json_number(&j, "tflops_per_device_full_attention", r->tflops_full);
	json_number(&j, "hardware_tflops_per_device", r->hardware_tflops_per_device);
	json_number(&j, "mfu", r->mfu);
	json_number(&j, "hfu", r->hfu);
	json_text(&j, "mfu_peak", r->peak_format);
	json_number(&j, "tokens", r->tokens);
	json_number(&j, "steps", r->steps);
	json_number(&j, "loss", r->loss);
	json_number(&j, "hours", r->hours);
	json_number(&j, "device_hours", r->device_hours);
	memory(&r->memory, &j);
	breakdown(&r->breakdown, &j);
	reliability(&r->reliability, &j);
	json_object(&j, "cost");
	json_number(&j, "usd", r->usd);
	json_number(&j, "usd_per_hour", r->usd_per_hour);
	json_number(&j, "usd_per_1m_tokens", r->usd_per_1m_tokens);
	json_text(&j, "price", r->price_kind);
	json_end(&j);
	json_object(&j, "energy");
	json_number(&j, "joules", r->joules);
	json_number(&j, "kwh", r->kwh);
	json_number(&j, "mean_power_w", r->mean_power_w);
	json_number(&j, "joules_per_token", r->joules_per_token);
	json_end(&j);
	json_object(&j, "confidence");
	json_number(&j, "measured", r->share_measured);
	json_number(&j, "fitted", r->share_fitted);
	json_number(&j, "analytic", r->share_analytic);
	json_number(&j, "expected_rel_error", r->expected_rel_error);
	json_end(&j);
	texts("notes", r->notes, r->note_count, &j);
	texts("not_modelled", r->not_modelled, r->not_modelled_count, &j);
	json_object(&j, "sim");
	json_number(&j, "wall_s", r->wall_s);
	json_number(&j, "events", r->events);
	json_end(&j);
	json_end(&j);
	str_add(out, "\n");
}

void train_figures(const struct train_result *r, struct result *out)
{
	*out = (struct result){
		.title = r->title, .scenario = r->scenario, .scenario_count = r->scenario_count, .notes = r->notes, .note_count = r->note_count,
		.not_modelled = r->not_modelled, .not_modelled_count = r->not_modelled_count, .devices = r->devices, .replicas = r->dp, .mfu = r->mfu,
		.weights_bytes = r->memory.weights, .activation_bytes = r->memory.activations, .reserved_bytes = r->memory.buffers,
		.peak_bytes = r->memory.peak_bytes, .capacity_bytes = r->memory.capacity_bytes, .usd = r->usd, .usd_per_hour = r->usd_per_hour,
		.usd_per_1m_tokens = r->usd_per_1m_tokens, .usd_per_1m_output_tokens = NAN, .price_kind = r->price_kind, .joules = r->joules,
		.mean_power_w = r->mean_power_w, .joules_per_output_token = NAN, .share_measured = r->share_measured, .share_fitted = r->share_fitted,
		.share_analytic = r->share_analytic, .expected_rel_error = r->expected_rel_error, .peak_flop_s = r->peak_flop_s, .wall_s = r->wall_s,
		.events = r->events, .goodput_rps = NAN,
		.training = { .step_s = r->step_s, .tokens_per_s = r->tokens_per_s, .tokens_per_s_device = r->tokens_per_s_device,
			      .tflops_per_device = r->tflops_per_device, .hfu = r->hfu, .tokens = r->tokens, .hours = r->hours,
			      .device_hours = r->device_hours, .loss = r->loss, .effective = r->reliability.effective,
			      .gradient_bytes = r->memory.gradients, .optimizer_bytes = r->memory.optimizer },
	};
	memcpy(out->run_id, r->run_id, sizeof(out->run_id));
	memcpy(out->scenario_hash, r->scenario_hash, sizeof(out->scenario_hash));
}
