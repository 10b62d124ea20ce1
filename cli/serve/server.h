/* The local server: what it was started with, and the routes it answers. */
#ifndef CLI_SERVE_SERVER_H
#define CLI_SERVE_SERVER_H

#include "cli/serve/gate.h"
#include "cli/serve/reply.h"
#include "cli/serve/request.h"
#include "reports/store.h"

/* Shared by all requests, never changed while they are answered. */
struct server {
	const char *database;
	const char *token;                     /* NULL: there is none, nothing can be written */
	bool local;                            /* only this machine reaches it */
	struct gate *gate;
};

struct route {
	const char *method, *path;             /* "/runs/:" takes one more word, given as `word` */
	void (*answer)(const struct server *s, const struct request *r, const char *word, struct reply *reply);
	const char *help;                      /* one line; NULL: not told of */
};
/* Each ends with a NULL method. */
extern const struct route api_routes[], page_routes[];

/* Finds the route and answers: the whole of what the server does with a request. ctx: a struct server. */
void server_answer(void *ctx, const struct request *r, struct reply *reply);

/* The database for reading; NULL + err. A database that does not exist yet is an error that says so. */
MUST_USE struct store *server_store(const struct server *s, struct err *err);

#endif
