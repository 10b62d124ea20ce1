/* HTTP for one program: libmicrohttpd's connections, limits and headers; what is asked is answered by one function. */
#ifndef CLI_SERVE_HTTP_H
#define CLI_SERVE_HTTP_H

#include "base/attr.h"
#include "base/err.h"
#include "cli/serve/reply.h"
#include "cli/serve/request.h"

struct http_options {
	const char *address;                   /* "127.0.0.1", "::1", "0.0.0.0" */
	int port;                              /* 0: any that is free */
	const char *token;                     /* NULL: there is none */
	/* Called by many threads. */
	void (*answer)(void *ctx, const struct request *request, struct reply *reply);
	void *ctx;
};

struct http;
/* Listens from here on; borrows the options. NULL + err when the address cannot be had. */
MUST_USE struct http *http_start(const struct http_options *options, struct err *err);
/* "http://127.0.0.1:8080/" */
const char *http_url(const struct http *h);
/* Whether only this machine can reach it. */
bool address_is_loopback(const char *address);
/* Ends connections; waits for those that are being answered. */
void http_stop(struct http *h);                                       /* NULL is fine */

#endif
