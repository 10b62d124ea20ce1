/* ServeGen client models: a folder of chunk-N-trace.csv (rate and gap distribution of each window) and
 * chunk-N-dataset.json (length distributions). Requests are drawn: the files hold no requests. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/paths.h"
#include "base/rng.h"
#include "base/str.h"
#include "workloads/readers/reader.h"
#include "workloads/readers/scan.h"

enum gap_family { GAP_NONE, GAP_GAMMA, GAP_WEIBULL };
struct window {
	double start_s, rate, shape;
	enum gap_family family;
};
struct lengths { /* discrete: value[i] up to share[i] */
	int64_t *value;
	double *share;
	size_t count;
};
struct dataset {
	double start_s;
	struct lengths prompt, output;
};
struct client {
	struct window *windows;
	size_t window_count, window;
	struct dataset *datasets;
	size_t dataset_count, dataset;
	struct rng gaps, lengths;
	double now_s, next_s, left_s;
};
struct servegen_state {
	struct arena *arena;
	struct client *clients;
	size_t client_count;
	double factor, window_s;
};

static bool read_windows(struct servegen_state *s, struct client *c, const char *path, struct err *err)
{
	struct csv *csv = csv_open_headless(path, err);
	size_t capacity = 0;
	bool ok = false;

	if (!csv)
		return false;
	while (csv_next(csv, err)) {
		double v[6] = { 0 };
		const char *family = csv_text(csv, 3);
		struct window *w;

		for (int i = 0; i < 6; i++)
			if (i != 3 && !csv_number(csv, i, &v[i], err))
				goto out;
		if (v[1] < 0 || v[4] < 0 ||
		    (*family && strcmp(family, "Gamma") != 0 && strcmp(family, "Weibull") != 0)) {
			err_set(err, ERR_INPUT,
				"%s:%" PRId64 ": expected start, rate, cv, Gamma or Weibull or nothing, shape, scale",
				path, csv_line(csv));
			goto out;
		}
		if (c->window_count == capacity) {
			struct window *grown = arena_alloc(s->arena, (capacity ? 2 * capacity : 256) * sizeof(*grown));

			if (!grown) {
				err_memory(err);
				goto out;
			}
			if (capacity)
				memcpy(grown, c->windows, capacity * sizeof(*grown));
			c->windows = grown;
			capacity = capacity ? 2 * capacity : 256;
		}
		w = &c->windows[c->window_count++];
		*w = (struct window){ v[0], v[4] > 0 ? v[1] : 0, v[4],
				      *family == 'W' ? GAP_WEIBULL
				      : *family      ? GAP_GAMMA
						     : GAP_NONE };
		if (w->family == GAP_NONE)
			w->rate = 0;
	}
	ok = err->kind == ERR_NONE;
	if (ok && c->window_count == 0)
		ok = err_set(err, ERR_INPUT, "%s:1: empty file, expected windows", path);
out:
	csv_close(csv);
	return ok;
}

/* "{13: 0.49, 14: 0.51}" as a running sum of shares. */
static bool read_lengths(struct servegen_state *s, const char *path, const struct scan_value *v, struct lengths *out,
			 struct err *err)
{
	const char *p = v->text, *end = v->text + v->length;
	size_t most = 1, n = 0;
	double total = 0;

	for (const char *q = p; q < end; q++)
		most += *q == ':';
	out->value = arena_alloc(s->arena, most * sizeof(*out->value));
	out->share = arena_alloc(s->arena, most * sizeof(*out->share));
	if (!out->value || !out->share)
		return err_memory(err);
	while (p < end) {
		char *after;
		double value, share;

		p += strspn(p, "{}, \t");
		if (p >= end || *p == '"')
			break;
		value = strtod(p, &after);
		if (after == p || *after != ':' || n >= most)
			return err_set(err, ERR_INPUT, "%s: \"%.40s\": expected {value: probability, ...}", path, p);
		p = after + 1;
		share = strtod(p, &after);
		if (after == p || !(share >= 0) || !(value >= 0 && value <= TOKENS_MOST))
			return err_set(err, ERR_INPUT, "%s: \"%.40s\": expected a probability", path, p);
		p = after;
		total += share;
		out->value[n] = (int64_t)value;
		out->share[n++] = total;
	}
	for (size_t i = 0; i < n && total > 0; i++)
		out->share[i] /= total;
	out->count = total > 0 ? n : 0;
	return true;
}

static bool read_datasets(struct servegen_state *s, struct client *c, const char *path, struct err *err)
{
	size_t length, capacity = 0;
	char *text = paths_read(path, (size_t)256 << 20, &length, err);
	struct scan_value key, v, name, list;
	struct scan scan, inside;
	bool ok = false;

	if (!text)
		return false;
	if (!scan_begin(&scan, text, length, '{')) {
		err_set(err, ERR_INPUT, "%s:1: not a JSON object", path);
		goto out;
	}
	while (scan_member(&scan, &key, &v) == SCAN_GOT) {
		struct dataset d = { 0 };

		if (!cell_number(key.text, key.length, &d.start_s) || !scan_begin(&inside, v.text, v.length, '{')) {
			err_set(err, ERR_INPUT, "%s: \"%.*s\": expected the start of a window in seconds", path,
				(int)key.length, key.text);
			goto out;
		}
		while (scan_member(&inside, &name, &list) == SCAN_GOT) {
			struct lengths *to = scan_is(&name, "input_tokens")    ? &d.prompt
					     : scan_is(&name, "output_tokens") ? &d.output
									       : NULL;

			if (to && !read_lengths(s, path, &list, to, err))
				goto out;
		}
		if (d.prompt.count == 0 || d.output.count == 0)
			continue;
		if (c->dataset_count == capacity) {
			struct dataset *grown = arena_alloc(s->arena, (capacity ? 2 * capacity : 64) * sizeof(*grown));

			if (!grown) {
				err_memory(err);
				goto out;
			}
			if (capacity)
				memcpy(grown, c->datasets, capacity * sizeof(*grown));
			c->datasets = grown;
			capacity = capacity ? 2 * capacity : 64;
		}
		c->datasets[c->dataset_count++] = d;
	}
	ok = c->dataset_count > 0 || err_set(err, ERR_INPUT, "%s: no window holds lengths", path);
out:
	mem_free(text);
	return ok;
}

static double unit_gap(struct client *c, const struct window *w)
{
	if (w->family == GAP_WEIBULL)
		return rng_weibull(&c->gaps, w->shape, exp(-lgamma(1 + 1 / w->shape)));
	return rng_gamma(&c->gaps, w->shape, 1 / w->shape);
}

/* Next arrival of the client: a gap of unit mean, used up at the rate of each window it passes. */
static void advance(const struct servegen_state *s, struct client *c)
{
	double gap = -1;

	while (c->window < c->window_count) {
		const struct window *w = &c->windows[c->window];
		double rate = w->rate * s->factor, end = w->start_s + s->window_s;

		if (c->now_s < w->start_s)
			c->now_s = w->start_s;
		if (rate > 0) {
			if (gap < 0)
				gap = unit_gap(c, w);
			if (c->now_s + gap / rate < end) {
				c->now_s += gap / rate;
				c->next_s = c->now_s;
				return;
			}
			gap -= (end - c->now_s) * rate;
			if (gap < 0)
				gap = 0;
		}
		c->now_s = end;
		c->window++;
	}
	c->next_s = INFINITY;
}

/* Rates of all windows as a mean over the whole span. */
static double mean_rate(const struct servegen_state *s, double from_s)
{
	double requests = 0, first = INFINITY, last = 0;

	for (size_t i = 0; i < s->client_count; i++) {
		const struct client *c = &s->clients[i];

		for (size_t w = 0; w < c->window_count; w++) {
			if (c->windows[w].start_s < from_s)
				continue;
			requests += c->windows[w].rate * s->window_s;
			first = fmin(first, c->windows[w].start_s);
			last = fmax(last, c->windows[w].start_s + s->window_s);
		}
	}
	return last > first ? requests / (last - first) : 0;
}

static bool open_client(struct reader *r, struct client *c, const char *name, struct err *err)
{
	struct servegen_state *s = r->state;
	char purpose[160];
	const char *windows = arena_printf(s->arena, "%s/%s-trace.csv", r->path, name);
	const char *lengths = arena_printf(s->arena, "%s/%s-dataset.json", r->path, name);

	if (!windows || !lengths)
		return err_memory(err);
	if (!read_windows(s, c, windows, err) || !read_datasets(s, c, lengths, err))
		return false;
	snprintf(purpose, sizeof(purpose), "servegen gaps %.100s", name);
	rng_init(&c->gaps, r->options.seed, purpose);
	snprintf(purpose, sizeof(purpose), "servegen lengths %.100s", name);
	rng_init(&c->lengths, r->options.seed, purpose);
	return name_index(&r->classes, name, strlen(name)) >= 0 || err_memory(err);
}

static bool servegen_open(struct reader *r, struct err *err)
{
	struct servegen_state *s = r->state;
	const char *const *names;
	size_t count;
	double mean;

	s->arena = arena_new();
	if (!s->arena)
		return err_memory(err);
	names = paths_list(r->path, "-trace.csv", &count, s->arena, err);
	if (!names)
		return false;
	if (count == 0)
		return err_set(err, ERR_INPUT, "%s: no chunk-N-trace.csv in this folder", r->path);
	s->clients = arena_alloc(s->arena, count * sizeof(*s->clients));
	if (!s->clients)
		return err_memory(err);
	for (size_t i = 0; i < count; i++, s->client_count++)
		if (!open_client(r, &s->clients[i], names[i], err))
			return false;
	s->window_s = 600;
	if (s->clients[0].window_count > 1)
		s->window_s = s->clients[0].windows[1].start_s - s->clients[0].windows[0].start_s;
	mean = mean_rate(s, r->options.from_s);
	if (!(mean > 0) || !(s->window_s > 0))
		return err_set(err, ERR_INPUT, "%s: no client has a rate in any window", r->path);
	s->factor = r->options.qps > 0 ? r->options.qps / mean : 1;
	for (size_t i = 0; i < count; i++) {
		struct client *c = &s->clients[i];

		while (c->window < c->window_count && c->windows[c->window].start_s < r->options.from_s)
			c->window++;
		advance(s, c);
	}
	r->has_times = true;
	r->sorted = true;
	r->note = "requests are drawn from client models; prompt and answer lengths are independent, reasoning tokens "
		  "count as answer";
	return true;
}

static int64_t draw(struct rng *rng, const struct lengths *l)
{
	double u = rng_uniform(rng);
	size_t low = 0, high = l->count - 1;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (l->share[mid] > u)
			high = mid;
		else
			low = mid + 1;
	}
	return l->value[low];
}

static enum read_status servegen_next(struct reader *r, struct trace_row *row, struct err *err)
{
	struct servegen_state *s = r->state;
	struct client *c = &s->clients[0];

	(void)err;
	for (size_t i = 1; i < s->client_count; i++)
		if (s->clients[i].next_s < c->next_s)
			c = &s->clients[i];
	if (c->next_s == INFINITY)
		return READ_END;
	while (c->dataset + 1 < c->dataset_count && c->datasets[c->dataset + 1].start_s <= c->next_s)
		c->dataset++;
	row->arrival_s = c->next_s;
	row->class_index = (int32_t)(c - s->clients);
	row->prompt_tokens = draw(&c->lengths, &c->datasets[c->dataset].prompt);
	row->output_tokens = draw(&c->lengths, &c->datasets[c->dataset].output);
	advance(s, c);
	return row_tokens(r, row);
}

static void servegen_close(struct reader *r)
{
	struct servegen_state *s = r->state;

	arena_free(s->arena);
}

static bool servegen_match(const struct trace_head *h)
{
	return h->is_folder;
}

const struct reader_ops reader_servegen = {
	.name = "servegen",
	.help = "folder of ServeGen clients: chunk-N-trace.csv and chunk-N-dataset.json",
	.state_bytes = sizeof(struct servegen_state),
	.match = servegen_match,
	.open = servegen_open,
	.next = servegen_next,
	.close = servegen_close
};
