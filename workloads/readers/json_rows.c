/* JSON formats with one object a request (or a small list of requests): one table says which member holds what. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "workloads/idmap.h"
#include "workloads/readers/reader.h"
#include "workloads/readers/scan.h"

struct layout {
	const char *arrival, *prompt, *output;
	const char *prompt_also, *output_also; /* other spellings */
	double unit_s;                         /* of arrival and delay */
	const char *session, *delay, *turn, *class_name, *parent, *chat;
	const char *blocks, *token_ids;
	uint32_t block_tokens;
	const char *nested; /* the lengths stand in the objects of this array */
};

struct json_state {
	const struct layout *layout;
	struct objects *objects;
	struct idmap turns, roots;
	uint64_t *blocks;
	size_t block_capacity;
	int64_t line;
	/* Rows that share one object. */
	struct scan inside;
	bool is_inside;
	struct trace_row outer;
	double wait_s;
};

static bool open_rows(struct reader *r, const struct layout *layout, struct err *err)
{
	struct json_state *s = r->state;

	s->layout = layout;
	s->objects = objects_open(r->path, err);
	r->has_times = layout->arrival != NULL;
	r->has_blocks = layout->blocks || layout->token_ids;
	r->has_turns = layout->delay && r->head && head_has_key(r->head, layout->session);
	return s->objects != NULL;
}

static bool number_of(struct reader *r, const struct scan_value *key, const struct scan_value *v, double *out,
		      struct err *err)
{
	struct json_state *s = r->state;

	if (v->type == SCAN_NUMBER && cell_number(v->text, v->length, out))
		return true;
	if (v->type == SCAN_STRING && cell_number(v->text, v->length, out))
		return true;
	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %.*s=%.*s: expected a number", r->path, s->line,
		       (int)key->length, key->text, (int)(v->length > 60 ? 60 : v->length), v->text);
}

static bool tokens_of(struct reader *r, const struct scan_value *key, const struct scan_value *v, int64_t *out,
		      struct err *err)
{
	struct json_state *s = r->state;

	if (v->type == SCAN_NUMBER && cell_tokens(v->text, v->length, out))
		return true;
	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %.*s=%.*s: expected a whole number of tokens from 0 to 1e9",
		       r->path, s->line, (int)key->length, key->text, (int)(v->length > 60 ? 60 : v->length), v->text);
}

static bool bad(struct reader *r, const char *what, struct err *err)
{
	struct json_state *s = r->state;

	return err_set(err, ERR_INPUT, "%s:%" PRId64 ": %s", r->path, s->line, what);
}

/* An identifier as a whole number; one beyond 64 bits is named by its digits. */
static uint64_t id_bits(const struct scan_value *id, double x)
{
	const double most = 0x1p63;

	return x >= -most && x < most ? (uint64_t)(int64_t)x : id_of_text(id->text, id->length);
}

static bool read_blocks(struct reader *r, const struct scan_value *v, struct trace_row *row, struct err *err)
{
	struct json_state *s = r->state;
	struct scan scan;
	struct scan_value id;
	enum scan_result got;
	size_t n = 0;
	double x;

	if (v->type == SCAN_LITERAL) /* null */
		return true;
	if (!scan_begin(&scan, v->text, v->length, '['))
		return bad(r, "hash_ids is no list", err);
	while ((got = scan_element(&scan, &id)) == SCAN_GOT) {
		if (id.type != SCAN_NUMBER || !cell_number(id.text, id.length, &x))
			return bad(r, "hash_ids holds something that is no number", err);
		if (!mem_grow(&s->blocks, &s->block_capacity, n + 1, sizeof(*s->blocks)))
			return err_memory(err);
		s->blocks[n++] = hash_mix(0x686173685f696473, id_bits(&id, x));
	}
	if (got == SCAN_BAD)
		return bad(r, "hash_ids is not well formed", err);
	row->blocks = n ? s->blocks : NULL;
	row->block_count = (uint32_t)n;
	row->block_tokens = s->layout->block_tokens;
	return true;
}

/* Token ids name the prompt exactly: a block's hash covers all ids up to its end. */
static bool read_token_ids(struct reader *r, const struct scan_value *v, struct trace_row *row, struct err *err)
{
	struct json_state *s = r->state;
	struct scan scan;
	struct scan_value id;
	uint64_t chain = 0x746f6b656e696473;
	size_t n = 0, tokens = 0;
	double x;

	if (v->type != SCAN_ARRAY || !scan_begin(&scan, v->text, v->length, '['))
		return true;
	while (scan_element(&scan, &id) == SCAN_GOT) {
		if (id.type != SCAN_NUMBER || !cell_number(id.text, id.length, &x))
			return bad(r, "a token id is no number", err);
		chain = hash_mix(chain, id_bits(&id, x));
		if (++tokens % s->layout->block_tokens)
			continue;
		if (!mem_grow(&s->blocks, &s->block_capacity, n + 1, sizeof(*s->blocks)))
			return err_memory(err);
		s->blocks[n++] = chain;
	}
	row->blocks = n ? s->blocks : NULL;
	row->block_count = (uint32_t)n;
	row->block_tokens = s->layout->block_tokens;
	return true;
}

struct members {
	double arrival, delay;
	struct scan_value parent, chat;
	bool has_turn, has_session;
};

static bool is_name(const struct scan_value *key, const char *name)
{
	return name && scan_is(key, name);
}

/* One object's members into the row. */
static bool read_members(struct reader *r, struct scan *scan, struct trace_row *row, struct members *m, struct err *err)
{
	struct json_state *s = r->state;
	const struct layout *l = s->layout;
	struct scan_value key, v;
	enum scan_result got;
	double x;

	while ((got = scan_member(scan, &key, &v)) == SCAN_GOT) {
		if (v.type == SCAN_LITERAL && *v.text == 'n')
			continue; /* null = absent */
		if (is_name(&key, l->arrival)) {
			if (!number_of(r, &key, &v, &m->arrival, err))
				return false;
		} else if (is_name(&key, l->prompt) || is_name(&key, l->prompt_also)) {
			if (!tokens_of(r, &key, &v, &row->prompt_tokens, err))
				return false;
		} else if (is_name(&key, l->output) || is_name(&key, l->output_also)) {
			if (!tokens_of(r, &key, &v, &row->output_tokens, err))
				return false;
		} else if (is_name(&key, l->blocks)) {
			if (!read_blocks(r, &v, row, err))
				return false;
		} else if (is_name(&key, l->token_ids)) {
			if (!read_token_ids(r, &v, row, err))
				return false;
		} else if (is_name(&key, l->session)) {
			row->session = id_of_text(v.text, v.length);
			m->has_session = true;
		} else if (is_name(&key, l->delay)) {
			if (!number_of(r, &key, &v, &m->delay, err))
				return false;
		} else if (is_name(&key, l->turn)) {
			if (!number_of(r, &key, &v, &x, err) || !(x >= 0 && x <= 1e9))
				return err->kind != ERR_NONE ? false : bad(r, "turn is out of range, expected 0 to 1e9", err);
			row->turn = x > 1 ? (int32_t)x - 1 : 0;
			m->has_turn = true;
		} else if (is_name(&key, l->class_name)) {
			row->class_index = name_index(&r->classes, v.text, v.length);
			if (row->class_index < 0)
				return err_memory(err);
		} else if (is_name(&key, "block_tokens") && l->blocks) {
			if (!number_of(r, &key, &v, &x, err) || !(x >= 1 && x <= 1e6))
				return err->kind != ERR_NONE ? false : bad(r, "block_tokens is out of range", err);
			row->block_tokens = (uint32_t)x;
		} else if (is_name(&key, l->parent)) {
			m->parent = v;
		} else if (is_name(&key, l->chat)) {
			m->chat = v;
		} else if (is_name(&key, l->nested)) {
			s->is_inside = scan_begin(&s->inside, v.text, v.length, '[');
		}
	}
	return got == SCAN_END || bad(r, "not a well-formed JSON object", err);
}

/* A chat's session is its first chat; parents come before their children. */
static bool find_root(struct json_state *s, const struct members *m, struct trace_row *row, struct err *err)
{
	uint64_t chat = id_of_text(m->chat.text, m->chat.length), root = chat;
	int64_t *slot;

	if (m->parent.length && *m->parent.text != '-') {
		const int64_t *known = idmap_find(&s->roots, id_of_text(m->parent.text, m->parent.length));

		root = known ? (uint64_t)*known : id_of_text(m->parent.text, m->parent.length);
	}
	slot = idmap_at(&s->roots, chat, (int64_t)root, NULL);
	if (!slot)
		return err_memory(err);
	*slot = (int64_t)root;
	row->session = root;
	return true;
}

/* Turn number of the session; a later turn without its own time waits for the answer to the one before. */
static bool place_in_session(struct reader *r, struct trace_row *row, const struct members *m, struct err *err)
{
	struct json_state *s = r->state;

	if (s->layout->chat && m->chat.length && !find_root(s, m, row, err))
		return false;
	if (row->session && !m->has_turn) {
		int64_t *turn = idmap_at(&s->turns, row->session, 0, NULL);

		if (!turn)
			return err_memory(err);
		row->turn = (int32_t)(*turn)++;
	}
	row->arrival_s = m->arrival * s->layout->unit_s;
	if (row->turn > 0 && r->has_turns && s->layout->delay && (!isnan(m->delay) || isnan(m->arrival))) {
		row->delay_s = isnan(m->delay) ? 0 : m->delay * s->layout->unit_s;
		row->arrival_s = NAN;
	}
	if (s->layout->arrival && isnan(row->arrival_s) && isnan(row->delay_s) && !(s->layout->session && row->session))
		return err_set(err, ERR_INPUT, "%s:%" PRId64 ": no '%s'", r->path, s->line, s->layout->arrival);
	if (row->arrival_s < 0 || row->delay_s < 0 || fabs(row->arrival_s) > 1e12)
		return bad(r, "arrival time or delay out of range, expected 0 to 1e12 s", err);
	return true;
}

static enum read_status check_lengths(struct reader *r, struct trace_row *row, struct err *err)
{
	struct json_state *s = r->state;

	if (row->prompt_tokens < 0 || row->output_tokens < 0) {
		err_set(err, ERR_INPUT, "%s:%" PRId64 ": no '%s'", r->path, s->line,
			row->prompt_tokens < 0 ? s->layout->prompt : s->layout->output);
		return READ_ERROR;
	}
	return row_tokens(r, row);
}

/* The next request of the list inside the current object. */
static enum read_status next_inside(struct reader *r, struct trace_row *row, struct err *err)
{
	struct json_state *s = r->state;
	struct members m = { .arrival = NAN, .delay = NAN };
	struct scan_value v;
	struct scan scan;
	enum scan_result got = scan_element(&s->inside, &v);

	if (got == SCAN_END) {
		s->is_inside = false;
		return READ_END;
	}
	*row = s->outer;
	row->prompt_tokens = row->output_tokens = -1;
	row->line = s->line;
	if (got == SCAN_BAD || !scan_begin(&scan, v.text, v.length, '{')) {
		bad(r, "the list of requests is not well formed", err);
		return READ_ERROR;
	}
	if (!read_members(r, &scan, row, &m, err))
		return READ_ERROR;
	s->is_inside = true;
	if (row->session) {
		if (s->outer.turn > 0) {
			row->delay_s = s->wait_s;
			row->arrival_s = NAN;
		}
		s->wait_s = isnan(m.delay) ? 0 : m.delay * s->layout->unit_s;
		s->outer.turn++;
	}
	return check_lengths(r, row, err);
}

static enum read_status next_row(struct reader *r, struct trace_row *row, struct err *err)
{
	struct json_state *s = r->state;

	for (;;) {
		struct members m = { .arrival = NAN, .delay = NAN };
		struct scan scan;
		const char *text;
		size_t length;

		if (s->is_inside) {
			enum read_status got = next_inside(r, row, err);

			if (got != READ_END)
				return got;
		}
		text = objects_next(s->objects, &length, err);
		if (!text)
			return err->kind == ERR_NONE ? READ_END : READ_ERROR;
		s->line = row->line = objects_line(s->objects);
		row->prompt_tokens = row->output_tokens = -1;
		if (!scan_begin(&scan, text, length, '{') || !read_members(r, &scan, row, &m, err))
			return READ_ERROR;
		if (!s->is_inside) {
			if (!place_in_session(r, row, &m, err))
				return READ_ERROR;
			return check_lengths(r, row, err);
		}
		if (isnan(m.arrival)) {
			err_set(err, ERR_INPUT, "%s:%" PRId64 ": no '%s'", r->path, s->line, s->layout->arrival);
			return READ_ERROR;
		}
		row->arrival_s = m.arrival * s->layout->unit_s;
		s->outer = *row;
		s->outer.turn = 0;
	}
}

static void close_rows(struct reader *r)
{
	struct json_state *s = r->state;

	objects_close(s->objects);
	idmap_release(&s->turns);
	idmap_release(&s->roots);
	mem_free(s->blocks);
}

static bool is_json(const struct trace_head *h)
{
	size_t i = strspn(h->text, " \t\r\n\xef\xbb\xbf");

	return h->text[i] == '{' || h->text[i] == '[';
}

#define JSON_READER(format, text, test, ...)                                                                           \
	static const struct layout format##_layout = { __VA_ARGS__ };                                                  \
	static bool match_##format(const struct trace_head *h)                                                         \
	{                                                                                                              \
		return is_json(h) && (test);                                                                           \
	}                                                                                                              \
	static bool open_##format(struct reader *r, struct err *err)                                                   \
	{                                                                                                              \
		return open_rows(r, &format##_layout, err);                                                            \
	}                                                                                                              \
	const struct reader_ops reader_##format = { .name = #format,                                                   \
						    .help = text,                                                      \
						    .state_bytes = sizeof(struct json_state),                          \
						    .match = match_##format,                                           \
						    .open = open_##format,                                             \
						    .next = next_row,                                                  \
						    .close = close_rows };

JSON_READER(mooncake,
	    "Mooncake JSON lines: timestamp (ms), input_length, output_length, hash_ids; also session_id, delay",
	    head_has_key(h, "input_length") && !head_has_key(h, "chat_id"), .arrival = "timestamp",
	    .prompt = "input_length", .output = "output_length", .unit_s = 1e-3, .session = "session_id",
	    .delay = "delay", .blocks = "hash_ids", .block_tokens = 512)
JSON_READER(
	qwen,
	"Qwen-Bailian JSON lines: chat_id, parent_chat_id, timestamp (s), input_length, output_length, turn, hash_ids",
	head_has_key(h, "input_length") && head_has_key(h, "chat_id"), .arrival = "timestamp", .prompt = "input_length",
	.output = "output_length", .unit_s = 1, .chat = "chat_id", .parent = "parent_chat_id", .turn = "turn",
	.class_name = "type", .blocks = "hash_ids", .block_tokens = 16)
JSON_READER(apex, "APEX JSON lines: StartTimeOffset (ns), ContextTokens, GeneratedTokens",
	    head_has_key(h, "GeneratedTokens"), .arrival = "StartTimeOffset", .prompt = "ContextTokens",
	    .output = "GeneratedTokens", .unit_s = 1e-9)
JSON_READER(aibrix, "AIBrix JSON lines: timestamp (ms), requests [Prompt Length, Output Length]",
	    head_has_key(h, "requests") && head_has_key(h, "timestamp"), .arrival = "timestamp", .nested = "requests",
	    .prompt = "Prompt Length", .prompt_also = "prompt_length", .output = "Output Length",
	    .output_also = "output_length", .unit_s = 1e-3)
JSON_READER(llmservingsim,
	    "LLMServingSim JSON lines: input_toks, output_toks, arrival_time_ns; agentic with sub_requests",
	    head_has_key(h, "input_toks"), .arrival = "arrival_time_ns", .prompt = "input_toks",
	    .output = "output_toks", .unit_s = 1e-9, .session = "session_id", .delay = "tool_duration_ns",
	    .token_ids = "input_tok_ids", .block_tokens = 16, .nested = "sub_requests")
JSON_READER(distserve, "DistServe JSON: start_time (ms), prompt_len, output_len",
	    head_has_key(h, "prompt_len") && head_has_key(h, "output_len"), .arrival = "start_time",
	    .prompt = "prompt_len", .output = "output_len", .unit_s = 1e-3)
