#include "reports/run_json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reports/metric.h"
#include "reports/utf8.h"

/* Bytes that are not UTF-8 would make the document unreadable, so they become U+FFFD; \n and \t keep their meaning. */
void json_clean(struct json *j, const char *key, const char *text)
{
	struct str clean = { 0 };

	if (!text) {
		json_text(j, key, NULL);
		return;
	}
	for (size_t n; *text; text += n) {
		if (utf8_next(text, &n) == 0xfffd)
			str_add(&clean, "\xef\xbf\xbd");
		else
			str_add_bytes(&clean, text, n);
	}
	if (clean.failed)
		j->out->failed = true;
	json_text(j, key, str_text(&clean));
	str_release(&clean);
}

/* The JSON grammar of a number, held to what readers take: a finite double, or an integer of 64 bits. */
static bool is_number(const char *text)
{
	const char *p = text + (*text == '-');
	double value;
	int64_t whole;
	bool integer = true;

	if (!isdigit((unsigned char)*p) || (p[0] == '0' && isdigit((unsigned char)p[1])))
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.') {
		integer = false;
		if (!isdigit((unsigned char)*++p))
			return false;
		while (isdigit((unsigned char)*p))
			p++;
	}
	if (*p == 'e' || *p == 'E') {
		integer = false;
		p += 1 + (p[1] == '+' || p[1] == '-');
		if (!isdigit((unsigned char)*p))
			return false;
		while (isdigit((unsigned char)*p))
			p++;
	}
	if (*p)
		return false;
	return integer ? text_to_int64(text, &whole) : text_to_double(text, &value);
}

static void scenario_leaf(struct json *j, const char *key, const char *value)
{
	if (value && is_number(value))
		json_raw(j, key, value);
	else if (text_equal(value, "yes") || text_equal(value, "true"))
		json_bool(j, key, true);
	else if (text_equal(value, "no") || text_equal(value, "false"))
		json_bool(j, key, false);
	else
		json_clean(j, key, value);
}

enum { DEEPEST = 24, SEGMENT = 128 };

/* One level of the path tree: entries [0, count) that share the first `skip` bytes of their paths. */
struct level {
	const struct key_value *inputs;
	size_t count, skip;
	const char *prefix;            /* the shared bytes */
};

static bool below(const struct level *l, size_t i)
{
	return l->inputs[i].key && strncmp(l->inputs[i].key, l->prefix, l->skip) == 0;
}

/* Bytes of the next path segment; the rest of the path when it is too deep or too long to split further. */
static size_t segment(const char *rest, int depth)
{
	size_t n = strcspn(rest, ".");

	return depth >= DEEPEST || n == 0 || n >= SEGMENT ? strlen(rest) : n;
}

static bool first_of_segment(const struct level *l, size_t i, size_t n)
{
	for (size_t k = 0; k < i; k++)
		if (below(l, k) && strncmp(l->inputs[k].key, l->inputs[i].key, l->skip + n) == 0 &&
		    strchr(".", l->inputs[k].key[l->skip + n]))
			return false;
	return true;
}

/* Keys 0, 1, 2 ... in that order, each with members of its own, are the entries of a repeated element. */
static bool is_list(const struct level *l, int depth)
{
	int64_t next = 0, index;
	char word[SEGMENT];

	for (size_t i = 0; i < l->count; i++) {
		const char *rest = below(l, i) ? l->inputs[i].key + l->skip : NULL;
		size_t n = rest ? segment(rest, depth) : 0;

		if (!rest || !first_of_segment(l, i, n))
			continue;
		if (n >= sizeof(word) || rest[n] != '.')
			return false;
		memcpy(word, rest, n);
		word[n] = '\0';
		if (!isdigit((unsigned char)*word) || !text_to_int64(word, &index) || index != next++)
			return false;
	}
	return next > 0;
}

static void scenario_level(struct json *j, const char *key, const struct level *l, int depth)
{
	bool list = is_list(l, depth);

	if (list)
		json_array(j, key);
	else
		json_object(j, key);
	for (size_t i = 0; i < l->count; i++) {
		const char *rest = below(l, i) ? l->inputs[i].key + l->skip : NULL;
		size_t n = rest ? segment(rest, depth) : 0;
		char word[SEGMENT];

		if (!rest || !first_of_segment(l, i, n))
			continue;
		if (rest[n] == '\0') {
			scenario_leaf(j, rest, l->inputs[i].value);
		} else {
			struct level inner = { l->inputs, l->count, l->skip + n + 1, l->inputs[i].key };

			memcpy(word, rest, n);
			word[n] = '\0';
			scenario_level(j, list ? NULL : word, &inner, depth + 1);
		}
	}
	json_end(j);
}

static void scenario(struct json *j, const struct result *r)
{
	struct level top = { r->scenario, r->scenario_count, 0, "" };

	if (r->scenario_count)
		scenario_level(j, "scenario", &top, 0);
	else {
		json_object(j, "scenario");
		json_end(j);
	}
}

/* The metrics of one top-level object; the object stays open for what else belongs there. */
static void metric_object_as(struct json *j, const char *key, const char *group, const struct result *r)
{
	size_t n = strlen(group);
	char open[64] = "";            /* the nested object that is open: "ttft_s" */

	json_object(j, key);
	for (const struct metric *m = metrics; m->path; m++) {
		const char *name = m->path + n + 1, *dot;
		size_t inner;

		if (strncmp(m->path, group, n) != 0 || m->path[n] != '.')
			continue;
		dot = strchr(name, '.');
		inner = dot ? (size_t)(dot - name) : 0;
		if (*open && (strlen(open) != inner || strncmp(open, name, inner) != 0)) {
			json_end(j);
			*open = '\0';
		}
		if (dot && !*open && inner < sizeof(open)) {
			memcpy(open, name, inner);
			open[inner] = '\0';
			json_object(j, open);
		}
		json_number(j, dot ? dot + 1 : name, metric_get(m, r));
	}
	if (*open)
		json_end(j);
}

static void metric_object(struct json *j, const char *group, const struct result *r)
{
	metric_object_as(j, group, group, r);
}

static void texts(struct json *j, const char *key, const char *const *lines, size_t count)
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++)
		json_clean(j, NULL, lines[i]);
	json_end(j);
}

static void dist(struct json *j, const char *key, const struct dist *d)
{
	json_object(j, key);
	json_number(j, "mean", d->mean);
	json_number(j, "p50", d->p50);
	json_number(j, "p90", d->p90);
	json_number(j, "p95", d->p95);
	json_number(j, "p99", d->p99);
	json_number(j, "max", d->max);
	json_number(j, "min", d->min);
	json_number(j, "count", d->count);
	json_end(j);
}

static void memory(struct json *j, const struct result *r)
{
	metric_object(j, "memory", r);
	json_array(j, "components");
	for (size_t i = 0; i < r->memory_count; i++) {
		json_object(j, NULL);
		json_clean(j, "what", r->memory[i].what);
		json_number(j, "bytes", r->memory[i].bytes);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void slos(struct json *j, const struct result *r)
{
	if (r->slo_count)
		json_bool(j, "slos_met", r->slos_met);
	else
		json_text(j, "slos_met", NULL);
	json_array(j, "slos");
	for (size_t i = 0; i < r->slo_count; i++) {
		json_object(j, NULL);
		json_clean(j, "name", r->slos[i].name);
		json_number(j, "target_s", r->slos[i].target_s);
		json_number(j, "value_s", r->slos[i].value_s);
		json_bool(j, "met", r->slos[i].met);
		json_end(j);
	}
	json_end(j);
}

static void operators(struct json *j, const struct result *r)
{
	json_array(j, "operators");
	for (size_t i = 0; i < r->operator_count; i++) {
		const struct operator_row *o = &r->operators[i];

		json_object(j, NULL);
		json_clean(j, "label", o->label);
		json_clean(j, "kind", o->kind);
		json_clean(j, "bound", o->bound);
		json_clean(j, "provider", o->provider);
		json_number(j, "seconds", o->seconds);
		json_number(j, "share", o->share);
		json_number(j, "flops", o->flops);
		json_number(j, "bytes", o->bytes);
		json_number(j, "calls", o->calls);
		json_number(j, "expected_rel_error", o->rel_error);
		json_end(j);
	}
	json_end(j);
}

static void classes(struct json *j, const struct result *r)
{
	json_array(j, "classes");
	for (size_t i = 0; i < r->class_count; i++) {
		const struct class_row *c = &r->classes[i];

		json_object(j, NULL);
		json_clean(j, "name", c->name);
		json_number(j, "requests", c->requests);
		json_number(j, "completed", c->completed);
		json_number(j, "goodput_rps", c->goodput_rps);
		dist(j, "ttft_s", &c->ttft_s);
		dist(j, "tpot_s", &c->tpot_s);
		dist(j, "e2e_s", &c->e2e_s);
		json_end(j);
	}
	json_end(j);
	json_array(j, "replicas");
	for (size_t i = 0; i < r->replica_count; i++) {
		const struct replica_row *p = &r->replica_rows[i];

		json_object(j, NULL);
		json_int(j, "replica", p->replica);
		json_clean(j, "pool", p->pool);
		json_int(j, "requests", p->requests);
		json_int(j, "preemptions", p->preemptions);
		json_number(j, "busy_share", p->busy_share);
		json_number(j, "kv_peak", p->kv_peak);
		json_end(j);
	}
	json_end(j);
}

/* Columns, not rows: a plotting program reads them as they are, and the keys are not repeated 512 times. */
static void series(struct json *j, const struct series *s)
{
#define COLUMN(name) \
	json_array(j, #name); \
	for (size_t i = 0; i < s->count; i++) \
		json_number(j, NULL, s->at[i].name); \
	json_end(j)

	json_object(j, "series");
	json_number(j, "bucket_s", s->bucket_s);
	COLUMN(t_s);
	COLUMN(batch_size);
	COLUMN(batch_tokens);
	COLUMN(kv_utilization);
	COLUMN(waiting);
	COLUMN(running);
	COLUMN(ttft_s);
	COLUMN(tpot_s);
	COLUMN(output_tokens_s);
	COLUMN(arrivals_s);
	json_end(j);
#undef COLUMN
}

static void cdfs(struct json *j, const struct result *r)
{
	const struct { const char *name; const double *values; } curves[] = { { "ttft_s", r->cdf_ttft_s },
		{ "tpot_s", r->cdf_tpot_s }, { "itl_s", r->cdf_itl_s }, { "e2e_s", r->cdf_e2e_s } };

	json_object(j, "cdf");
	json_number(j, "quantile_step", 1.0 / (CDF_POINTS - 1));
	for (size_t c = 0; c < COUNT_OF(curves); c++) {
		if (!curves[c].values)
			continue;
		json_array(j, curves[c].name);
		for (size_t i = 0; i < CDF_POINTS; i++)
			json_number(j, NULL, curves[c].values[i]);
		json_end(j);
	}
	json_end(j);
}

/* Of the interval: what it covers, and where it comes from. */
static void interval(struct json *j, const struct result *r)
{
	if (!r->slower)
		return;
	json_object(j, "interval");
	json_number(j, "coverage", 0.8);
	json_number(j, "rel_error", r->interval_rel_error);
	json_text(j, "of", "operator times, and what whole runs were off by beside them: the run simulated again with all times over and times 1 + rel_error; ends of first tokens are further");
	json_end(j);
}

/* "metrics_low", "metrics_high" and the same of cost and energy: every figure's least and largest value over the interval. */
static void bounds(struct json *j, const struct result *r)
{
	static const char *const groups[] = { "metrics", "cost", "energy" };
	struct result side[2] = { *r, *r };

	if (!r->slower)
		return;
	for (const struct metric *m = metrics; m->path; m++) {
		double low = NAN, high = NAN;

		(void)metric_interval(m, r, &low, &high);
		metric_set(m, &side[0], low);
		metric_set(m, &side[1], high);
	}
	for (size_t g = 0; g < COUNT_OF(groups); g++)
		for (int high = 0; high < 2; high++) {
			char key[32];

			snprintf(key, sizeof(key), "%s_%s", groups[g], high ? "high" : "low");
			metric_object_as(j, key, groups[g], &side[high]);
			json_end(j);
		}
}

/* A part that nobody can buy yet is said in a note, which databases keep. */
static bool is_announced(const struct result *r)
{
	for (size_t i = 0; i < r->note_count; i++)
		if (strstr(r->notes[i], " is announced, not shipping"))
			return true;
	return false;
}

void run_json_value(struct json *j, const char *key, const struct result *r, const struct run_json_options *options)
{
	json_object(j, key);
	json_text(j, "schema", "vibee.run/1");
	json_clean(j, "run_id", *r->run_id ? r->run_id : NULL);
	json_clean(j, "scenario_hash", *r->scenario_hash ? r->scenario_hash : NULL);
	json_clean(j, "title", r->title);
	scenario(j, r);
	json_bool(j, "announced", is_announced(r));
	metric_object(j, "metrics", r);
	json_end(j);
	memory(j, r);
	metric_object(j, "cost", r);
	json_clean(j, "price_kind", r->price_kind);
	json_end(j);
	metric_object(j, "energy", r);
	json_end(j);
	metric_object(j, "confidence", r);
	interval(j, r);
	json_end(j);
	bounds(j, r);
	metric_object(j, "device", r);
	json_end(j);
	metric_object(j, "sim", r);
	json_end(j);
	slos(j, r);
	classes(j, r);
	operators(j, r);
	texts(j, "notes", r->notes, r->note_count);
	texts(j, "not_modelled", r->not_modelled, r->not_modelled_count);
	if (options->series && r->series)
		series(j, r->series);
	if (options->series && (r->cdf_ttft_s || r->cdf_tpot_s || r->cdf_itl_s || r->cdf_e2e_s))
		cdfs(j, r);
	json_end(j);
}

bool run_json(const struct result *r, const struct run_json_options *options, struct str *out, struct err *err)
{
	struct json j;

	json_init(&j, out, options->pretty);
	run_json_value(&j, NULL, r, options);
	return !out->failed || err_memory(err);
}
