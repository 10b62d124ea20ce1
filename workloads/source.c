#include "workloads/source.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "workloads/feed.h"
#include "workloads/generator.h"
#include "workloads/turns.h"

/* So many draws in a row over max_model_len mean that no request will ever fit. */
enum { DROPS_MOST = 1000000 };

/* A session between its turns. Its number in requests is serial << 32 | place + 1. */
struct session {
	int64_t turns_left, turn, history, shared_prompt;
	int64_t prompt, output; /* of a user who repeats one prompt, once drawn */
	uint64_t serial;
	int32_t class_index, adapter;
};

struct source {
	struct workload w;
	struct generator *generator; /* NULL: a trace with its own arrivals */
	struct feed *feed;           /* NULL: no trace */
	bool closed, has_sessions, has_users, has_prefixes, at_end;
	bool waits; /* users who wait: each one's first request comes from source_next, the rest from source_completed */
	struct turns turns;
	int64_t drawn; /* of their arrivals */
	int64_t limit, issued, opened; /* opened: requests of a closed loop, or of users who wait, that source_next gave */
	double last_s;
	struct session *sessions; /* by place; free ones have serial 0 and keep the next free place in turn */
	size_t session_count, session_capacity;
	int64_t free_place;
	uint64_t serial;
	struct source_counts counts; /* of generated requests */
};

/* ---- opening ---- */

static bool open_users(struct source *s, struct err *err)
{
	s->session_count = (size_t)s->w.sessions.users;
	if (!mem_grow(&s->sessions, &s->session_capacity, s->session_count, sizeof(*s->sessions)))
		return err_memory(err);
	memset(s->sessions, 0, s->session_count * sizeof(*s->sessions));
	for (size_t i = 0; i < s->session_count; i++) {
		/* Users are dealt out over the system prompts, so that each prompt has as many. */
		s->sessions[i].shared_prompt =
			s->w.prefixes.shared_tokens > 0 ? (int64_t)(i % (size_t)s->w.prefixes.shared_prompts) : -1;
		s->sessions[i].serial = ++s->serial;
	}
	s->waits = s->w.sessions.waits;
	return !s->waits || turns_init(&s->turns, s->session_count, err);
}

struct source *source_open(const struct workload *w, uint64_t seed, struct err *err)
{
	struct source *s = mem_calloc(1, sizeof(*s));
	bool endless = w->arrivals.kind != ARRIVAL_STAGES && isnan(w->duration_s);

	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->w = *w;
	s->free_place = -1;
	s->closed = w->concurrency > 0;
	s->limit = w->requests > 0 ? w->requests : !w->trace && (endless || s->closed) ? REQUESTS_DEFAULT : INT64_MAX;
	if (!workload_check(w, err))
		goto fail;
	if (w->trace && !(s->feed = feed_open(&s->w, seed, err)))
		goto fail;
	s->has_users = !w->trace && w->sessions.users > 0;
	s->has_sessions = !w->trace && !s->has_users && w->sessions.turns.kind != SPREAD_NONE;
	if (s->feed && !feed_has_times(s->feed) && !s->closed && w->arrivals.kind == ARRIVAL_AUTO && isnan(w->qps)) {
		err_set(err, ERR_INPUT,
			"%s: the trace has no arrival times: expected qps, concurrency or arrivals of kind all-at-once",
			w->trace);
		goto fail;
	}
	s->generator = generator_new(&s->w, !w->trace,
				     !(s->feed && feed_has_times(s->feed)) && (!s->closed || w->paced), seed, err);
	if (!s->generator)
		goto fail;
	s->has_prefixes = s->feed ? feed_has_blocks(s->feed) : generator_has_prefixes(s->generator);
	if (s->has_users && !open_users(s, err))
		goto fail;
	return s;
fail:
	source_close(s);
	return NULL;
}

void source_close(struct source *s)
{
	if (!s)
		return;
	feed_close(s->feed);
	generator_free(s->generator);
	turns_release(&s->turns);
	mem_free(s->sessions);
	mem_free(s);
}

/* ---- sessions ---- */

static uint64_t session_name(const struct source *s, size_t place)
{
	return s->sessions[place].serial << 32 | (place + 1);
}

static bool take_place(struct source *s, size_t *place, struct err *err)
{
	if (s->free_place >= 0) {
		*place = (size_t)s->free_place;
		s->free_place = s->sessions[*place].turn;
	} else {
		if (!mem_grow(&s->sessions, &s->session_capacity, s->session_count + 1, sizeof(*s->sessions)))
			return err_memory(err);
		*place = s->session_count++;
	}
	s->sessions[*place] = (struct session){ .serial = ++s->serial & 0xffffffff };
	if (s->sessions[*place].serial == 0)
		s->sessions[*place].serial = ++s->serial & 0xffffffff;
	return true;
}

static void free_place(struct source *s, size_t place)
{
	s->sessions[place] = (struct session){ .turn = s->free_place };
	s->free_place = (int64_t)place;
}

/* Lengths and blocks of a session's next turn. False when its context would pass the limits: the session is over. */
static bool session_turn(struct source *s, struct session *t, struct request *q)
{
	const struct sessions *spec = &s->w.sessions;
	int64_t shared = t->shared_prompt >= 0 ? (int64_t)s->w.prefixes.shared_tokens : 0;
	int64_t prompt, output, most = spec->max_context;

	if (spec->repeats && t->prompt > 0) {
		prompt = t->prompt;
		output = t->output;
	} else {
		generator_lengths(s->generator, t->class_index, &prompt, &output);
		t->prompt = prompt;
		t->output = output;
	}
	if (s->w.prompt_scale != 1)
		prompt = (int64_t)fmax(1, round((double)prompt * s->w.prompt_scale));
	if (s->w.output_scale != 1)
		output = (int64_t)fmax(1, round((double)output * s->w.output_scale));
	if (s->w.max_model_len > 0 && (most == 0 || s->w.max_model_len < most))
		most = s->w.max_model_len;
	q->prompt_tokens = shared + (spec->grows ? t->history : 0) + prompt;
	q->output_tokens = output;
	q->turn = (int32_t)t->turn;
	q->class_index = t->class_index;
	q->adapter = t->adapter;
	if (most > 0 && q->prompt_tokens + output > most)
		return false;
	return true;
}

static bool session_blocks(struct source *s, struct session *t, struct request *q, struct err *err)
{
	bool grows = s->w.sessions.grows;
	int64_t tokens = q->prompt_tokens + (grows && t->turns_left > 0 ? q->output_tokens : 0);
	uint64_t text = grows || s->w.sessions.repeats ? t->serial : hash_mix(t->serial, (uint64_t)t->turn);

	return !s->has_prefixes || generator_session_blocks(s->generator, q, t->shared_prompt, text, tokens, err);
}

/* Counts the turn just filled. */
static void session_spent(struct session *t, const struct source *s, const struct request *q)
{
	int64_t shared = t->shared_prompt >= 0 ? (int64_t)s->w.prefixes.shared_tokens : 0;

	t->history = q->prompt_tokens - shared + q->output_tokens;
	t->turn++;
}

static bool start_session(struct source *s, int32_t class_index, struct request *q, struct err *err)
{
	size_t place = 0;
	struct session *t;

	if (!take_place(s, &place, err))
		return false;
	t = &s->sessions[place];
	t->class_index = class_index;
	t->adapter = generator_adapter(s->generator);
	t->shared_prompt = generator_shared_prompt(s->generator);
	t->turns_left = generator_turns(s->generator);
	for (int tries = 0; !session_turn(s, t, q); tries++) {
		counts_drop(&s->counts, "longer than the context limit");
		if (tries == DROPS_MOST)
			return err_set(err, ERR_INPUT, "%s: no first turn fits into max_context or max_model_len",
				       s->w.name ? s->w.name : "workload");
	}
	t->turns_left--;
	q->session = session_name(s, place);
	if (!session_blocks(s, t, q, err))
		return false;
	session_spent(t, s, q);
	return true;
}

/* A fixed user's next request; the conversation starts again when it is long enough. */
static bool user_turn(struct source *s, size_t place, int32_t class_index, struct request *q, struct err *err)
{
	struct session *t = &s->sessions[place];

	t->class_index = class_index;
	if (t->turn == 0) {
		t->adapter = generator_adapter(s->generator);
		t->turns_left = generator_turns(s->generator);
	}
	for (int tries = 0; !session_turn(s, t, q); tries++) {
		if (tries == DROPS_MOST)
			return err_set(err, ERR_INPUT, "%s: no turn fits into max_context or max_model_len",
				       s->w.name ? s->w.name : "workload");
		t->history = t->turn = 0;
		t->serial = ++s->serial & 0xffffffff;
		t->turns_left = generator_turns(s->generator);
	}
	if (t->turns_left != INT64_MAX)
		t->turns_left--;
	q->session = session_name(s, place);
	if (!session_blocks(s, t, q, err))
		return false;
	session_spent(t, s, q);
	if (t->turns_left == 0) {
		t->history = t->turn = 0;
		t->serial = ++s->serial & 0xffffffff;
	}
	return true;
}

/* ---- single requests ---- */

static bool lone_request(struct source *s, int32_t class_index, struct request *q, struct err *err)
{
	const char *reason;

	q->class_index = class_index;
	q->adapter = generator_adapter(s->generator);
	for (int tries = 0;; tries++) {
		generator_lengths(s->generator, class_index, &q->prompt_tokens, &q->output_tokens);
		if (fit_lengths(&s->w, &q->prompt_tokens, &q->output_tokens, &reason))
			break;
		counts_drop(&s->counts, reason);
		if (tries == DROPS_MOST)
			return err_set(err, ERR_INPUT, "%s: no request fits into max_model_len",
				       s->w.name ? s->w.name : "workload");
	}
	return !s->has_prefixes || generator_lone_blocks(s->generator, q, err);
}

static void from_row(struct request *q, const struct trace_row *row)
{
	q->prompt_tokens = row->prompt_tokens;
	q->output_tokens = row->output_tokens;
	q->priority = row->priority;
	q->class_index = row->class_index;
	q->adapter = row->adapter;
	q->turn = row->turn;
	q->session = row->session;
	q->blocks = row->blocks;
	q->block_count = row->block_count;
	q->block_tokens = row->block_tokens;
}

/* The next request that no earlier one causes; arrival_s is when the stream of arrivals brings it. `timed`: the stream
 * is asked for a time. */
static bool produce(struct source *s, struct request *q, bool timed, struct err *err)
{
	int32_t class_index = 0;
	struct trace_row row;
	double at = 0;

	if (s->at_end || s->issued >= s->limit)
		return false;
	if (!s->feed || (timed && !feed_has_times(s->feed))) {
		if (timed)
			at = generator_arrival(s->generator, &class_index);
		else
			class_index = generator_class(s->generator);
	}
	if (s->feed && !feed_next(s->feed, &row, err))
		return false;
	if (timed && s->feed && feed_has_times(s->feed))
		at = row.arrival_s;
	if (at > s->w.duration_s || at == INFINITY) {
		s->at_end = true;
		return false;
	}
	*q = (struct request){ .adapter = -1 };
	if (s->feed) {
		from_row(q, &row);
		if (s->w.adapters > 0 && q->adapter < 0)
			q->adapter = generator_adapter(s->generator);
	}
	if (!s->feed && !(s->has_sessions ? start_session(s, class_index, q, err)
			  : s->has_users  ? user_turn(s, (size_t)(s->issued % (int64_t)s->session_count), class_index, q, err)
					  : lone_request(s, class_index, q, err)))
		return false;
	if (!s->feed && s->w.class_count)
		q->priority = (int32_t)s->w.classes[q->class_index].priority;
	q->arrival_s = at;
	return true;
}

static bool issue(struct source *s, struct request *q)
{
	q->id = s->issued++;
	return true;
}

static struct turn_time draw_time(void *source)
{
	struct source *s = source;
	struct turn_time t = { .at_s = INFINITY };

	if (s->drawn++ >= s->limit)
		s->at_end = true;
	if (!s->at_end)
		t.at_s = generator_arrival(s->generator, &t.class_index);
	if (t.at_s > s->w.duration_s || t.at_s == INFINITY) {
		t.at_s = INFINITY;
		s->at_end = true;
	}
	return t;
}

/* The next request of a user who waits; its time is the one of the arrivals. */
static bool waiting_user_turn(struct source *s, size_t place, struct request *q, struct err *err)
{
	struct turn_time t;

	if (!turns_take(&s->turns, place, draw_time, s, &t, err) || t.at_s == INFINITY)
		return false;
	*q = (struct request){ .adapter = -1 };
	if (!user_turn(s, place, t.class_index, q, err))
		return false;
	if (s->w.class_count)
		q->priority = (int32_t)s->w.classes[q->class_index].priority;
	q->arrival_s = t.at_s;
	return true;
}

bool source_next(struct source *s, struct request *out, struct err *err)
{
	bool timed = !s->closed || s->w.paced;

	if (s->waits)
		return s->opened < (int64_t)s->session_count && waiting_user_turn(s, (size_t)s->opened++, out, err) && issue(s, out);
	if (s->closed && s->opened >= s->w.concurrency)
		return false;
	if (!produce(s, out, timed, err))
		return false;
	s->opened++;
	return issue(s, out);
}

/* ---- what a finished request causes ---- */

/* The next turn of a generated session; false when it is over, and its place is free then. */
static bool next_turn(struct source *s, const struct request *done, double now_s, struct request *q, struct err *err)
{
	size_t place = (size_t)(done->session & 0xffffffff) - 1;
	struct session *t;

	if (!s->has_sessions || done->session == 0 || place >= s->session_count ||
	    session_name(s, place) != done->session)
		return false;
	t = &s->sessions[place];
	*q = (struct request){ .session = done->session };
	if (t->turns_left == 0 || !session_turn(s, t, q)) {
		free_place(s, place);
		return false;
	}
	t->turns_left--;
	q->arrival_s = now_s + generator_think_s(s->generator);
	if (s->w.class_count)
		q->priority = (int32_t)s->w.classes[q->class_index].priority;
	if (!session_blocks(s, t, q, err))
		return false;
	session_spent(t, s, q);
	return true;
}

static bool next_trace_turn(struct source *s, const struct request *done, double now_s, struct request *q)
{
	struct trace_row row;

	if (!s->feed || !feed_next_turn(s->feed, done->session, &row))
		return false;
	*q = (struct request){ .adapter = -1 };
	from_row(q, &row);
	q->arrival_s = now_s + row.delay_s;
	return true;
}

bool source_completed(struct source *s, const struct request *done, double now_s, struct request *next, struct err *err)
{
	if (s->issued >= s->limit)
		return false;
	if (s->waits) {
		if (!waiting_user_turn(s, (size_t)(done->session & 0xffffffff) - 1, next, err))
			return false;
		next->arrival_s = fmax(next->arrival_s, now_s);
		return !(next->arrival_s > s->w.duration_s) && issue(s, next);
	}
	if (next_trace_turn(s, done, now_s, next) || next_turn(s, done, now_s, next, err))
		return !(next->arrival_s > s->w.duration_s) && issue(s, next);
	if (err->kind != ERR_NONE || !s->closed || !produce(s, next, s->w.paced, err))
		return false;
	if (!s->w.paced || next->arrival_s < now_s)
		next->arrival_s = now_s;
	if (!s->w.paced && s->w.sessions.think_s.kind)
		next->arrival_s += generator_think_s(s->generator);
	return !(next->arrival_s > s->w.duration_s) && issue(s, next);
}

bool source_causes_followups(const struct source *s)
{
	return s->closed || s->waits || s->has_sessions || (s->feed && feed_has_turns(s->feed));
}

bool source_has_prefixes(const struct source *s)
{
	return s->has_prefixes;
}

void source_counts(const struct source *s, struct source_counts *out)
{
	if (s->feed) {
		feed_counts(s->feed, out);
		return;
	}
	*out = s->counts;
	out->rows_kept = s->issued;
	out->rows_read = out->rows_kept + out->rows_dropped;
}

const char *source_note(const struct source *s)
{
	return s->feed ? feed_note(s->feed) : NULL;
}

const char *source_class_name(const struct source *s, int32_t index)
{
	if (s->feed)
		return feed_class_name(s->feed, index);
	return index >= 0 && (size_t)index < s->w.class_count ? s->w.classes[index].name : "";
}
