#include "validation/prefix_replay.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/now.h"
#include "kernels/serving/prefix_pool.h"
#include "workloads/trace.h"

/* The list is searched from end to end for every block: so many requests of it take a second or two. */
enum { CHECKED_MOST = 2000 };

/* All requests' blocks, one after the other. */
struct prompts {
	uint64_t *keys;
	int64_t *end, *line;           /* of each request: past its last block; where it stands in the file */
	size_t key_count, key_capacity, count, end_capacity, line_capacity;
};

static void prompts_release(struct prompts *p)
{
	mem_free(p->keys);
	mem_free(p->end);
	mem_free(p->line);
}

static bool add(struct prompts *p, const struct trace_row *row, struct err *err)
{
	/* Blocks beyond the prompt are of its answer. */
	int64_t whole = row->block_tokens > 0 ? (row->prompt_tokens + row->block_tokens - 1) / row->block_tokens : 0;
	size_t n = whole < (int64_t)row->block_count ? (size_t)whole : row->block_count;

	if (!mem_grow(&p->keys, &p->key_capacity, p->key_count + n + 1, sizeof(*p->keys)) || !mem_grow(&p->end, &p->end_capacity, p->count + 1, sizeof(*p->end)) ||
	    !mem_grow(&p->line, &p->line_capacity, p->count + 1, sizeof(*p->line)))
		return err_memory(err);
	if (n > 0)
		memcpy(p->keys + p->key_count, row->blocks, n * sizeof(*p->keys));
	p->key_count += n;
	p->end[p->count] = (int64_t)p->key_count;
	p->line[p->count++] = row->line;
	return true;
}

static bool read_prompts(const char *path, struct prompts *p, struct err *err)
{
	static const struct trace_options options = { .format = TRACE_AUTO };
	struct trace *t = trace_open(path, &options, err);
	struct trace_row row;
	bool ok = t != NULL;

	if (ok && !trace_has_blocks(t))
		ok = err_set(err, ERR_INPUT, "--trace %s: its requests do not name their blocks; expected a trace with hash_ids, such as Mooncake's", path);
	while (ok && trace_next(t, &row, err))
		ok = add(p, &row, err);
	trace_close(t);
	if (ok && err->kind == ERR_NONE && p->key_count == 0)
		return err_set(err, ERR_INPUT, "--trace %s: no request has a block", path);
	return ok && err->kind == ERR_NONE;
}

/* Blocks from the one used last on; the same rule as the kernel's, without an index. */
struct list {
	uint64_t *keys;
	size_t count, most;
};

static size_t place(const struct list *l, uint64_t key)
{
	size_t at = 0;

	while (at < l->count && l->keys[at] != key)
		at++;
	return at;
}

static int64_t list_admit(struct list *l, const uint64_t *keys, int64_t count)
{
	int64_t hits = 0;

	while (hits < count && place(l, keys[hits]) < l->count)
		hits++;
	for (int64_t b = count - 1; b >= 0; b--) {
		size_t at = place(l, keys[b]);

		if (at == l->count && l->count < l->most)
			l->count++;
		else if (at == l->count)
			at--;                  /* the last one, used longest ago, goes */
		memmove(l->keys + 1, l->keys, at * sizeof(*l->keys));
		l->keys[0] = keys[b];
	}
	return hits;
}

static void compare(const struct prompts *p, const int64_t *hits, struct list *l, struct prefix_replay *out)
{
	for (size_t i = 0; i < p->count && i < CHECKED_MOST; i++) {
		int64_t from = i ? p->end[i - 1] : 0;

		out->checked++;
		if (list_admit(l, p->keys + from, p->end[i] - from) == hits[i])
			continue;
		if (out->differing++ == 0)
			out->line = p->line[i];
	}
}

static bool replay(const struct prompts *p, struct prefix_replay *out, struct err *err)
{
	size_t most = out->pool_blocks > 0 && (size_t)out->pool_blocks < p->key_count ? (size_t)out->pool_blocks : p->key_count;
	struct prefix_pool *pool = prefix_pool_new((int64_t)most, err);
	struct list list = { .keys = mem_alloc((most + 1) * sizeof(uint64_t)), .most = most };
	int64_t *hits = mem_alloc(p->count * sizeof(*hits));
	bool ok = pool && list.keys && hits;

	if (ok) {
		out->kernel_s = now_s();
		for (size_t i = 0; i < p->count; i++) {
			int64_t from = i ? p->end[i - 1] : 0;

			hits[i] = prefix_pool_admit(pool, p->keys + from, p->end[i] - from);
		}
		out->kernel_s = now_s() - out->kernel_s;
		for (size_t i = 0; i < p->count; i++)
			out->hits += hits[i];
		compare(p, hits, &list, out);
	}
	prefix_pool_free(pool);
	mem_free(list.keys);
	mem_free(hits);
	return ok || err_memory(err);
}

bool prefix_replay_run(const char *path, int64_t pool_blocks, struct prefix_replay *out, struct err *err)
{
	struct prompts p = { 0 };
	bool ok = read_prompts(path, &p, err);

	*out = (struct prefix_replay){ .path = path, .pool_blocks = pool_blocks, .requests = (int64_t)p.count, .blocks = (int64_t)p.key_count };
	ok = ok && replay(&p, out, err);
	prompts_release(&p);
	return ok;
}

void prefix_replay_text(const struct prefix_replay *r, struct str *out)
{
	str_addf(out, "prefix_index on %s: %lld requests, %lld blocks, ", r->path, (long long)r->requests, (long long)r->blocks);
	if (r->pool_blocks > 0)
		str_addf(out, "a pool of %lld", (long long)r->pool_blocks);
	else
		str_add(out, "room for all");
	str_addf(out, "\nhits: %lld blocks, %.1f %%; %.0f ns a block\n", (long long)r->hits, 100 * (double)r->hits / (double)r->blocks,
		 1e9 * r->kernel_s / (double)r->blocks);
	if (r->differing == 0)
		str_addf(out, "brute force on the first %lld requests: the same hits\n", (long long)r->checked);
	else
		str_addf(out, "brute force on the first %lld requests: other hits in %lld, first at %s:%lld\n", (long long)r->checked, (long long)r->differing,
			 r->path, (long long)r->line);
}

void prefix_replay_json(const struct prefix_replay *r, struct str *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j, NULL);
	json_text(&j, "schema", "vibee.validate/1");
	json_text(&j, "kind", "prefix_replay");
	json_text(&j, "trace", r->path);
	json_int(&j, "pool_blocks", r->pool_blocks);
	json_int(&j, "requests", r->requests);
	json_int(&j, "blocks", r->blocks);
	json_int(&j, "hits", r->hits);
	json_int(&j, "checked", r->checked);
	json_int(&j, "differing", r->differing);
	json_end(&j);
}
