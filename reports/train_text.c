#include <math.h>
#include <stdio.h>

#include "reports/format.h"
#include "reports/train_report.h"

struct line {
	const char *what;
	double value;
};

static void head(const struct train_result *r, const struct term *term, struct str *out)
{
	char a[FORMAT_ROOM];

	term_add(out, term, STYLE_STRONG, r->title);
	str_addf(out, "\n%lld devices: tp %lld, pp %lld", (long long)r->devices, (long long)r->tp, (long long)r->pp);
	if (r->vp > 1)
		str_addf(out, " x %lld chunks", (long long)r->vp);
	if (r->cp > 1)
		str_addf(out, ", cp %lld", (long long)r->cp);
	if (r->ep > 1)
		str_addf(out, ", ep %lld", (long long)r->ep);
	str_addf(out, ", dp %lld, ZeRO-%lld; %s, %s\n", (long long)r->dp, (long long)r->zero, r->schedule, r->optimizer);
	str_addf(out, "%lld sequences of %lld tokens a step, %lld micro-batches of %lld (%s tokens)\n\n", (long long)r->global_batch,
		 (long long)r->sequence, (long long)r->micros, (long long)r->micro_batch, human_count(a, r->tokens_per_step));
}

static void rates(const struct train_result *r, const struct term *term, struct str *out)
{
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[2 * FORMAT_ROOM];

	term_addf(out, term, STYLE_STRONG, "Step      %s", human_seconds(a, r->step_s));
	str_addf(out, "   (%s)\n", format_interval_s(c, r->step_s, r->expected_rel_error));
	str_addf(out, "Tokens    %s /s, %s /s a device\n", human_count(a, r->tokens_per_s), human_count(b, r->tokens_per_s_device));
	str_addf(out, "Compute   %.0f TFLOP/s a device, MFU %.1f %% of the %s peak (6N + causal attention); hardware %.0f TFLOP/s, %.1f %%\n\n",
		 r->tflops_per_device, 100 * r->mfu, r->peak_format, r->hardware_tflops_per_device, 100 * r->hfu);
}

static void bars(const char *title, const struct line *lines, size_t count, double whole, bool bytes, const struct term *term, struct str *out)
{
	char a[FORMAT_ROOM];

	term_add(out, term, STYLE_STRONG, title);
	str_add(out, "\n");
	for (size_t i = 0; i < count; i++) {
		if (!(lines[i].value > 1e-9 * whole))
			continue;
		str_addf(out, "  %-22s %10s  %5.1f %%  ", lines[i].what, bytes ? human_bytes(a, lines[i].value) : human_seconds(a, lines[i].value),
			 100 * lines[i].value / whole);
		term_bar(out, term, STYLE_HUE + (int)(i % 8), fmin(1, lines[i].value / whole), 24);
		str_add(out, "\n");
	}
	str_add(out, "\n");
}

static void weeks(const struct train_result *r, const struct term *term, struct str *out)
{
	const struct train_reliability *f = &r->reliability;
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[FORMAT_ROOM];

	term_add(out, term, STYLE_STRONG, "The job");
	str_add(out, "\n");
	if (isnan(r->tokens)) {
		str_add(out, "  no number of tokens given (--tokens): one step only\n");
	} else {
		str_addf(out, "  %s tokens in %s steps: %.1f days (%.1f to %.1f over failures), %s device-hours\n", human_count(a, r->tokens),
			 human_count(b, r->steps), r->hours / 24, f->hours_p5 / 24, f->hours_p95 / 24, human_count(c, r->device_hours));
		str_addf(out, "  loss by the scaling law %.3f\n", r->loss);
	}
	if (isfinite(f->mtbf_s))
		str_addf(out, "  a failure every %.1f h; checkpoint of %s stops %s every %s; %.1f %% of the time is productive (closed form %.1f %%)\n",
			 f->mtbf_s / 3600, human_bytes(a, f->checkpoint_bytes), human_seconds(b, f->checkpoint_s), human_seconds(c, f->interval_s),
			 100 * f->effective, 100 * f->closed_form);
	if (!isnan(r->usd_per_hour)) {
		str_addf(out, "  %s an hour (%s), %s a million tokens", format_usd(a, r->usd_per_hour), r->price_kind, format_usd(b, r->usd_per_1m_tokens));
		if (!isnan(r->usd))
			str_addf(out, ", %s in all", format_usd(c, r->usd));
		str_add(out, "\n");
	} else {
		str_add(out, "  no price is known for this device (--set price.usd_per_device_hour=...)\n");
	}
	str_addf(out, "  %.2f MW, %.3g J a token", r->mean_power_w / 1e6, r->joules_per_token);
	if (!isnan(r->kwh))
		str_addf(out, ", %s MWh in all", human_count(a, r->kwh / 1000));
	str_add(out, "\n\n");
}

bool train_text(const struct train_result *r, const struct term *term, struct str *out, struct err *err)
{
	const struct train_breakdown *b = &r->breakdown;
	const struct train_memory_row *m = &r->memory;
	const struct line times[] = {
		{ "arithmetic", b->compute }, { "recomputation", b->recompute }, { "tensor parallel", b->tp_comm }, { "expert parallel", b->ep_comm },
		{ "context parallel", b->cp_comm }, { "pipeline wait", b->pp_bubble }, { "data parallel", b->dp_comm }, { "optimizer", b->optimizer },
		{ "data loading", b->data }, { "host", b->host }, { "waiting for the slowest", b->straggler },
		{ "host memory", b->offload },
	};
	const struct line bytes[] = { { "weights", m->weights }, { "gradients", m->gradients }, { "optimizer state", m->optimizer },
				      { "activations", m->activations }, { "buffers", m->buffers } };
	char a[FORMAT_ROOM], c[FORMAT_ROOM], title[128];

	head(r, term, out);
	rates(r, term, out);
	bars("Where the step goes", times, COUNT_OF(times), r->step_s, false, term, out);
	snprintf(title, sizeof(title), "Memory of the fullest device: %s of %s", human_bytes(a, m->peak_bytes), human_bytes(c, m->capacity_bytes));
	bars(title, bytes, COUNT_OF(bytes), m->capacity_bytes, true, term, out);
	weeks(r, term, out);
	str_addf(out, "Trust  %.1f %% expected error of operator times; %.1f %% measured, %.1f %% fitted, %.1f %% analytic\n", 100 * r->expected_rel_error,
		 100 * r->share_measured, 100 * r->share_fitted, 100 * r->share_analytic);
	for (size_t i = 0; i < r->note_count; i++)
		str_addf(out, "Note   %s\n", r->notes[i]);
	for (size_t i = 0; i < r->not_modelled_count; i++)
		str_addf(out, "Not modelled  %s\n", r->not_modelled[i]);
	return out->failed ? err_memory(err) : true;
}
