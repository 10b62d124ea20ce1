/* What a request is answered with. */
#ifndef CLI_SERVE_REPLY_H
#define CLI_SERVE_REPLY_H

#include "base/err.h"
#include "base/str.h"

enum http_status {
	HTTP_OK = 200, HTTP_NOTHING = 204, HTTP_SEE_OTHER = 303, HTTP_BAD = 400, HTTP_FORBIDDEN = 403, HTTP_NOT_FOUND = 404,
	HTTP_BAD_METHOD = 405, HTTP_TOO_LARGE = 413, HTTP_BAD_TYPE = 415, HTTP_TOO_LONG = 422, HTTP_INTERNAL = 500, HTTP_BUSY = 503
};

struct reply {
	int status;                            /* enum http_status; 0: HTTP_OK */
	const char *type;                      /* "application/json" (also when NULL), "text/html; charset=utf-8" */
	const char *allow;                     /* methods, with HTTP_BAD_METHOD */
	struct str body;
};

#define TYPE_HTML "text/html; charset=utf-8"

/* {"error": text} with that status; whatever was in the body is dropped. */
void reply_error(struct reply *reply, int status, const char *text);
/* The same, with the status that the kind of the error calls for. */
void reply_failure(struct reply *reply, const struct err *err);

#endif
