/* A request to the local server: the first line is its target, the second its Host, the rest the JSON body. */
#include "cli/serve/body.h"
#include "cli/serve/filter.h"
#include "cli/serve/simulate.h"
#include "tests/fuzz/input.h"

static void target(const char *line, const char *host, struct arena *a)
{
	struct request r = { 0 };
	struct store_filter filter;
	struct err err = { 0 };
	bool ok = request_target(line, a, &r, &err);

	verdict(ok, &err);
	if (ok && *r.path != '/')
		abort();
	if (ok) {
		ok = filter_from_request(&r, 10, &filter, &err);
		verdict(ok, &err);
		if (ok && (filter.limit < 1 || filter.limit > ROWS_MOST || filter.offset < 0))
			abort();
	}
	(void)host_is_ours(host, "127.0.0.1");
	(void)origin_is_host(line, host);
}

static void body(const char *text, size_t length, const struct command *command, struct arena *a)
{
	struct wishes wishes;
	struct call call;
	struct err err = { 0 };
	bool ok = body_call(text, length, command, a, &call, &wishes, &err);

	verdict(ok, &err);
	/* Whatever was sent, it is a setting of the command or its argument. */
	for (size_t i = 0; ok && i < call.setting_count; i++)
		if (!option_find(command, call.settings[i].option->name))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = input_text(data, size), *host = text + strcspn(text, "\n"), *rest;
	struct arena *a = arena_new();

	if (a) {
		host += *host != '\0' ? (*host = '\0', 1) : 0;
		rest = host + strcspn(host, "\n");
		rest += *rest != '\0' ? (*rest = '\0', 1) : 0;
		target(text, host, a);
		body(rest, size - (size_t)(rest - text), &served_run, a);
		body(rest, size - (size_t)(rest - text), &served_whatif, a);
	}
	arena_free(a);
	free(text);
	return 0;
}
