/* What the local server makes of addresses, hosts and tokens that come from outside. */
#include "cli/serve/request.h"
#include "tests/unit/scratch.h"

static void reads_targets(void)
{
	static const struct { const char *target, *path, *name, *value; } cases[] = {
		{ "/", "/", "a", NULL },
		{ "/runs/3f9a?a=b", "/runs/3f9a", "a", "b" },
		{ "/r%75ns?a=b%20c+d&a=second", "/runs", "a", "b c d" },
		{ "/x+y?z", "/x+y", "z", NULL },
		{ "/?a=&b=1", "/", "a", NULL },
		{ "/?&&a=%26%3d#frag?b", "/", "a", "&=" },
		{ "/#?a=b", "/", "a", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct request r = { 0 };
		struct err err = { 0 };
		const char *value;

		CU_ASSERT_FATAL(request_target(cases[i].target, a, &r, &err));
		SAME_TEXT(r.path, cases[i].path);
		value = request_param(&r, cases[i].name);
		SAME_TEXT(value ? value : "(none)", cases[i].value ? cases[i].value : "(none)");
		arena_free(a);
	}
}

static void refuses_broken_targets(void)
{
	static const struct { const char *target, *says; } cases[] = {
		{ "", "address: expected one that begins with '/'" },
		{ "http://evil/", "address: expected one that begins with '/'" },
		{ "/%", "address: '%' at byte 1: expected two hex digits after it" },
		{ "/%4", "address: '%' at byte 1: expected two hex digits after it" },
		{ "/a%zz", "address: '%' at byte 2: expected two hex digits after it" },
		{ "/a%00b", "address: control character at byte 4" },
		{ "/?a=%0a", "address: control character at byte 2" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *a = arena_new();
		struct request r = { 0 };
		struct err err = { 0 };

		CU_ASSERT_FALSE(request_target(cases[i].target, a, &r, &err));
		CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
		SAME_TEXT(err.text, cases[i].says);
		arena_free(a);
	}
}

static void limits_parameters(void)
{
	struct arena *a = arena_new();
	struct str many = { 0 };
	struct request r = { 0 };
	struct err err = { 0 };

	str_add(&many, "/?");
	for (int i = 0; i < PARAMS_MOST; i++)
		str_addf(&many, "p%d=%d&", i, i);
	CU_ASSERT(request_target(str_text(&many), a, &r, &err));
	CU_ASSERT_EQUAL(r.param_count, PARAMS_MOST);
	str_add(&many, "more=1");
	CU_ASSERT_FALSE(request_target(str_text(&many), a, &r, &err));
	SAME_TEXT(err.text, "address: expected at most 64 parameters");
	str_release(&many);
	arena_free(a);
}

static void encodes_what_it_decodes(void)
{
	struct arena *a = arena_new();
	struct str out = { 0 };
	struct err err = { 0 };
	const char *back;

	request_encode(&out, "a b&c=d/\"<\xc3\xa9>+%");
	SAME_TEXT(str_text(&out), "a%20b%26c%3Dd%2F%22%3C%C3%A9%3E%2B%25");
	back = percent_decode(out.text, out.length, true, a, &err);
	SAME_TEXT(back, "a b&c=d/\"<\xc3\xa9>+%");
	str_release(&out);
	arena_free(a);
}

/* Names that others control must not reach this server through a browser (DNS rebinding). */
static void knows_its_hosts(void)
{
	static const struct { const char *host; bool ours; } cases[] = {
		{ "127.0.0.1:8421", true }, { "127.0.0.1", true }, { "localhost:1", true }, { "LocalHost", true }, { "[::1]:80", true }, { "[::1]", true },
		{ "192.168.1.7:80", true }, { "evil.example", false }, { "127.0.0.1.evil.example", false }, { "localhost.evil.example:8421", false },
		{ "", false }, { ":80", false }, { "[::1", false }, { "[::1]x", false }, { "[evil]", false }, { "own.name:80", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		TRUE_FOR(cases[i].host, host_is_ours(cases[i].host, "own.name") == cases[i].ours);
	CU_ASSERT_FALSE(host_is_ours(NULL, "own.name"));
	CU_ASSERT(origin_is_host("http://127.0.0.1:8421", "127.0.0.1:8421"));
	CU_ASSERT_FALSE(origin_is_host("http://127.0.0.1:8422", "127.0.0.1:8421"));
	CU_ASSERT_FALSE(origin_is_host("null", "127.0.0.1:8421"));
	CU_ASSERT_FALSE(origin_is_host("http://evil.example", "127.0.0.1:8421"));
}

static void compares_secrets(void)
{
	CU_ASSERT(same_secret("abcdefgh", "abcdefgh"));
	CU_ASSERT_FALSE(same_secret("abcdefgi", "abcdefgh"));
	CU_ASSERT_FALSE(same_secret("abcdefghabcdefgh", "abcdefgh"));
	CU_ASSERT_FALSE(same_secret("abcd", "abcdefgh"));
	CU_ASSERT_FALSE(same_secret("", "abcdefgh"));
}

CU_TestInfo suite_serve_request[] = {
	{ "reads targets", reads_targets }, { "refuses broken targets", refuses_broken_targets }, { "limits parameters", limits_parameters },
	{ "encodes what it decodes", encodes_what_it_decodes }, { "knows its hosts", knows_its_hosts }, { "compares secrets", compares_secrets },
	CU_TEST_INFO_NULL,
};
