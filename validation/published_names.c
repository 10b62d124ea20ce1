#include "validation/published_names.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "hardware/catalog.h"

enum { KEY_MOST = 128, WORD_MOST = 32 };

/* One spelling: letters and digits of a name in lower case, and the row of a table that it means. */
struct spelling {
	const char *key;
	const void *means;
};

struct spellings {
	struct spelling *at;
	size_t count, room;
};

struct published_lexicon {
	struct spellings models, accelerators;
};

void published_note(struct str *notes, const char *fmt, ...)
{
	va_list args;

	if (notes->length)
		str_add(notes, "; ");
	va_start(args, fmt);
	str_vaddf(notes, fmt, args);
	va_end(args);
}

static void letters_and_digits(const char *text, char key[KEY_MOST])
{
	size_t n = 0;

	for (; *text && n + 1 < KEY_MOST; text++)
		if (isalnum((unsigned char)*text))
			key[n++] = (char)tolower((unsigned char)*text);
	key[n] = '\0';
}

/* "meta-llama/Llama-3.1 8B" and "llama_3.1-8b" have one key. */
static void make_key(const char *text, char key[KEY_MOST])
{
	const char *slash = strrchr(text, '/');

	letters_and_digits(slash ? slash + 1 : text, key);
}

static const void *find(const struct spellings *s, const char *text)
{
	char key[KEY_MOST];

	make_key(text, key);
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->at[i].key, key) == 0)
			return s->at[i].means;
	return NULL;
}

/* The first meaning of a spelling counts: our own tables come before the catalogs. */
static bool add(struct spellings *s, const char *text, const void *means, struct arena *arena)
{
	char key[KEY_MOST];
	char *kept;

	make_key(text, key);
	if (!key[0] || find(s, text))
		return true;
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 512;
		struct spelling *grown = arena_alloc(arena, room * sizeof(*grown));

		if (!grown)
			return false;
		if (s->count)
			memcpy(grown, s->at, s->count * sizeof(*grown));
		s->at = grown, s->room = room;
	}
	if (!(kept = arena_strdup(arena, key)))
		return false;
	s->at[s->count++] = (struct spelling){ kept, means };
	return true;
}

/* A catalog entry under its name and all its aliases. */
static bool add_entry(struct spellings *s, const char *folder, const char *name, const void *means, struct arena *arena)
{
	const char *list = catalog_aliases(folder, name, arena);

	if (!add(s, name, means, arena))
		return false;
	while (list && *list) {
		size_t n = strcspn(list, " ");
		const char *word = arena_printf(arena, "%.*s", (int)n, list);

		if (!word || !add(s, word, means, arena))
			return false;
		list += n + strspn(list + n, " ");
	}
	return true;
}

static const struct model_name *model_entry(const char *name, struct arena *arena)
{
	const struct model_name *known = published_model_of(name);
	struct model_name *m;

	if (known)
		return known;
	if ((m = arena_alloc(arena, sizeof(*m))))
		*m = (struct model_name){ .name = name, .catalog = name, .checkpoint = CHECKPOINT_UNKNOWN };
	return m;
}

static const struct accelerator_name *accelerator_entry(const char *name, struct arena *arena)
{
	const struct accelerator_name *known = published_accelerator_of(name);
	struct accelerator_name *a;

	if (known)
		return known;
	if ((a = arena_alloc(arena, sizeof(*a))))
		*a = (struct accelerator_name){ .name = name, .device = name };
	return a;
}

static bool add_models(struct spellings *s, struct arena *arena, struct err *err)
{
	static const char folder[] = "models/llm";
	const char *const *names;
	size_t count;

	for (size_t i = 0; i < published_model_count; i++)
		if (!add(s, published_models[i].name, &published_models[i], arena))
			return err_memory(err);
	if (!(names = catalog_names(folder, &count, arena, err)))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct model_name *m = model_entry(names[i], arena);

		if (!m || !add_entry(s, folder, names[i], m, arena))
			return err_memory(err);
	}
	return true;
}

static bool add_accelerators(struct spellings *s, struct arena *arena, struct err *err)
{
	static const char folder[] = "hardware/devices";
	const char *const *names;
	size_t count;

	for (size_t i = 0; i < published_accelerator_count; i++)
		if (!add(s, published_accelerators[i].name, &published_accelerators[i], arena))
			return err_memory(err);
	if (!(names = catalog_names(folder, &count, arena, err)))
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct accelerator_name *a = accelerator_entry(names[i], arena);

		if (!a || !add_entry(s, folder, names[i], a, arena))
			return err_memory(err);
	}
	return true;
}

struct published_lexicon *published_lexicon_new(struct arena *arena, struct err *err)
{
	struct published_lexicon *l = arena_alloc(arena, sizeof(*l));

	if (!l) {
		err_memory(err);
		return NULL;
	}
	*l = (struct published_lexicon){ .models = { .count = 0 } };
	return add_models(&l->models, arena, err) && add_accelerators(&l->accelerators, arena, err) ? l : NULL;
}

/* The last word of text[0, *length), and in *length where it begins. */
static const char *last_word(const char *text, size_t *length, char word[WORD_MOST])
{
	size_t end = *length, at;

	while (end > 0 && !isalnum((unsigned char)text[end - 1]))
		end--;
	at = end;
	while (at > 0 && (isalnum((unsigned char)text[at - 1]) || text[at - 1] == '.'))
		at--;
	*length = at;
	snprintf(word, WORD_MOST, "%.*s", (int)(end - at), text + at);
	return word;
}

/* Words that make another model of it: sizes ("70b", "8x7B", "a22b") and what was added or taken away. */
static bool names_another_model(const char *word)
{
	static const char *const others[] = { "distill", "vision", "vl", "coder", "math", "audio", "omni", "embedding", "reranker", "guard",
					      "draft", "eagle", "eagle3", "medusa", "pruned", "sparse", "maverick", "scout", "mini", "air" };
	size_t n = strlen(word);

	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (text_equal_fold(word, others[i]))
			return true;
	return n > 1 && strchr("bBmM", word[n - 1]) && isdigit((unsigned char)word[n - 2]);
}

/* Words of how a device is sold, not which it is. Other endings ("PCIe", "NVL") are devices of their own. */
static bool names_another_device(const char *word)
{
	static const char *const forms[] = { "sxm", "sxm2", "sxm3", "sxm4", "sxm5", "sxm6", "oam", "hgx", "dgx", "hbm2e", "hbm3", "hbm3e", "gpu", "tensor",
					     "core", "accelerator", "chip", "card", "x1", "x2", "x4", "x8", "x16", "quietbox", "server", "edition", "nvl72",
					     "superchip", "ai", "platform", "oem" };
	size_t n = strlen(word);

	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (text_equal_fold(word, forms[i]))
			return false;
	return !(n > 2 && text_equal_fold(word + n - 2, "gb") && isdigit((unsigned char)word[0]));
}

/* The name itself, without what stands in brackets, then with one word after the other dropped from its end. */
static const void *find_shorter(const struct spellings *s, const char *text, bool (*another)(const char *word))
{
	const char *bracket = strchr(text, '(');
	size_t length = bracket && bracket > text ? (size_t)(bracket - text) : strlen(text);
	char rest[KEY_MOST], word[WORD_MOST];
	const void *means;

	snprintf(rest, sizeof(rest), "%.*s", (int)(length < KEY_MOST ? length : KEY_MOST - 1), text);
	length = strlen(rest);
	while (!(means = find(s, rest)) && length > 0) {
		if (another(last_word(rest, &length, word)))
			return NULL;
		rest[length] = '\0';
	}
	return means;
}

const struct model_name *published_find_model(const struct published_lexicon *l, const char *text, struct str *notes)
{
	const struct model_name *m = published_model(text);

	if (m)
		return m;
	if (!(m = find(&l->models, text)))
		m = find_shorter(&l->models, text, names_another_model);
	if (m)
		published_note(notes, "model '%s' read as %s", text, m->catalog);
	return m;
}

/* Past "NVIDIA ", "8x" and the like. */
static const char *past_vendor(const char *text)
{
	static const char *const vendors[] = { "nvidia", "amd", "intel", "google", "aws", "amazon", "instinct", "tesla", "cloud", "geforce", "habana",
					       "cerebras", "hgx", "dgx" };
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < COUNT_OF(vendors); i++) {
			size_t n = strlen(vendors[i]);
			char head[WORD_MOST];

			snprintf(head, sizeof(head), "%.*s", (int)n, text);
			if (text_equal_fold(head, vendors[i]) && text[n] && !isalnum((unsigned char)text[n])) {
				text += n + 1;
				again = true;
			}
		}
	}
	if (isdigit((unsigned char)text[0]) && strspn(text, "0123456789") == strcspn(text, "xX ") && strpbrk(text, "xX"))
		text = strpbrk(text, "xX") + 1;
	return text + strspn(text, " -");
}

const struct accelerator_name *published_find_accelerator(const struct published_lexicon *l, const char *text, struct str *notes)
{
	const struct accelerator_name *a = published_accelerator(text);

	if (a)
		return a;
	if (!(a = find(&l->accelerators, text)) && !(a = find(&l->accelerators, past_vendor(text))))
		a = find_shorter(&l->accelerators, past_vendor(text), names_another_device);
	if (a)
		published_note(notes, "accelerator '%s' read as %s", text, a->device);
	return a;
}

/* What texts of number formats hold, the more special first; fp32 on a form of MLPerf is what its tools make of unnamed formats. */
static const struct { const char *holds, *name; } formats[] = {
	{ "w4a16", "int4" }, { "w4a8", "int4" }, { "awq", "int4" }, { "gptq", "int4" }, { "nvfp4", "fp4" }, { "mxfp4", "fp4" }, { "fp4", "fp4" }, { "w4a4", "fp4" },
	{ "int4", "int4" }, { "w8a8", "int8" }, { "int8", "int8" }, { "mxfp8", "fp8" }, { "fp8", "fp8" }, { "e4m3", "fp8" }, { "bf16", "bf16" },
	{ "bfloat16", "bf16" }, { "fp16", "fp16" }, { "float16", "fp16" }, { "half", "fp16" }, { "fp32", "" }, { "float32", "" }, { "tf32", "" },
};

static const struct precision_name *format_in(const char *text)
{
	char key[KEY_MOST];

	letters_and_digits(text, key);
	for (size_t i = 0; i < COUNT_OF(formats); i++)
		if (strstr(key, formats[i].holds))
			return published_precision(formats[i].name);
	return NULL;
}

const struct precision_name *published_find_precision(const char *text, const char *model, struct str *notes)
{
	const struct precision_name *p = published_precision(text);

	if (!text[0]) {
		const struct precision_name *named = published_model(model) ? NULL : format_in(model);

		if (named)
			published_note(notes, "number format %s as the model's name says", named->name);
		return named ? named : p;
	}
	if (p)
		return p;
	if ((p = format_in(text)) && p->name[0])
		published_note(notes, "number format '%s' read as %s", text, p->name);
	else
		published_note(notes, "number format '%s' taken as the model's own", text);
	return p ? p : published_precision("");
}
