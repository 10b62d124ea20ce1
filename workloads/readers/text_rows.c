/* Files that hold lists rather than rows: ShareGPT conversations, and result files of vLLM's benchmark. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "workloads/readers/reader.h"
#include "workloads/readers/scan.h"

/* ---- ShareGPT: the first question and the first answer of each conversation, as vLLM's benchmark takes them ---- */

struct sharegpt_state {
	struct objects *objects;
	int64_t line;
};

static bool sharegpt_open(struct reader *r, struct err *err)
{
	struct sharegpt_state *s = r->state;

	s->objects = objects_open(r->path, err);
	r->note = "token counts are estimated from the length of the text (chars_per_token) where the file gives none";
	return s->objects != NULL;
}

/* Bytes of the text in UTF-8, escapes undone. */
static int64_t text_bytes(const char *p, size_t length)
{
	const char *end = p + length;
	int64_t n = 0;

	while (p < end) {
		if (*p != '\\') {
			p++;
			n++;
		} else if (p + 5 < end && p[1] == 'u') {
			char hex[5] = { p[2], p[3], p[4], p[5], '\0' };
			unsigned long code = strtoul(hex, NULL, 16);

			n += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
			p += 6;
		} else {
			p += 2;
			n++;
		}
	}
	return n;
}

static int64_t list_length(const struct scan_value *v)
{
	struct scan scan;
	struct scan_value item;
	int64_t n = 0;

	if (!scan_begin(&scan, v->text, v->length, '['))
		return -1;
	while (scan_element(&scan, &item) == SCAN_GOT)
		n++;
	return n;
}

/* Tokens of one message: its own count or list of token ids when there is one, else the estimate. -1: no text. */
static int64_t message_tokens(const struct reader *r, const struct scan_value *message)
{
	struct scan scan;
	struct scan_value key, v;
	int64_t counted = -1, estimated = -1;

	if (!scan_begin(&scan, message->text, message->length, '{'))
		return -1;
	while (scan_member(&scan, &key, &v) == SCAN_GOT) {
		if ((scan_is(&key, "value") || scan_is(&key, "content")) && v.type == SCAN_STRING) {
			double chars = r->options.chars_per_token > 0 ? r->options.chars_per_token : 4;

			estimated = (int64_t)ceil((double)text_bytes(v.text, v.length) / chars);
		} else if ((scan_is(&key, "token_ids") || scan_is(&key, "tokens")) && v.type == SCAN_ARRAY) {
			counted = list_length(&v);
		} else if ((scan_is(&key, "tokens") || scan_is(&key, "num_tokens") || scan_is(&key, "len")) &&
			   v.type == SCAN_NUMBER) {
			if (!cell_tokens(v.text, v.length, &counted))
				return -1;
		}
	}
	return counted >= 0 ? counted : estimated;
}

static enum read_status sharegpt_next(struct reader *r, struct trace_row *row, struct err *err)
{
	struct sharegpt_state *s = r->state;
	struct scan_value key, v, list = { .length = 0 }, first, second;
	struct scan scan;
	enum scan_result got;
	const char *text;
	size_t length;

	text = objects_next(s->objects, &length, err);
	if (!text)
		return err->kind == ERR_NONE ? READ_END : READ_ERROR;
	s->line = row->line = objects_line(s->objects);
	if (!scan_begin(&scan, text, length, '{'))
		return READ_ERROR;
	while ((got = scan_member(&scan, &key, &v)) == SCAN_GOT)
		if ((scan_is(&key, "conversations") || scan_is(&key, "conversation") || scan_is(&key, "messages")) &&
		    v.type == SCAN_ARRAY)
			list = v;
	if (got == SCAN_BAD || list.length == 0) {
		err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s", r->path, s->line,
			got == SCAN_BAD ? "not a well-formed JSON object" : "no list 'conversations'");
		return READ_ERROR;
	}
	if (!scan_begin(&scan, list.text, list.length, '[') || scan_element(&scan, &first) != SCAN_GOT ||
	    scan_element(&scan, &second) != SCAN_GOT) {
		r->drop = "conversation of fewer than two messages";
		return READ_DROP;
	}
	row->prompt_tokens = message_tokens(r, &first);
	row->output_tokens = message_tokens(r, &second);
	if (row->prompt_tokens < 0 || row->output_tokens < 0) {
		r->drop = "message without text";
		return READ_DROP;
	}
	return row_tokens(r, row);
}

static void sharegpt_close(struct reader *r)
{
	struct sharegpt_state *s = r->state;

	objects_close(s->objects);
}

static bool sharegpt_match(const struct trace_head *h)
{
	return head_has_key(h, "conversations") || head_has_key(h, "messages") || head_has_key(h, "conversation");
}

const struct reader_ops reader_sharegpt = { .name = "sharegpt",
					    .help = "ShareGPT JSON: conversations [{from, value}]; lengths only",
					    .state_bytes = sizeof(struct sharegpt_state),
					    .match = sharegpt_match,
					    .open = sharegpt_open,
					    .next = sharegpt_next,
					    .close = sharegpt_close };

/* ---- vLLM bench serve --save-detailed: three lists of equal length ---- */

struct vllm_item {
	double start_s;
	int64_t prompt, output, place;
};
struct vllm_state {
	struct vllm_item *items;
	size_t count, capacity, at;
	int64_t line;
};

static bool read_list(struct reader *r, const char *name, const struct scan_value *v, int column, size_t *count,
		      struct err *err)
{
	struct vllm_state *s = r->state;
	struct scan scan;
	struct scan_value item;
	enum scan_result got;

	*count = 0;
	if (!scan_begin(&scan, v->text, v->length, '['))
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s is no list", r->path, s->line, name);
	while ((got = scan_element(&scan, &item)) == SCAN_GOT) {
		struct vllm_item *to;
		double x;

		if (item.type != SCAN_NUMBER || !cell_number(item.text, item.length, &x) ||
		    (column < 2 && !(x >= 0 && x <= TOKENS_MOST)))
			return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s item %zu is '%.*s', expected a number",
				       r->path, s->line, name, *count, (int)(item.length > 40 ? 40 : item.length),
				       item.text);
		if (!mem_grow(&s->items, &s->capacity, *count + 1, sizeof(*s->items)))
			return err_memory(err);
		to = &s->items[(*count)++];
		if (column == 0)
			to->prompt = (int64_t)x;
		else if (column == 1)
			to->output = (int64_t)x;
		else
			to->start_s = x;
	}
	return got == SCAN_END ||
	       err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s is not well formed", r->path, s->line, name);
}

static int by_start(const void *a, const void *b)
{
	const struct vllm_item *x = a, *y = b;

	if (x->start_s != y->start_s)
		return x->start_s < y->start_s ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

static bool vllm_open(struct reader *r, struct err *err)
{
	static const char *const names[] = { "input_lens", "output_lens", "start_times" };
	struct vllm_state *s = r->state;
	struct objects *objects = objects_open(r->path, err);
	struct scan_value key, v;
	struct scan scan;
	size_t length, counts[3] = { 0 };
	const char *text = objects ? objects_next(objects, &length, err) : NULL;
	bool ok = false;

	if (!text) {
		err_set(err, ERR_INPUT, "%s:1: no JSON object", r->path);
		goto out;
	}
	s->line = objects_line(objects);
	if (!scan_begin(&scan, text, length, '{'))
		goto out;
	while (scan_member(&scan, &key, &v) == SCAN_GOT)
		for (int i = 0; i < 3; i++)
			if (scan_is(&key, names[i]) && !read_list(r, names[i], &v, i, &counts[i], err))
				goto out;
	if (counts[0] == 0 || counts[0] != counts[1] || (counts[2] && counts[2] != counts[0])) {
		err_set(err, ERR_INPUT,
			"%s:%" PRId64
			": %zu input_lens, %zu output_lens, %zu start_times: expected lists of equal length "
			"(run the benchmark with --save-detailed)",
			r->path, s->line, counts[0], counts[1], counts[2]);
		goto out;
	}
	s->count = counts[0];
	r->has_times = counts[2] > 0;
	for (size_t i = 0; i < s->count; i++)
		s->items[i].place = (int64_t)i;
	if (r->has_times)
		qsort(s->items, s->count, sizeof(*s->items), by_start);
	if (objects_next(objects, &length, err))
		r->note = "the file holds several results: the first one was read";
	ok = err->kind == ERR_NONE;
out:
	objects_close(objects);
	return ok;
}

static enum read_status vllm_next(struct reader *r, struct trace_row *row, struct err *err)
{
	struct vllm_state *s = r->state;
	const struct vllm_item *item = &s->items[s->at];

	(void)err;
	if (s->at == s->count)
		return READ_END;
	s->at++;
	row->line = s->line;
	row->prompt_tokens = item->prompt;
	row->output_tokens = item->output;
	if (r->has_times)
		row->arrival_s = item->start_s - s->items[0].start_s;
	return row_tokens(r, row);
}

static void vllm_close(struct reader *r)
{
	struct vllm_state *s = r->state;

	mem_free(s->items);
}

static bool vllm_match(const struct trace_head *h)
{
	return head_has_key(h, "input_lens") ||
	       (head_has_key(h, "request_throughput") && head_has_key(h, "num_prompts"));
}

const struct reader_ops reader_vllm = {
	.name = "vllm",
	.help = "result of vLLM bench serve --save-detailed: input_lens, output_lens, start_times",
	.state_bytes = sizeof(struct vllm_state),
	.match = vllm_match,
	.open = vllm_open,
	.next = vllm_next,
	.close = vllm_close
};
