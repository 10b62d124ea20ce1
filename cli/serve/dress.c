#include "cli/serve/dress.h"

#include <string.h>

#include "base/attr.h"
#include "reports/markup.h"
#include "reports/page.h"

static void add_bar(struct str *out, const char *here)
{
	static const char *const entries[][2] = { { "/", "Runs" }, { "/studies", "Studies" }, { "/whatif", "What if" }, { "/api", "API" } };

	str_add(out, "<nav class=\"bar\"><b>vibee-sim</b>");
	for (size_t i = 0; i < COUNT_OF(entries); i++)
		str_addf(out, "<a href=\"%s\"%s>%s</a>", entries[i][0], strcmp(entries[i][0], here) == 0 ? " aria-current=\"page\"" : "", entries[i][1]);
	str_add(out, "</nav>\n");
}

bool dress_begin(struct reply *reply, const char *here, const char *title, const char *summary, struct err *err)
{
	struct str bar = { 0 };
	bool ok;

	reply->type = TYPE_HTML;
	add_bar(&bar, here);
	ok = page_begin_served(&reply->body, "vibee-sim", title, summary, str_text(&bar), "serve.css", err);
	str_release(&bar);
	return ok;
}

void dress_report(struct reply *reply, const char *here, const char *more, const struct str *report)
{
	static const char body[] = "<body>\n", head[] = "</style>";
	const char *style = strstr(str_text(report), head), *open = strstr(str_text(report), body);
	struct err err = { 0 };

	reply->type = TYPE_HTML;
	if (!style || !open || style > open) {         /* not one of our reports: as it is */
		str_add(&reply->body, str_text(report));
		return;
	}
	str_add_bytes(&reply->body, report->text, (size_t)(style - report->text));
	if (!page_template(&reply->body, "serve.css", &err))
		str_add(&reply->body, "/* serve.css is missing */\n");
	open += strlen(body);
	str_add_bytes(&reply->body, style, (size_t)(open - style));
	add_bar(&reply->body, here);
	str_add(&reply->body, more ? more : "");
	str_add(&reply->body, open);
}

void dress_failure(struct reply *reply, const struct err *err)
{
	struct reply said = { .status = reply->status };
	struct err own = { 0 };

	reply_failure(&said, err);             /* its status is the one to use */
	str_release(&said.body);
	str_clear(&reply->body);
	reply->status = said.status;
	if (dress_begin(reply, "", said.status == HTTP_NOT_FOUND ? "Not found" : "That did not work", "", &own)) {
		page_text(&reply->body, err->text);
		if (page_end(&reply->body, &own))
			return;
	}
	reply_failure(reply, err);
}
