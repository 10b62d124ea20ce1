#include "workloads/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/mem.h"

struct item {
	struct request q;
	uint64_t *blocks;
	size_t capacity;
};

struct replay {
	struct source *source;
	bool follows, has_next, ended;
	struct item next, shown; /* next: given by source_next, not yet handed out; shown: handed out last */
	struct item *heap;       /* follow-ups, earliest first */
	size_t count, capacity;
};

struct replay *replay_new(struct source *source, struct err *err)
{
	struct replay *r = mem_calloc(1, sizeof(*r));

	if (!r) {
		err_memory(err);
		return NULL;
	}
	r->source = source;
	r->follows = source_causes_followups(source);
	return r;
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->capacity; i++)
		mem_free(r->heap[i].blocks);
	mem_free(r->heap);
	mem_free(r->next.blocks);
	mem_free(r->shown.blocks);
	mem_free(r);
}

static bool keep(struct item *to, const struct request *q, struct err *err)
{
	if (!mem_grow(&to->blocks, &to->capacity, q->block_count + 1, sizeof(*to->blocks)))
		return err_memory(err);
	if (q->block_count)
		memcpy(to->blocks, q->blocks, q->block_count * sizeof(*to->blocks));
	to->q = *q;
	to->q.blocks = q->block_count ? to->blocks : NULL;
	return true;
}

static bool earlier(const struct item *a, const struct item *b)
{
	return a->q.arrival_s != b->q.arrival_s ? a->q.arrival_s < b->q.arrival_s : a->q.id < b->q.id;
}

static void swap(struct item *a, struct item *b)
{
	struct item t = *a;

	*a = *b;
	*b = t;
}

static bool push(struct replay *r, const struct request *q, struct err *err)
{
	size_t i = r->count, old = r->capacity;

	if (!mem_grow(&r->heap, &r->capacity, r->count + 1, sizeof(*r->heap)))
		return err_memory(err);
	if (r->capacity > old)
		memset(r->heap + old, 0, (r->capacity - old) * sizeof(*r->heap));
	if (!keep(&r->heap[i], q, err))
		return false;
	r->count++;
	for (; i > 0 && earlier(&r->heap[i], &r->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&r->heap[i], &r->heap[(i - 1) / 2]);
	return true;
}

static void pop(struct replay *r)
{
	size_t i = 0;

	swap(&r->shown, &r->heap[0]);
	swap(&r->heap[0], &r->heap[--r->count]);
	for (;;) {
		size_t least = i, child = 2 * i + 1;

		if (child < r->count && earlier(&r->heap[child], &r->heap[least]))
			least = child;
		if (child + 1 < r->count && earlier(&r->heap[child + 1], &r->heap[least]))
			least = child + 1;
		if (least == i)
			return;
		swap(&r->heap[i], &r->heap[least]);
		i = least;
	}
}

bool replay_next(struct replay *r, struct request *out, struct err *err)
{
	struct request q;

	if (!r->follows)
		return source_next(r->source, out, err);
	if (!r->has_next && !r->ended) {
		r->has_next = source_next(r->source, &q, err);
		r->ended = !r->has_next;
		if (err->kind != ERR_NONE || (r->has_next && !keep(&r->next, &q, err)))
			return false;
	}
	if (r->count > 0 && (!r->has_next || earlier(&r->heap[0], &r->next))) {
		pop(r);
	} else if (r->has_next) {
		swap(&r->shown, &r->next);
		r->has_next = false;
	} else {
		return false;
	}
	if (source_completed(r->source, &r->shown.q, r->shown.q.arrival_s, &q, err) && !push(r, &q, err))
		return false;
	*out = r->shown.q;
	return err->kind == ERR_NONE;
}

/* ---- writing ---- */

static void csv_row(struct str *out, const struct request *q, const struct source *s)
{
	char number[32];

	str_addf(out, "%s,%" PRId64 ",%" PRId64 ",%" PRId32 ",", number_text(number, q->arrival_s), q->prompt_tokens,
		 q->output_tokens, q->priority);
	if (q->adapter >= 0)
		str_addf(out, "%" PRId32, q->adapter);
	if (q->session)
		str_addf(out, ",%" PRIu64 ",%" PRId32 ",", q->session, q->turn);
	else
		str_add(out, ",,,");
	csv_quote(out, source_class_name(s, q->class_index));
	str_add(out, "\n");
}

static void mooncake_row(struct str *out, const struct request *q)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j, NULL);
	json_number(&j, "timestamp", q->arrival_s * 1e3);
	json_int(&j, "input_length", q->prompt_tokens);
	json_int(&j, "output_length", q->output_tokens);
	json_array(&j, "hash_ids");
	for (uint32_t i = 0; i < q->block_count; i++)
		json_int(&j, NULL, (int64_t)(q->blocks[i] >> 11)); /* 53 bits: exact in any JSON reader */
	json_end(&j);
	json_int(&j, "block_tokens", q->block_tokens ? q->block_tokens : 512);
	json_end(&j);
	str_add(out, "\n");
}

static bool write_rows(struct source *source, int64_t most, int format, FILE *file, const char *path, int64_t *written,
		       struct err *err)
{
	struct replay *r = replay_new(source, err);
	struct str text = { 0 };
	struct request q;
	bool ok = r != NULL;

	*written = 0;
	if (format == WRITE_CSV)
		str_add(&text, "arrival_s,prompt_tokens,output_tokens,priority,adapter,session,turn,class\n");
	while (ok && (most == 0 || *written < most) && replay_next(r, &q, err)) {
		if (format == WRITE_CSV)
			csv_row(&text, &q, source);
		else
			mooncake_row(&text, &q);
		++*written;
		if (text.failed) {
			ok = err_memory(err);
		} else if (text.length > 1 << 16) {
			ok = fwrite(text.text, 1, text.length, file) == text.length ||
			     err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
			str_clear(&text);
		}
	}
	ok = ok && err->kind == ERR_NONE;
	if (ok && text.length)
		ok = fwrite(text.text, 1, text.length, file) == text.length ||
		     err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	str_release(&text);
	replay_free(r);
	return ok;
}

bool workload_write(struct source *source, int64_t most, int format, const char *path, int64_t *written,
		    struct err *err)
{
	bool to_stdout = strcmp(path, "-") == 0, ok;
	struct str temporary = { 0 };
	FILE *file = stdout;

	if (!to_stdout) {
		str_addf(&temporary, "%s.new", path);
		file = temporary.failed ? NULL : fopen(str_text(&temporary), "wb");
		if (!file) {
			err_set(err, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
			str_release(&temporary);
			return false;
		}
	}
	ok = write_rows(source, most, format, file, path, written, err);
	if (to_stdout)
		ok = (fflush(file) == 0 || err_set(err, ERR_IO, "standard output: %s", strerror(errno))) && ok;
	else
		ok = (fclose(file) == 0 || err_set(err, ERR_IO, "%s: %s", path, strerror(errno))) && ok;
	if (!to_stdout && ok && rename(str_text(&temporary), path) != 0)
		ok = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (!to_stdout && !ok)
		remove(str_text(&temporary));
	str_release(&temporary);
	return ok;
}
