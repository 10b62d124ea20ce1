#include "cli/serve/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

/* A body past BODY_MOST is refused once it has come, one past PATIENCE is cut off. */
enum { BODY_MOST = 1 << 20, PATIENCE = 8 << 20, CONNECTIONS_MOST = 64, IDLE_S = 20, HEADERS_MOST = 64 << 10 };

struct http {
	struct http_options options;
	struct MHD_Daemon *daemon;
	char url[96];
};

/* One request while it comes in. */
struct incoming {
	struct arena *arena;
	char *target;
	struct str body;
	size_t came;                           /* bytes of body, also those that are not kept */
	bool seen;
};

bool address_is_loopback(const char *address)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return strcmp(address, "::1") == 0;
}

/* The target as it was sent: decoding is done once, and here. */
static void *on_target(void *ctx, const char *target, struct MHD_Connection *connection)
{
	struct incoming *in = mem_calloc(1, sizeof(*in));

	(void)ctx;
	(void)connection;
	if (!in)
		return NULL;
	in->arena = arena_new();
	in->target = in->arena ? arena_strdup(in->arena, target) : NULL;
	return in;
}

static void on_end(void *ctx, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode why)
{
	struct incoming *in = *state;

	(void)ctx;
	(void)connection;
	(void)why;
	if (!in)
		return;
	str_release(&in->body);
	arena_free(in->arena);
	mem_free(in);
	*state = NULL;
}

static void add_headers(struct MHD_Response *response, const struct reply *reply)
{
	static const char *const always[][2] = {
		{ "Cache-Control", "no-store" }, { "X-Content-Type-Options", "nosniff" }, { "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" }, { "X-Frame-Options", "DENY" },
		{ "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
					     "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" },
	};

	for (size_t i = 0; i < COUNT_OF(always); i++)
		MHD_add_response_header(response, always[i][0], always[i][1]);
	MHD_add_response_header(response, "Content-Type", reply->type ? reply->type : "application/json");
	if (reply->allow)
		MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->status == HTTP_BUSY)
		MHD_add_response_header(response, "Retry-After", "5");
}

/* Hands the body over to the library. */
static enum MHD_Result send_reply(struct MHD_Connection *connection, struct reply *reply)
{
	struct MHD_Response *response;
	enum MHD_Result sent;

	if (reply->body.failed) {
		struct err memory = { 0 };

		err_memory(&memory);
		str_release(&reply->body);
		reply_error(reply, HTTP_INTERNAL, memory.text);
	}
	response = MHD_create_response_from_buffer(reply->body.length, (void *)(uintptr_t)str_text(&reply->body), MHD_RESPMEM_MUST_COPY);
	str_release(&reply->body);
	if (!response)
		return MHD_NO;
	add_headers(response, reply);
	sent = MHD_queue_response(connection, (unsigned)(reply->status ? reply->status : HTTP_OK), response);
	MHD_destroy_response(response);
	return sent;
}

/* Who may ask at all. False: the reply says why not. */
static bool admit(const struct http *h, struct MHD_Connection *connection, struct request *r, struct reply *reply)
{
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	const char *origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin");
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");

	if (!host_is_ours(host, h->options.address)) {
		reply_error(reply, HTTP_FORBIDDEN, "Host: expected an address of this machine or localhost");
		return false;
	}
	if (origin && !origin_is_host(origin, host)) {
		reply_error(reply, HTTP_FORBIDDEN, "Origin: requests of other sites are refused");
		return false;
	}
	if (given) {
		if (!text_starts(given, "Bearer ") || !h->options.token || !same_secret(given + 7, h->options.token)) {
			reply_error(reply, HTTP_FORBIDDEN, h->options.token ? "wrong token" : "this server was started without --token: it takes none");
			return false;
		}
		r->trusted = true;
	}
	return true;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
				  const char *data, size_t *length, void **state)
{
	const struct http *h = ctx;
	struct incoming *in = *state;
	struct request r = { .method = strcmp(method, "HEAD") == 0 ? "GET" : method };
	struct reply reply = { 0 };
	struct err err = { 0 };

	(void)url;
	(void)version;
	if (!in || !in->target)
		return MHD_NO;
	if (!in->seen) {               /* headers only; the body follows */
		in->seen = true;
		return MHD_YES;
	}
	if (*length > 0) {
		in->came += *length;
		if (in->came <= BODY_MOST)
			str_add_bytes(&in->body, data, *length);
		*length = 0;
		return in->came <= PATIENCE ? MHD_YES : MHD_NO;
	}
	r.body = str_text(&in->body);
	r.body_length = in->body.length;
	r.content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	if (in->came > BODY_MOST)
		reply_error(&reply, HTTP_TOO_LARGE, "body: expected at most 1 MiB");
	else if (in->body.failed)
		reply_error(&reply, HTTP_INTERNAL, "out of memory");
	else if (admit(h, connection, &r, &reply)) {
		if (request_target(in->target, in->arena, &r, &err))
			h->options.answer(h->options.ctx, &r, &reply);
		else
			reply_failure(&reply, &err);
	}
	return send_reply(connection, &reply);
}

/* The library's own complaints are about clients that went away. */
static void be_quiet(void *ctx, const char *format, va_list args)
{
	(void)ctx;
	(void)format;
	(void)args;
}

static bool socket_address(const struct http_options *o, struct sockaddr_storage *out, bool *v6)
{
	struct sockaddr_in *four = (struct sockaddr_in *)out;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	*v6 = inet_pton(AF_INET6, o->address, &six->sin6_addr) == 1;
	if (*v6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)o->port);
		return true;
	}
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)o->port);
	return inet_pton(AF_INET, o->address, &four->sin_addr) == 1;
}

struct http *http_start(const struct http_options *o, struct err *err)
{
	struct http *h = mem_calloc(1, sizeof(*h));
	struct sockaddr_storage address;
	const union MHD_DaemonInfo *bound;
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
	bool v6;

	if (!h) {
		err_memory(err);
		return NULL;
	}
	h->options = *o;
	if (!socket_address(o, &address, &v6)) {
		err_set(err, ERR_INPUT, "--address %s: expected an IP address, for example 127.0.0.1 or ::1", o->address);
		goto fail;
	}
	errno = 0;
	h->daemon = MHD_start_daemon(flags | (v6 ? MHD_USE_IPv6 : 0), (uint16_t)o->port, NULL, NULL, on_request, h,
				     MHD_OPTION_EXTERNAL_LOGGER, be_quiet, NULL, MHD_OPTION_SOCK_ADDR, &address,
				     MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MOST, MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL,
				     MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL, MHD_OPTION_END);
	if (!h->daemon) {
		err_set(err, ERR_IO, "%s port %d: cannot listen there: %s", o->address, o->port, errno ? strerror(errno) : "no reason given");
		goto fail;
	}
	bound = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
	snprintf(h->url, sizeof(h->url), v6 ? "http://[%.46s]:%u/" : "http://%.46s:%u/", o->address, bound ? bound->port : (unsigned)o->port);
	return h;
fail:
	mem_free(h);
	return NULL;
}

const char *http_url(const struct http *h)
{
	return h->url;
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	mem_free(h);
}
