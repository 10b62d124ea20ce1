/* A training result as one HTML page: no network, light and dark, the look of the other reports. */
#include <math.h>
#include <stdio.h>

#include "reports/format.h"
#include "reports/markup.h"
#include "reports/page.h"
#include "reports/train_report.h"

static void card(struct str *out, const char *label, const char *value, const char *note)
{
	str_add(out, "<div class=\"card\"><span>");
	markup_add(out, label);
	str_add(out, "</span><b>");
	markup_add(out, value);
	str_add(out, "</b><span>");
	markup_add(out, note);
	str_add(out, "</span></div>\n");
}

static void cards(const struct train_result *r, struct str *out)
{
	char a[FORMAT_ROOM], b[2 * FORMAT_ROOM], c[64];

	str_add(out, "<div class=\"cards\">\n");
	card(out, "Step", human_seconds(a, r->step_s), format_interval_s(b, r->step_s, r->expected_rel_error));
	snprintf(c, sizeof(c), "%s a second a device", human_count(b, r->tokens_per_s_device));
	card(out, "Tokens a second", human_count(a, r->tokens_per_s), c);
	snprintf(c, sizeof(c), "%.0f TFLOP/s a device, %s peak", r->tflops_per_device, r->peak_format);
	card(out, "MFU", format_share(a, r->mfu), c);
	snprintf(c, sizeof(c), "of %s", human_bytes(b, r->memory.capacity_bytes));
	card(out, "Memory", human_bytes(a, r->memory.peak_bytes), c);
	if (!isnan(r->hours)) {
		snprintf(a, sizeof(a), "%.1f days", r->hours / 24);
		snprintf(c, sizeof(c), "%.1f to %.1f over failures", r->reliability.hours_p5 / 24, r->reliability.hours_p95 / 24);
		card(out, "The job", a, c);
	}
	if (!isnan(r->usd))
		card(out, "Cost", format_usd(a, r->usd), r->price_kind);
	str_add(out, "</div>\n");
}

struct row {
	const char *what;
	double value;
};

static void table(struct str *out, const char *first, const char *second, const struct row *rows, size_t count, double whole, bool bytes)
{
	char a[FORMAT_ROOM];

	str_addf(out, "<div class=\"scroll\"><table class=\"sortable\"><thead><tr><th>%s</th><th class=\"n\">%s</th><th class=\"n\">share</th></tr></thead><tbody>\n",
		 first, second);
	for (size_t i = 0; i < count; i++) {
		double share = rows[i].value / whole;

		if (!(share > 1e-6))
			continue;
		str_add(out, "<tr><td>");
		markup_add(out, rows[i].what);
		str_addf(out, "</td><td class=\"n\" data-v=\"%.9g\">%s</td><td class=\"n\" data-v=\"%.9g\"><i class=\"bar\" style=\"width:%.1fem\"></i>%.1f %%</td></tr>\n",
			 rows[i].value, bytes ? human_bytes(a, rows[i].value) : human_seconds(a, rows[i].value), share, 8 * fmin(1, share), 100 * share);
	}
	str_add(out, "</tbody></table></div>\n");
}

static void pairs(struct str *out, const struct key_value *at, size_t count)
{
	str_add(out, "<dl class=\"facts\">\n");
	for (size_t i = 0; i < count; i++) {
		str_add(out, "<div><dt>");
		markup_add(out, at[i].key);
		str_add(out, "</dt><dd>");
		markup_add(out, at[i].value);
		str_add(out, "</dd></div>\n");
	}
	str_add(out, "</dl>\n");
}

static void reliability(const struct train_result *r, struct str *out)
{
	const struct train_reliability *f = &r->reliability;
	char a[FORMAT_ROOM], b[FORMAT_ROOM], c[FORMAT_ROOM];

	page_section(out, "Over weeks");
	if (isfinite(f->mtbf_s))
		str_addf(out, "<p>A failure every %.1f h. A checkpoint of %s stops the job for %s, every %s. %.1f %% of the time is productive "
			 "(%.1f to %.1f %% of 90 in 100 simulated jobs; closed form %.1f %%).</p>\n",
			 f->mtbf_s / 3600, human_bytes(a, f->checkpoint_bytes), human_seconds(b, f->checkpoint_s), human_seconds(c, f->interval_s), 100 * f->effective,
			 100 * f->effective_p5, 100 * f->effective_p95, 100 * f->closed_form);
	str_addf(out, "<p>%.2f MW, %.3g J a token.</p>\n", r->mean_power_w / 1e6, r->joules_per_token);
}

static void body(const struct train_result *r, struct str *out)
{
	const struct train_breakdown *b = &r->breakdown;
	const struct train_memory_row *m = &r->memory;
	const struct row times[] = {
		{ "arithmetic", b->compute }, { "recomputation", b->recompute }, { "tensor parallel", b->tp_comm }, { "expert parallel", b->ep_comm },
		{ "context parallel", b->cp_comm }, { "pipeline wait", b->pp_bubble }, { "data parallel", b->dp_comm }, { "optimizer", b->optimizer },
		{ "data loading", b->data }, { "host", b->host }, { "waiting for the slowest", b->straggler },
		{ "host memory", b->offload },
	};
	const struct row bytes[] = { { "weights", m->weights }, { "gradients", m->gradients }, { "optimizer state", m->optimizer },
				     { "activations", m->activations }, { "buffers", m->buffers } };
	struct err drawn = { 0 };
	struct str figure = { 0 };

	page_section(out, "Where the step goes");
	table(out, "part", "time", times, COUNT_OF(times), r->step_s, false);
	if (r->span_count > 0) {
		page_section(out, "One step over the pipeline");
		if (train_gantt_svg(r, false, &figure, &drawn))
			str_addf(out, "<figure>%s</figure>\n", str_text(&figure));
		else
			markup_addf(out, "%s", drawn.text);
		str_release(&figure);
	}
	page_section(out, "Memory of the fullest device");
	table(out, "what", "bytes", bytes, COUNT_OF(bytes), m->capacity_bytes, true);
	reliability(r, out);
	page_section(out, "How far to trust this");
	str_addf(out, "<p>%.1f %% expected error of operator times; %.1f %% measured, %.1f %% fitted, %.1f %% analytic.</p>\n", 100 * r->expected_rel_error,
		 100 * r->share_measured, 100 * r->share_fitted, 100 * r->share_analytic);
	for (size_t i = 0; i < r->note_count; i++) {
		str_add(out, "<p>");
		markup_add(out, r->notes[i]);
		str_add(out, "</p>\n");
	}
	page_section(out, "What was asked");
	pairs(out, r->scenario, r->scenario_count);
}

static void summary(const struct train_result *r, struct str *out)
{
	str_addf(out, "tp %lld, pp %lld x %lld, cp %lld, ep %lld, dp %lld, ZeRO-%lld; %s, %s; %lld sequences of %lld tokens a step", (long long)r->tp,
		 (long long)r->pp, (long long)r->vp, (long long)r->cp, (long long)r->ep, (long long)r->dp, (long long)r->zero, r->schedule, r->optimizer,
		 (long long)r->global_batch, (long long)r->sequence);
}

bool train_html(const struct train_result *r, struct str *out, struct err *err)
{
	struct str line = { 0 };
	bool ok;

	summary(r, &line);
	ok = page_begin(out, "vibee-sim training report", r->title, str_text(&line), err);
	str_release(&line);
	if (!ok)
		return false;
	cards(r, out);
	body(r, out);
	return page_end(out, err);
}
