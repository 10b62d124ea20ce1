#include "cli/serve/reply.h"

#include "base/json.h"
#include "reports/run_json.h"

void reply_error(struct reply *reply, int status, const char *text)
{
	struct json j;

	reply->status = status;
	reply->type = NULL;
	str_clear(&reply->body);
	json_init(&j, &reply->body, false);
	json_object(&j, NULL);
	json_clean(&j, "error", text);         /* it may quote what was sent */
	json_end(&j);
	str_add(&reply->body, "\n");
}

void reply_failure(struct reply *reply, const struct err *err)
{
	static const int status[] = { [ERR_NONE] = HTTP_INTERNAL, [ERR_CHECK] = HTTP_TOO_LONG, [ERR_INPUT] = HTTP_BAD, [ERR_IO] = HTTP_INTERNAL,
				      [ERR_INTERNAL] = HTTP_INTERNAL };

	/* A route that has already said what kind of failure it is keeps that. */
	reply_error(reply, reply->status >= HTTP_BAD ? reply->status : status[err->kind], err->kind ? err->text : "failed without a reason");
}
