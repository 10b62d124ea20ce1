/* CSV formats: one table says which column holds what; every one of them is read by the same code. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "workloads/idmap.h"
#include "workloads/readers/reader.h"

enum { NAMES_MOST = 8 };
enum time_kind { TIME_SECONDS, TIME_MICROSECONDS, TIME_CALENDAR };

struct layout {
	const char *prompt[NAMES_MOST], *output[NAMES_MOST]; /* accepted names, first found wins */
	const char *arrival[NAMES_MOST];
	bool times_required;
	enum time_kind time;
	bool from_first; /* times count from the first row */
	const char *session, *turn, *priority, *class_name, *adapter, *prefix, *prefix_tokens, *images;
};

enum {
	COLUMN_PROMPT,
	COLUMN_OUTPUT,
	COLUMN_ARRIVAL,
	COLUMN_SESSION,
	COLUMN_TURN,
	COLUMN_PRIORITY,
	COLUMN_CLASS,
	COLUMN_ADAPTER,
	COLUMN_PREFIX,
	COLUMN_PREFIX_TOKENS,
	COLUMNS
};

struct columns_state {
	const struct layout *layout;
	struct csv *csv;
	int column[COLUMNS];
	bool plain; /* nothing but times and lengths */
	int64_t base_ns;
	double base_s;
	bool has_base;
	struct idmap turns; /* session -> rows so far, for formats without a turn column */
	uint64_t *blocks;
	size_t block_capacity;
};

static int find(const struct csv *c, const char *const *names, const char **used)
{
	for (int i = 0; i < NAMES_MOST && names[i]; i++) {
		int column = csv_find(c, names[i]);

		if (column >= 0) {
			*used = names[i];
			return column;
		}
	}
	return -1;
}

static bool columns_open(struct reader *r, const struct layout *layout, struct err *err)
{
	struct columns_state *s = r->state;
	const char *used = NULL;
	const char *const single[] = { layout->session, layout->turn,   layout->priority,     layout->class_name,
				       layout->adapter, layout->prefix, layout->prefix_tokens };

	s->layout = layout;
	s->csv = csv_open(r->path, err);
	if (!s->csv)
		return false;
	s->column[COLUMN_PROMPT] = find(s->csv, layout->prompt, &used);
	s->column[COLUMN_OUTPUT] = find(s->csv, layout->output, &used);
	s->column[COLUMN_ARRIVAL] = find(s->csv, layout->arrival, &used);
	if (s->column[COLUMN_PROMPT] < 0 && !csv_require(s->csv, layout->prompt[0], &s->column[COLUMN_PROMPT], err))
		return false;
	if (s->column[COLUMN_OUTPUT] < 0 && !csv_require(s->csv, layout->output[0], &s->column[COLUMN_OUTPUT], err))
		return false;
	if (s->column[COLUMN_ARRIVAL] < 0 && layout->times_required &&
	    !csv_require(s->csv, layout->arrival[0], &s->column[COLUMN_ARRIVAL], err))
		return false;
	s->plain = true;
	for (size_t i = 0; i < COUNT_OF(single); i++) {
		s->column[COLUMN_SESSION + i] = single[i] ? csv_find(s->csv, single[i]) : -1;
		s->plain = s->plain && s->column[COLUMN_SESSION + i] < 0;
	}
	r->has_times = s->column[COLUMN_ARRIVAL] >= 0;
	r->has_blocks = s->column[COLUMN_PREFIX] >= 0 && s->column[COLUMN_PREFIX_TOKENS] >= 0;
	if (layout->images && csv_find(s->csv, layout->images) >= 0)
		r->note = "images are not added to the prompt: its length is ContextTokens alone";
	return true;
}

static bool read_time(struct reader *r, double *out, struct err *err)
{
	struct columns_state *s = r->state;
	const char *text = csv_text(s->csv, s->column[COLUMN_ARRIVAL]);
	size_t length = strlen(text);
	double x;
	int64_t ns;

	if (s->layout->time == TIME_CALENDAR) {
		if (!cell_calendar(text, length, &ns))
			return cell_error(r, csv_line(s->csv),
					  csv_column_name(s->csv, (size_t)s->column[COLUMN_ARRIVAL]), text, length,
					  "a time such as 2023-11-16 18:17:03.9799600", err);
		if (!s->has_base)
			s->base_ns = ns;
		s->has_base = true;
		*out = (double)(ns - s->base_ns) / 1e9;
		return true;
	}
	if (!cell_number(text, length, &x) || fabs(x) > 1e18)
		return cell_error(r, csv_line(s->csv), csv_column_name(s->csv, (size_t)s->column[COLUMN_ARRIVAL]), text,
				  length, "a time", err);
	if (!s->has_base && (s->layout->from_first || fabs(x) > 1e8))
		s->base_s = x; /* seconds since 1970, or a clock without a known start */
	s->has_base = true;
	*out = (x - s->base_s) / (s->layout->time == TIME_MICROSECONDS ? 1e6 : 1);
	if (*out < 0 && s->base_s == 0)
		return cell_error(r, csv_line(s->csv), csv_column_name(s->csv, (size_t)s->column[COLUMN_ARRIVAL]), text,
				  length, "a time of 0 or more", err);
	return true;
}

static bool read_tokens(struct reader *r, int column, int64_t *out, struct err *err)
{
	struct columns_state *s = r->state;
	const char *text = csv_text(s->csv, column);
	size_t length = strlen(text);

	return cell_tokens(text, length, out) ||
	       cell_error(r, csv_line(s->csv), csv_column_name(s->csv, (size_t)column), text, length,
			  "a whole number of tokens from 0 to 1e9", err);
}

/* An integer cell with a default for an empty one. */
static bool read_small(struct reader *r, int column, int32_t absent, int32_t *out, struct err *err)
{
	struct columns_state *s = r->state;
	const char *text = csv_text(s->csv, column);
	size_t length = strlen(text);
	double x;

	*out = absent;
	if (column < 0 || length == 0)
		return true;
	if (!cell_number(text, length, &x) || x != floor(x) || fabs(x) > 1e9)
		return cell_error(r, csv_line(s->csv), csv_column_name(s->csv, (size_t)column), text, length,
				  "a whole number", err);
	*out = (int32_t)x;
	return true;
}

static bool read_name(struct name_list *list, const char *text, bool numbers, int32_t absent, int32_t *out,
		      struct err *err)
{
	size_t length = strlen(text);
	int64_t v;

	*out = absent;
	if (length == 0)
		return true;
	if (numbers && (cell_tokens(text, length, &v) || strcmp(text, "-1") == 0)) {
		*out = *text == '-' ? -1 : (int32_t)v;
		return true;
	}
	*out = name_index(list, text, length);
	return *out >= 0 || err_memory(err);
}

/* A named prefix of so many tokens: blocks of 16 that all requests with this name have in common. */
static bool read_prefix(struct columns_state *s, struct trace_row *row, struct err *err)
{
	const char *name = csv_text(s->csv, s->column[COLUMN_PREFIX]);
	const char *count = csv_text(s->csv, s->column[COLUMN_PREFIX_TOKENS]);
	int64_t tokens = 0;
	uint64_t id = id_of_text(name, strlen(name));

	if (*name == '\0' || !cell_tokens(count, strlen(count), &tokens))
		tokens = 0;
	if (tokens > row->prompt_tokens)
		tokens = row->prompt_tokens;
	row->block_tokens = 16;
	row->block_count = (uint32_t)(tokens / 16);
	if (!mem_grow(&s->blocks, &s->block_capacity, row->block_count + 1, sizeof(*s->blocks)))
		return err_memory(err);
	for (uint32_t i = 0; i < row->block_count; i++)
		s->blocks[i] = hash_mix(id, i);
	row->blocks = row->block_count ? s->blocks : NULL;
	return true;
}

static bool read_extras(struct reader *r, struct trace_row *row, struct err *err)
{
	struct columns_state *s = r->state;
	const char *session = csv_text(s->csv, s->column[COLUMN_SESSION]);

	if (!read_small(r, s->column[COLUMN_PRIORITY], 0, &row->priority, err) ||
	    !read_small(r, s->column[COLUMN_TURN], 0, &row->turn, err) ||
	    !read_name(&r->classes, csv_text(s->csv, s->column[COLUMN_CLASS]), false, 0, &row->class_index, err) ||
	    !read_name(&r->adapters, csv_text(s->csv, s->column[COLUMN_ADAPTER]), true, -1, &row->adapter, err))
		return false;
	if (*session && strcmp(session, "0") != 0) {
		row->session = id_of_text(session, strlen(session));
		if (s->column[COLUMN_TURN] < 0) {
			int64_t *turn = idmap_at(&s->turns, row->session, 0, NULL);

			if (!turn)
				return err_memory(err);
			row->turn = (int32_t)(*turn)++;
		}
	}
	return !r->has_blocks || read_prefix(s, row, err);
}

static enum read_status columns_next(struct reader *r, struct trace_row *row, struct err *err)
{
	struct columns_state *s = r->state;

	if (!csv_next(s->csv, err))
		return err->kind == ERR_NONE ? READ_END : READ_ERROR;
	row->line = csv_line(s->csv);
	if (r->has_times && !read_time(r, &row->arrival_s, err))
		return READ_ERROR;
	if (!read_tokens(r, s->column[COLUMN_PROMPT], &row->prompt_tokens, err) ||
	    !read_tokens(r, s->column[COLUMN_OUTPUT], &row->output_tokens, err))
		return READ_ERROR;
	if (!s->plain && !read_extras(r, row, err))
		return READ_ERROR;
	return row_tokens(r, row);
}

static void columns_close(struct reader *r)
{
	struct columns_state *s = r->state;

	csv_close(s->csv);
	idmap_release(&s->turns);
	mem_free(s->blocks);
}

static bool head_fits(const struct trace_head *h, const struct layout *l)
{
	bool prompt = false, output = false, arrival = !l->times_required;

	for (int i = 0; i < NAMES_MOST; i++) {
		prompt |= l->prompt[i] && head_has_column(h, l->prompt[i]);
		output |= l->output[i] && head_has_column(h, l->output[i]);
		arrival |= l->arrival[i] && head_has_column(h, l->arrival[i]);
	}
	return prompt && output && arrival;
}

#define CSV_READER(format, text, ...)                                                                                  \
	static const struct layout format##_layout = { __VA_ARGS__ };                                                  \
	static bool match_##format(const struct trace_head *h)                                                         \
	{                                                                                                              \
		return head_fits(h, &format##_layout);                                                                 \
	}                                                                                                              \
	static bool open_##format(struct reader *r, struct err *err)                                                   \
	{                                                                                                              \
		return columns_open(r, &format##_layout, err);                                                         \
	}                                                                                                              \
	const struct reader_ops reader_##format = { .name = #format,                                                   \
						    .help = text,                                                      \
						    .state_bytes = sizeof(struct columns_state),                       \
						    .match = match_##format,                                           \
						    .open = open_##format,                                             \
						    .next = columns_next,                                              \
						    .close = columns_close };

/* 2023 and 2024 LLM traces, and the 2025 multimodal one, which adds NumImages. */
CSV_READER(azure, "Azure LLM inference 2023, 2024 and multimodal 2025: TIMESTAMP,ContextTokens,GeneratedTokens",
	   .prompt = { "ContextTokens" }, .output = { "GeneratedTokens" }, .arrival = { "TIMESTAMP" },
	   .times_required = true, .time = TIME_CALENDAR, .images = "NumImages")

/* Release 2's third file inserts Session ID and Elapsed time behind Timestamp. */
CSV_READER(burstgpt, "BurstGPT 1 to 3: Timestamp,Model,Request tokens,Response tokens,...",
	   .prompt = { "Request tokens" }, .output = { "Response tokens" }, .arrival = { "Timestamp" },
	   .times_required = true, .session = "Session ID", .class_name = "Model")

CSV_READER(vidur, "Vidur, Frontier: [arrived_at,]num_prefill_tokens,num_decode_tokens",
	   .prompt = { "num_prefill_tokens" }, .output = { "num_decode_tokens" }, .arrival = { "arrived_at" })

/* The CSV half of TraceV2; its YAML header holds nothing that requests need. Replay takes send_time_us. */
CSV_READER(blis, "BLIS TraceV2 data: send_time_us,input_tokens,output_tokens,...", .prompt = { "input_tokens" },
	   .output = { "output_tokens" }, .arrival = { "send_time_us" }, .times_required = true,
	   .time = TIME_MICROSECONDS, .from_first = true, .session = "session_id", .turn = "round_index",
	   .priority = "vllm_priority", .class_name = "slo_class", .adapter = "adapter", .prefix = "prefix_group",
	   .prefix_tokens = "prefix_length")

CSV_READER(splitwise, "splitwise-sim: arrival_timestamp,prompt_size,token_size,...", .prompt = { "prompt_size" },
	   .output = { "token_size" }, .arrival = { "arrival_timestamp" })

CSV_READER(csv,
	   "plain: arrival_s,prompt_tokens,output_tokens[,priority,adapter,session,turn,class,prefix,prefix_tokens]",
	   .prompt = { "prompt_tokens", "input_tokens", "input_length", "input_len", "prompt_len", "isl" },
	   .output = { "output_tokens", "output_length", "output_len", "generated_tokens", "osl" },
	   .arrival = { "arrival_s", "arrival_time", "arrival", "timestamp", "time_s" }, .session = "session",
	   .turn = "turn", .priority = "priority", .class_name = "class", .adapter = "adapter", .prefix = "prefix",
	   .prefix_tokens = "prefix_tokens")
