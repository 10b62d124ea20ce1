/* What a browser asked: method, path, parameters, body. Everything in it comes from outside. */
#ifndef CLI_SERVE_REQUEST_H
#define CLI_SERVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

enum { PARAMS_MOST = 64 };

struct param {
	const char *name, *value;
};

struct request {
	const char *method;                    /* "GET"; HEAD is GET to those who answer */
	const char *path;                      /* decoded, begins with '/' */
	struct param params[PARAMS_MOST];      /* of the query, decoded, in order */
	size_t param_count;
	const char *body;                      /* NUL-terminated; "" without one */
	size_t body_length;
	const char *content_type;              /* NULL: not said */
	bool trusted;                          /* carried the server's token */
	struct arena *arena;                   /* lives as long as the request */
};

/*
 * Reads the target of a request line, "/runs/3f9a?a=b%20c&d", into path and parameters. Refused: what does not begin with
 * '/', broken or NUL percent-encoding, control characters, more than PARAMS_MOST parameters. Texts live in the arena.
 */
MUST_USE bool request_target(const char *target, struct arena *arena, struct request *out, struct err *err);

/* %41 and, where `plus`, '+' for blanks, decoded in the arena; NULL + err for broken encoding. */
MUST_USE const char *percent_decode(const char *text, size_t length, bool plus, struct arena *arena, struct err *err);

/* The other way: for links. */
void request_encode(struct str *out, const char *text);

/* The first value of that name; NULL when there is none or it is empty (forms send empty fields). */
const char *request_param(const struct request *r, const char *name);

/*
 * Whether a Host header names this machine by an address, "localhost", or `own` (--address as given). A page of another
 * site whose name was made to point here (DNS rebinding) sends its own name, and is refused.
 */
bool host_is_ours(const char *host, const char *own);
/* Whether an Origin header ("http://127.0.0.1:8080") is the site that `host` names. */
bool origin_is_host(const char *origin, const char *host);

/* Compares all bytes whatever the first difference, so that time tells nothing. */
bool same_secret(const char *given, const char *secret);

#endif
