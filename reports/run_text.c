#include "reports/run_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reports/format.h"
#include "reports/utf8.h"

enum { LABEL = 14, WIDEST = 100, TOP_OPERATORS = 8, NOTES_MOST = 5 };

/* One output in progress: sections begin with a label in a column of its own. */
struct page {
	const struct result *r;
	struct term term;
	struct str *out;
	size_t at;                     /* column reached on the current line */
};

static void newline(struct page *p)
{
	str_add(p->out, "\n");
	p->at = 0;
}

static void blanks(struct page *p, size_t until)
{
	for (; p->at < until; p->at++)
		str_add(p->out, " ");
}

static void say(struct page *p, int style, const char *text)
{
	struct str clean = { 0 };

	utf8_add(&clean, text);
	term_add(p->out, &p->term, style, str_text(&clean));
	p->at += utf8_width(str_text(&clean));
	str_release(&clean);
}

static void label(struct page *p, const char *name)
{
	say(p, STYLE_STRONG, name);
	blanks(p, LABEL);
}

/* A value and what it is, as one unbroken piece; continues below the first when the line is full. */
static void item(struct page *p, int style, const char *value, const char *what)
{
	const char *dot = p->term.utf8 ? " \xc2\xb7 " : "; ";
	size_t need = utf8_width(value) + (*what ? 1 + utf8_width(what) : 0);

	if (p->at > LABEL && p->at + 3 + need > p->term.width) {
		newline(p);
		blanks(p, LABEL);
	}
	if (p->at > LABEL)
		say(p, STYLE_FAINT, dot);
	say(p, style, value);
	if (*what) {
		say(p, STYLE_PLAIN, " ");
		say(p, STYLE_PLAIN, what);
	}
}

static void itemf(struct page *p, int style, const char *value, const char *fmt, ...) PRINTF_LIKE(4, 5);
static void itemf(struct page *p, int style, const char *value, const char *fmt, ...)
{
	struct str what = { 0 };
	va_list args;

	va_start(args, fmt);
	str_vaddf(&what, fmt, args);
	va_end(args);
	if (what.failed)
		p->out->failed = true;
	item(p, style, value, str_text(&what));
	str_release(&what);
}

/* Text broken at blanks, hanging under its first line. */
static void paragraph(struct page *p, int style, const char *text)
{
	size_t from = p->at;

	while (*text) {
		size_t n = strcspn(text, " ");
		struct str word = { 0 };

		str_add_bytes(&word, text, n);
		if (p->at > from && p->at + 1 + utf8_width(str_text(&word)) > p->term.width) {
			newline(p);
			blanks(p, from);
		}
		if (p->at > from)
			say(p, STYLE_PLAIN, " ");
		say(p, style, str_text(&word));
		str_release(&word);
		text += n + strspn(text + n, " ");
	}
}

static void title(struct page *p)
{
	const struct result *r = p->r;
	char a[FORMAT_ROOM], b[FORMAT_ROOM];

	paragraph(p, STYLE_STRONG, r->title ? r->title : "serving simulation");
	newline(p);
	say(p, STYLE_PLAIN, format_number(a, r->completed));
	say(p, STYLE_PLAIN, " of ");
	say(p, STYLE_PLAIN, format_number(b, r->requests));
	say(p, STYLE_PLAIN, " requests completed in ");
	say(p, STYLE_PLAIN, human_seconds(a, r->duration_s));
	say(p, STYLE_PLAIN, " of simulated time");
	if (r->rejected > 0) {
		say(p, STYLE_PLAIN, ", ");
		say(p, STYLE_WARN, format_number(a, r->rejected));
		say(p, STYLE_WARN, " rejected");
	}
	newline(p);
	newline(p);
}

static bool latency(struct page *p, struct err *err)
{
	static const struct table_column columns[] = {
		{ "Latency", false }, { "    mean", true }, { "     p50", true }, { "     p90", true },
		{ "     p95", true }, { "     p99", true }, { "     max", true },
	};
	const struct { const char *name; const struct dist *d; } rows[] = {
		{ "TTFT   first token", &p->r->ttft_s }, { "TPOT   later tokens", &p->r->tpot_s },
		{ "ITL    token gaps", &p->r->itl_s }, { "E2E    whole request", &p->r->e2e_s },
		{ "Queue  before start", &p->r->queue_s },
	};
	struct table *t = table_new(columns, COUNT_OF(columns));
	bool ok;

	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const double values[] = { rows[i].d->mean, rows[i].d->p50, rows[i].d->p90,
					  rows[i].d->p95,  rows[i].d->p99, rows[i].d->max };

		table_cell(t, STYLE_PLAIN, rows[i].name);
		for (size_t c = 0; c < COUNT_OF(values); c++) {
			char buf[FORMAT_ROOM];

			table_cell(t, STYLE_PLAIN, rows[i].d->count > 0 ? human_seconds(buf, values[c]) : "-");
		}
	}
	ok = table_print(t, &p->term, 0, p->out, err);
	table_free(t);
	newline(p);
	return ok;
}

static void throughput(struct page *p)
{
	const struct result *r = p->r;
	char buf[FORMAT_ROOM], more[FORMAT_ROOM];

	label(p, "Throughput");
	item(p, STYLE_STRONG, format_number(buf, r->output_throughput), "output tokens/s");
	item(p, STYLE_PLAIN, format_number(buf, r->total_token_throughput), "with prompts");
	item(p, STYLE_PLAIN, format_number(buf, r->request_throughput), "requests/s");
	if (!isnan(r->goodput_rps))
		item(p, STYLE_PLAIN, format_number(buf, r->goodput_rps), "requests/s within SLO");
	newline(p);
	label(p, "Batch");
	itemf(p, STYLE_PLAIN, format_number(buf, r->batch_size_mean), "requests and %s tokens an iteration",
	      format_number(more, r->batch_tokens_mean));
	itemf(p, STYLE_PLAIN, format_number(buf, r->running_mean), "running, %s waiting",
	      format_number(more, r->waiting_mean));
	item(p, r->preemptions > 0 ? STYLE_WARN : STYLE_PLAIN, format_number(buf, r->preemptions), "preemptions");
	newline(p);
	label(p, "Use");
	item(p, STYLE_PLAIN, format_share(buf, r->mfu), "of peak FLOP/s");
	item(p, STYLE_PLAIN, format_share(buf, r->mbu), "of peak bandwidth");
	itemf(p, r->kv_utilization_peak > 0.98 ? STYLE_WARN : STYLE_PLAIN, format_share(buf, r->kv_utilization_mean),
	      "of KV blocks, peak %s", format_share(more, r->kv_utilization_peak));
	if (r->cached_prompt_tokens > 0)
		item(p, STYLE_PLAIN, format_share(buf, r->prefix_hit_rate), "of prompt tokens cached");
	newline(p);
	newline(p);
}

/* Cells of the bar for one component; shades tell neighbours apart where there is no colour. */
static void memory_cells(struct page *p, size_t index, size_t count)
{
	static const char *const shades[] = { "\xe2\x96\x88", "\xe2\x96\x93", "\xe2\x96\x92", "\xe2\x96\x91" };
	static const char *const letters[] = { "#", "=", "+", "-", "*", "o", "x", "~" };

	const char *one = !p->term.utf8 ? letters[index % COUNT_OF(letters)] :
			  p->term.color ? shades[0] : shades[index % COUNT_OF(shades)];
	struct str cells = { 0 };

	for (size_t i = 0; i < count; i++)
		str_add(&cells, one);
	say(p, STYLE_HUE + (int)index, str_text(&cells));
	str_release(&cells);
}

static void memory(struct page *p)
{
	const struct result *r = p->r;
	double capacity = r->capacity_bytes, used = 0, end = 0;
	char buf[FORMAT_ROOM], more[FORMAT_ROOM];
	size_t columns = p->term.width - LABEL, drawn = 0;

	for (size_t i = 0; i < r->memory_count; i++)
		used += r->memory[i].bytes;
	if (!(capacity > 0) || !isfinite(used) || r->memory_count == 0)
		return;
	label(p, "Memory");
	itemf(p, STYLE_PLAIN, human_bytes(buf, r->peak_bytes), "of %s on each device", human_bytes(more, capacity));
	item(p, STYLE_PLAIN, human_bytes(buf, r->kv_bytes_per_token), "of KV a token");
	if (r->kv_blocks > 0 && r->block_tokens > 0)
		item(p, STYLE_PLAIN, format_number(buf, (double)(r->kv_blocks * r->block_tokens)), "tokens fit");
	newline(p);
	blanks(p, LABEL);
	for (size_t i = 0; i < r->memory_count; i++) {
		size_t until;

		end += r->memory[i].bytes;
		until = (size_t)lround(fmin(1, end / fmax(capacity, used)) * (double)columns);
		memory_cells(p, i, until > drawn ? until - drawn : 0);
		drawn = until > drawn ? until : drawn;
	}
	for (; drawn < columns; drawn++)
		say(p, STYLE_FAINT, p->term.utf8 ? "\xc2\xb7" : ".");
	newline(p);
	blanks(p, LABEL);
	for (size_t i = 0; i < r->memory_count; i++) {
		if (!(r->memory[i].bytes > 0))
			continue;
		if (p->at > LABEL && p->at + 15 + utf8_width(r->memory[i].what) > p->term.width) {
			newline(p);
			blanks(p, LABEL);
		}
		blanks(p, p->at > LABEL ? p->at + 3 : LABEL);
		memory_cells(p, i, 1);
		say(p, STYLE_PLAIN, " ");
		say(p, STYLE_PLAIN, r->memory[i].what);
		say(p, STYLE_PLAIN, " ");
		say(p, STYLE_PLAIN, human_bytes(buf, r->memory[i].bytes));
	}
	newline(p);
	newline(p);
}

/* The rows that take most time, longest first, by insertion into a short list. */
static size_t top_operators(const struct result *r, const struct operator_row **top)
{
	size_t n = 0;

	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];
		size_t k = n;

		while (k > 0 && top[k - 1]->seconds < o->seconds)
			k--;
		if (k == TOP_OPERATORS)
			continue;
		n += n < TOP_OPERATORS;
		memmove(&top[k + 1], &top[k], (n - k - 1) * sizeof(*top));
		top[k] = o;
	}
	return n;
}

static bool operators(struct page *p, struct err *err)
{
	static const struct table_column columns[] = {
		{ "Time in", false },  { "share", true },        { "", false },     { "   total", true },
		{ "bound by", false }, { "priced from", false }, { "error", true },
	};
	const struct operator_row *top[TOP_OPERATORS];
	size_t n = top_operators(p->r, top);
	struct table *t;
	double rest = 1;
	size_t bar_columns = p->term.width >= 92 ? 20 : p->term.width > 78 ? p->term.width - 72 : 6;
	bool ok;

	if (n == 0)
		return true;
	t = table_new(columns, COUNT_OF(columns));
	if (!t)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		struct str bar = { 0 };
		struct term plain = { .utf8 = p->term.utf8 };
		char buf[FORMAT_ROOM];

		rest -= top[i]->share;
		term_bar(&bar, &plain, STYLE_PLAIN, top[i]->share / fmax(top[0]->share, 1e-9), bar_columns);
		table_cell(t, STYLE_PLAIN, top[i]->label);
		table_cell(t, STYLE_PLAIN, format_share(buf, top[i]->share));
		table_cell(t, STYLE_HUE, str_text(&bar));
		table_cell(t, STYLE_PLAIN, human_seconds(buf, top[i]->seconds));
		table_cell(t, STYLE_PLAIN, top[i]->bound);
		table_cell(t, STYLE_PLAIN, top[i]->provider);
		table_cell(t, STYLE_PLAIN, format_share(buf, top[i]->rel_error));
		str_release(&bar);
	}
	if (p->r->operator_count > n) {
		table_cellf(t, STYLE_FAINT, "%zu more", p->r->operator_count - n);
		table_cellf(t, STYLE_FAINT, "%.1f %%", 100 * fmax(0, rest));
		for (size_t c = 2; c < COUNT_OF(columns); c++)
			table_cell(t, STYLE_PLAIN, "");
	}
	ok = table_print(t, &p->term, 0, p->out, err);
	table_free(t);
	newline(p);
	return ok;
}

static void money(struct page *p)
{
	const struct result *r = p->r;
	char buf[FORMAT_ROOM];

	if (isfinite(r->usd_per_hour) && r->usd_per_hour > 0) {
		label(p, "Cost");
		item(p, STYLE_STRONG, format_usd(buf, r->usd_per_1m_output_tokens), "a million output tokens");
		item(p, STYLE_PLAIN, format_usd(buf, r->usd_per_1m_tokens), "a million tokens");
		item(p, STYLE_PLAIN, format_usd(buf, r->usd_per_hour), "an hour");
		if (r->price_kind)
			item(p, STYLE_FAINT, r->price_kind, "");
		newline(p);
	}
	if (isfinite(r->joules) && r->joules > 0) {
		label(p, "Energy");
		item(p, STYLE_PLAIN, format_energy(buf, r->joules_per_output_token), "an output token");
		item(p, STYLE_PLAIN, human_rate(buf, r->mean_power_w, "W"), "mean");
		item(p, STYLE_PLAIN, format_energy(buf, r->joules), "in all");
		newline(p);
	}
}

/* What the figures may be where operator times err as they are expected to: simulated, or in proportion. */
static void interval(struct page *p)
{
	static const char *const shown[] = { "ttft_s.p50", "ttft_s.p99", "tpot_s.p50", "e2e_s.p50", "output_throughput",
					     "cost.usd_per_1m_output_tokens", NULL };
	static const char *const labels[] = { "TTFT p50", "TTFT p99", "TPOT p50", "E2E p50", "output", "a million output tokens" };
	const struct result *r = p->r;
	char low[FORMAT_ROOM], high[FORMAT_ROOM], both[2 * FORMAT_ROOM];

	if (!r->slower)
		return;
	label(p, "80 % interval");
	for (size_t i = 0; shown[i]; i++) {
		const struct metric *m = metric_find(shown[i]);
		double a, b;

		if (!metric_interval(m, r, &a, &b) || !isfinite(a) || !isfinite(b))
			continue;
		snprintf(both, sizeof(both), "%s to %s", format_metric(low, m, a), format_metric(high, m, b));
		itemf(p, STYLE_PLAIN, both, "%s", labels[i]);
	}
	newline(p);
}

static void trust(struct page *p)
{
	const struct result *r = p->r;
	char buf[2 * FORMAT_ROOM], fitted[FORMAT_ROOM], analytic[FORMAT_ROOM];
	int style = r->expected_rel_error <= 0.1 ? STYLE_GOOD : r->expected_rel_error <= 0.25 ? STYLE_WARN : STYLE_BAD;

	label(p, "Trust");
	item(p, style, format_share(buf, r->expected_rel_error), "expected error of times");
	itemf(p, STYLE_PLAIN, format_share(buf, r->share_measured), "measured, %s fitted, %s analytic",
	      format_share(fitted, r->share_fitted), format_share(analytic, r->share_analytic));
	if (r->extrapolated_share > 0)
		item(p, r->extrapolated_share > 0.2 ? STYLE_WARN : STYLE_PLAIN,
		     format_share(buf, r->extrapolated_share), "extrapolated");
	newline(p);
	interval(p);
}

static void slos(struct page *p)
{
	const struct result *r = p->r;
	char value[FORMAT_ROOM], target[FORMAT_ROOM], text[3 * FORMAT_ROOM];

	if (r->slo_count == 0)
		return;
	label(p, r->slos_met ? "SLOs met" : "SLOs missed");
	for (size_t i = 0; i < r->slo_count; i++) {
		const struct slo_row *s = &r->slos[i];
		const char *sign = s->met ? (p->term.utf8 ? "\xe2\x89\xa4" : "<=") : ">";

		snprintf(text, sizeof(text), "%s %s %s%s", human_seconds(value, s->value_s), sign,
			 human_seconds(target, s->target_s), s->met ? "" : " missed");
		item(p, s->met ? STYLE_GOOD : STYLE_BAD, s->name, text);
	}
	newline(p);
}

static void lines(struct page *p, const char *name, const char *const *texts, size_t count, int style)
{
	for (size_t i = 0; i < count && i < NOTES_MOST; i++) {
		label(p, i ? "" : name);
		paragraph(p, style, texts[i] ? texts[i] : "");
		newline(p);
	}
	if (count > NOTES_MOST) {
		label(p, "");
		term_addf(p->out, &p->term, STYLE_FAINT, "and %zu more; --json lists all", count - NOTES_MOST);
		newline(p);
	}
}

static void speed(struct page *p)
{
	const struct result *r = p->r;
	char buf[FORMAT_ROOM];

	label(p, "Simulated");
	item(p, STYLE_FAINT, human_seconds(buf, r->wall_s), "real time");
	item(p, STYLE_FAINT, human_count(buf, r->requests_per_s), "requests/s");
	item(p, STYLE_FAINT, human_count(buf, r->iterations), "iterations");
	item(p, STYLE_FAINT, human_count(buf, r->events), "events");
	if (r->peak_rss_bytes > 0)
		item(p, STYLE_FAINT, human_bytes(buf, r->peak_rss_bytes), "of memory");
	if (*r->run_id) {
		snprintf(buf, sizeof(buf), "%.8s", r->run_id);
		item(p, STYLE_FAINT, "run", buf);
	}
	newline(p);
}

bool run_text(const struct result *r, const struct term *term, struct str *out, struct err *err)
{
	struct page p = { .r = r, .term = *term, .out = out };

	p.term.width = term->width < WIDEST ? (term->width > 60 ? term->width : 60) : WIDEST;
	title(&p);
	if (!latency(&p, err))
		return false;
	throughput(&p);
	memory(&p);
	if (!operators(&p, err))
		return false;
	money(&p);
	trust(&p);
	slos(&p);
	lines(&p, "Note", r->notes, r->note_count, STYLE_PLAIN);
	lines(&p, "Not modelled", r->not_modelled, r->not_modelled_count, STYLE_WARN);
	speed(&p);
	return !out->failed || err_memory(err);
}
