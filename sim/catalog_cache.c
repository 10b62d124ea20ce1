#include "sim/catalog_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/str.h"

/* Entries are few (what a search names) and looked up a handful of times a simulation: a list does. */
struct kept {
	struct kept *next;
	const char *kind, *name;
	const void *value;
};

struct kept_costs {
	struct kept_costs *next;
	struct cost_options options;
	struct cost_model *costs;
};

struct catalog_cache {
	pthread_mutex_t lock;                  /* held while an entry is read, so that it is read once */
	struct arena *arena;
	struct kept *entries;
	struct kept_costs *costs;
	struct iteration_pool *iterations;
};

struct catalog_cache *catalog_cache_new(struct err *err)
{
	struct catalog_cache *cache = mem_calloc(1, sizeof(*cache));

	if (!cache || !(cache->arena = arena_new()) || !(cache->iterations = iteration_pool_new(err))) {
		if (cache)
			arena_free(cache->arena);
		mem_free(cache);
		err_memory(err);
		return NULL;
	}
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void catalog_cache_free(struct catalog_cache *cache)
{
	if (!cache)
		return;
	iteration_pool_free(cache->iterations);
	for (struct kept_costs *k = cache->costs; k; k = k->next)
		cost_model_free(k->costs);
	pthread_mutex_destroy(&cache->lock);
	arena_free(cache->arena);
	mem_free(cache);
}

static const void *find(const struct catalog_cache *cache, const char *kind, const char *name)
{
	for (const struct kept *k = cache->entries; k; k = k->next)
		if (k->kind == kind && strcmp(k->name, name) == 0)
			return k->value;
	return NULL;
}

static bool holds(const struct catalog_cache *cache, const void *value)
{
	for (const struct kept *k = cache->entries; k; k = k->next)
		if (k->value == value)
			return true;
	return value == NULL;
}

static bool keep(struct catalog_cache *cache, const char *kind, const char *name, const void *value)
{
	struct kept *k = arena_alloc(cache->arena, sizeof(*k));

	if (!k || !(k->name = arena_strdup(cache->arena, name)))
		return false;
	k->kind = kind;
	k->value = value;
	k->next = cache->entries;
	cache->entries = k;
	return true;
}

/* What is kept under these names; else what `load` makes of it, kept from now on. */
typedef const void *loader(const void *what, struct arena *arena, struct err *err);

static const void *get(struct catalog_cache *cache, const char *kind, const char *name, const void *what, loader *load, struct err *err)
{
	const void *value;

	pthread_mutex_lock(&cache->lock);
	value = find(cache, kind, name);
	if (!value && (value = load(what, cache->arena, err)) && !keep(cache, kind, name, value)) {
		err_memory(err);
		value = NULL;
	}
	pthread_mutex_unlock(&cache->lock);
	return value;
}

static const char SYSTEM[] = "system", DEVICE[] = "device", PLAIN[] = "plain system", STACK[] = "stack", MODEL[] = "model", TEXT[] = "text";

static const void *load_system(const void *what, struct arena *arena, struct err *err) { return system_load(what, arena, err); }
static const void *load_device(const void *what, struct arena *arena, struct err *err) { return device_load_usable(what, arena, err); }
static const void *load_plain(const void *what, struct arena *arena, struct err *err) { return system_for_device(what, arena, err); }
static const void *load_stack(const void *what, struct arena *arena, struct err *err) { return stack_load(what, arena, err); }
static const void *load_model(const void *what, struct arena *arena, struct err *err) { return model_load(what, arena, err); }

const struct system *cached_system(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err)
{
	return cache ? get(cache, SYSTEM, name, name, load_system, err) : system_load(name, arena, err);
}

const struct device *cached_device(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err)
{
	return cache ? get(cache, DEVICE, name, name, load_device, err) : device_load_usable(name, arena, err);
}

const struct system *cached_plain_system(struct catalog_cache *cache, const struct device *device, struct arena *arena, struct err *err)
{
	char key[32];

	/* By identity: two devices may have one name (a file of the user's). */
	snprintf(key, sizeof(key), "%p", (const void *)device);
	return cache ? get(cache, PLAIN, key, device, load_plain, err) : system_for_device(device, arena, err);
}

const struct stack *cached_stack(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err)
{
	return cache ? get(cache, STACK, name, name, load_stack, err) : stack_load(name, arena, err);
}

const struct model *cached_model(struct catalog_cache *cache, const char *name, struct arena *arena, struct err *err)
{
	return cache ? get(cache, MODEL, name, name, load_model, err) : model_load(name, arena, err);
}

/* A new option has to be compared below, or two scenarios that differ in it would share their costs. */
_Static_assert(sizeof(struct cost_options) == 3 * sizeof(void *) + 3 * sizeof(double), "cost_options has changed: see cached_costs");

static struct cost_model *find_costs(const struct catalog_cache *cache, const struct cost_options *o)
{
	for (const struct kept_costs *k = cache->costs; k; k = k->next)
		if (k->options.system == o->system && k->options.device == o->device && k->options.stack == o->stack &&
		    k->options.best_provider == o->best_provider && k->options.time_scale == o->time_scale &&
		    k->options.power_cap_w == o->power_cap_w)
			return k->costs;
	return NULL;
}

/* Takes over `costs`; NULL: it was not made. */
static struct cost_model *keep_costs(struct catalog_cache *cache, const struct cost_options *o, struct cost_model *costs, struct err *err)
{
	struct kept_costs *k = costs ? arena_alloc(cache->arena, sizeof(*k)) : NULL;

	if (costs && !k) {
		cost_model_free(costs);
		err_memory(err);
	}
	if (!k)
		return NULL;
	*k = (struct kept_costs){ .next = cache->costs, .options = *o, .costs = costs };
	cache->costs = k;
	return costs;
}

/* Models that differ in the scale of their times only (the ends of a run's interval) share tables and prices. */
static struct cost_model *make_costs(struct catalog_cache *cache, const struct cost_options *o, struct err *err)
{
	struct cost_options plain = *o;
	struct cost_model *costs;

	plain.time_scale = 1;
	costs = find_costs(cache, &plain);
	if (!costs) {
		costs = keep_costs(cache, &plain, cost_model_new(&plain, err), err);
		if (!costs || !cost_model_remember(costs, err))
			return NULL;
	}
	return o->time_scale == 1 ? costs : keep_costs(cache, o, cost_model_scaled(costs, o->time_scale, err), err);
}

struct cost_model *cached_costs(struct catalog_cache *cache, const struct cost_options *o, struct err *err)
{
	struct cost_model *costs = NULL;

	if (!cache)
		return NULL;
	pthread_mutex_lock(&cache->lock);
	if (holds(cache, o->device) && holds(cache, o->system) && holds(cache, o->stack) && !(costs = find_costs(cache, o)))
		costs = make_costs(cache, o, err);
	pthread_mutex_unlock(&cache->lock);
	return costs;
}

bool cache_holds(struct catalog_cache *cache, const void *entry)
{
	bool held;

	pthread_mutex_lock(&cache->lock);
	held = entry && holds(cache, entry);
	pthread_mutex_unlock(&cache->lock);
	return held;
}

struct iteration_pool *cached_iterations(struct catalog_cache *cache)
{
	return cache->iterations;
}

const char *cached_text(struct catalog_cache *cache, const char *key)
{
	const char *text;

	if (!cache)
		return NULL;
	pthread_mutex_lock(&cache->lock);
	text = find(cache, TEXT, key);
	pthread_mutex_unlock(&cache->lock);
	return text;
}

void cache_text(struct catalog_cache *cache, const char *key, const char *text)
{
	const char *copy;

	if (!cache)
		return;
	pthread_mutex_lock(&cache->lock);
	copy = find(cache, TEXT, key) ? NULL : arena_strdup(cache->arena, text);
	if (copy && !keep(cache, TEXT, key, copy))
		copy = NULL;
	pthread_mutex_unlock(&cache->lock);
}
