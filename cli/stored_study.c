#include "cli/stored_study.h"

#include <string.h>
#include <unistd.h>

#include "cli/run_outputs.h"
#include "cli/study_outputs.h"
#include "cli/study_read.h"
#include "cli/validation_outputs.h"
#include "reports/document_page.h"
#include "reports/report_junit.h"

static bool validation_of(struct store *s, const struct stored_study *study, struct arena *arena, struct validation_view *out, struct err *err)
{
	out->study = study;
	return store_get_validation(s, study->id, arena, &out->rows, &out->count, err);
}

static bool document_of(struct store *s, const struct stored_study *study, struct arena *arena, struct str *out, struct err *err)
{
	struct validation_view view;

	if (!study->document)
		return validation_of(s, study, arena, &view, err) && validation_json(&view, out, err);
	str_add(out, study->document);
	return !out->failed || err_memory(err);
}

bool study_document(struct store *s, const char *name, struct arena *arena, struct str *out, struct err *err)
{
	struct stored_study study;

	return store_get_study(s, NULL, name, arena, &study, err) && document_of(s, &study, arena, out, err);
}

/* Also studies whose documents the views do not read: those of training jobs have figures of their own. */
static bool show_document(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out,
			  struct err *err)
{
	const char *title = study->title ? study->title : study->kind, *kicker = arena_printf(arena, "vibee-sim %s", study->kind);
	struct term term = term_detect(STDOUT_FILENO);

	(void)s;
	switch (form) {
	case STUDY_HTML: return document_html(study->document, kicker ? kicker : "", title, out, err);
	case STUDY_MARKDOWN: return document_markdown(study->document, title, out, err);
	default: return document_text(study->document, title, &term, out, err);
	}
}

static bool show_whatif(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out, struct err *err)
{
	static bool (*const forms[STUDY_FORMS])(const struct whatif_view *, struct str *, struct err *) = { whatif_text, whatif_html, whatif_markdown };
	struct whatif_view view;
	struct err own = { 0 };

	if (whatif_read(study->document, &view, arena, &own))
		return forms[form](&view, out, err);
	return own.kind == ERR_INPUT ? show_document(s, study, form, arena, out, err) : err_set(err, own.kind, "%s", own.text);
}

static bool show_search(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out, struct err *err)
{
	static bool (*const forms[STUDY_FORMS])(const struct search_view *, struct str *, struct err *) = { search_text, search_html, search_markdown };
	struct search_view view;
	struct err own = { 0 };

	if (search_read(study->document, &view, arena, &own))
		return forms[form](&view, out, err);
	return own.kind == ERR_INPUT ? show_document(s, study, form, arena, out, err) : err_set(err, own.kind, "%s", own.text);
}

static bool show_validation(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out,
			    struct err *err)
{
	static bool (*const forms[STUDY_FORMS])(const struct validation_view *, struct str *, struct err *) = { validation_text, validation_html,
														   validation_markdown };
	struct validation_view view;

	return validation_of(s, study, arena, &view, err) && forms[form](&view, out, err);
}

/* The one line to add for a new kind of study; others are shown as documents. */
static const struct {
	const char *kind;
	bool needs_document;
	bool (*show)(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out, struct err *err);
} kinds[] = {
	{ "whatif", true, show_whatif }, { "search", true, show_search }, { "validate", false, show_validation },
};

static bool show(struct store *s, const struct stored_study *study, enum study_form form, struct arena *arena, struct str *out, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].kind, study->kind) == 0 && (!kinds[i].needs_document || study->document))
			return kinds[i].show(s, study, form, arena, out, err);
	if (study->document)
		return show_document(s, study, form, arena, out, err);
	return err_set(err, ERR_INPUT, "study %.12s: of kind %.32s, nothing of it was kept", study->id, study->kind);
}

bool study_show(struct store *s, const char *kind, const char *name, enum study_form form, struct arena *arena, struct str *out, struct err *err)
{
	struct stored_study study;

	return store_get_study(s, kind, name, arena, &study, err) && show(s, &study, form, arena, out, err);
}

static bool junit_of(struct store *s, const struct stored_study *study, struct arena *arena, struct str *out, struct err *err)
{
	struct side side;

	side_init(&side, study->title ? study->title : study->kind, arena);
	return side_of_study(&side, s, study->id, err) && study_junit(&side, out, err);
}

bool show_stored_study(const struct call *call, const char *kind, const char *name, struct err *err)
{
	static const struct { const char *option; enum study_form form; } forms[] = { { "html", STUDY_HTML }, { "markdown", STUDY_MARKDOWN } };
	const char *path = run_database(call, err), *json = call_text(call, "json");
	struct store *store = path ? store_open_existing(path, err) : NULL;
	struct stored_study study;
	struct str out = { 0 };
	bool ok = store && store_get_study(store, kind, name, call->arena, &study, err), written = json != NULL;

	if (ok && json) {
		ok = document_of(store, &study, call->arena, &out, err);
		ok = study_write(json, &out, ok, err);
	}
	for (size_t i = 0; ok && i < COUNT_OF(forms); i++) {
		const char *file = call_text(call, forms[i].option);

		if (!file)
			continue;
		written = true;
		ok = show(store, &study, forms[i].form, call->arena, &out, err);
		ok = study_write(file, &out, ok, err);
	}
	if (ok && call_text(call, "junit")) {
		written = true;
		ok = junit_of(store, &study, call->arena, &out, err);
		ok = study_write(call_text(call, "junit"), &out, ok, err);
	}
	if (ok && !written) {
		ok = show(store, &study, STUDY_TEXT, call->arena, &out, err);
		ok = study_write("-", &out, ok, err);
	}
	store_close(store);
	return ok;
}
