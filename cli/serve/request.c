#include "cli/serve/request.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>


static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *percent_decode(const char *text, size_t length, bool plus, struct arena *arena, struct err *err)
{
	char *out = arena_alloc(arena, length + 1), *at = out;

	if (!out) {
		err_memory(err);
		return NULL;
	}
	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < length ? hex(text[i + 1]) : -1, low = high >= 0 ? hex(text[i + 2]) : -1;

			if (low < 0) {
				err_set(err, ERR_INPUT, "address: '%%' at byte %zu: expected two hex digits after it", i);
				return NULL;
			}
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if ((unsigned char)c < ' ' || c == 0x7f) {
			err_set(err, ERR_INPUT, "address: control character at byte %zu", i);
			return NULL;
		}
		*at++ = c;
	}
	return out;
}

static bool add_param(struct request *r, const char *text, size_t length, struct err *err)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	struct param *p;

	if (length == 0)
		return true;
	if (r->param_count == PARAMS_MOST)
		return err_set(err, ERR_INPUT, "address: expected at most %d parameters", PARAMS_MOST);
	p = &r->params[r->param_count++];
	p->name = percent_decode(text, name, true, r->arena, err);
	p->value = p->name && equals ? percent_decode(equals + 1, length - name - 1, true, r->arena, err) : "";
	return p->name && p->value;
}

bool request_target(const char *target, struct arena *arena, struct request *out, struct err *err)
{
	size_t path = strcspn(target, "?#");
	const char *at = target[path] == '?' ? target + path + 1 : "";

	out->arena = arena;
	out->param_count = 0;
	if (*target != '/')
		return err_set(err, ERR_INPUT, "address: expected one that begins with '/'");
	out->path = percent_decode(target, path, false, arena, err);
	if (!out->path)
		return false;
	while (*at && *at != '#') {
		size_t n = strcspn(at, "&#");

		if (!add_param(out, at, n, err))
			return false;
		at += n + (at[n] == '&');
	}
	return true;
}

const char *request_param(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->param_count; i++)
		if (strcmp(r->params[i].name, name) == 0)
			return *r->params[i].value ? r->params[i].value : NULL;
	return NULL;
}

/* "[::1]:80", "127.0.0.1", "localhost:8080" -> the part before the port, without brackets. */
static bool host_name(const char *host, char out[256])
{
	size_t n;

	if (*host == '[') {
		n = strcspn(++host, "]");
		if (host[n] != ']' || (host[n + 1] && host[n + 1] != ':'))
			return false;
	} else {
		n = strcspn(host, ":");
	}
	if (n == 0 || n > 255)
		return false;
	memcpy(out, host, n);
	out[n] = '\0';
	return true;
}

bool host_is_ours(const char *host, const char *own)
{
	unsigned char address[16];
	char name[256];

	if (!host || !host_name(host, name))
		return false;
	return strcasecmp(name, "localhost") == 0 || strcmp(name, own) == 0 || inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

bool origin_is_host(const char *origin, const char *host)
{
	const char *rest = text_starts(origin, "http://") ? origin + 7 : text_starts(origin, "https://") ? origin + 8 : NULL;

	return rest && host && strcasecmp(rest, host) == 0;
}

bool same_secret(const char *given, const char *secret)
{
	size_t n = strlen(given), m = strlen(secret);
	unsigned char differ = n != m;

	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(given[i] ^ secret[m ? i % m : 0]);
	return differ == 0;
}

void request_encode(struct str *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (; *text; text++)
		if (strchr(plain, *text))
			str_add_bytes(out, text, 1);
		else
			str_addf(out, "%%%02X", (unsigned)(unsigned char)*text);
}
