#include "cli/git_side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/paths.h"
#include "cli/child.h"

#define ARGV(...) (const char *const[]){ __VA_ARGS__, NULL }

/* What a make around this program, or this installation, must not tell the other revision. */
static const char *const unset[] = { "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "B", "SAN", "OPT", "VIBEE_SIM_HOME", "VIBEE_SIM_DB",
				     "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", NULL };

struct checkout {
	const char *repository, *folder, *tree, *program;
	char commit[64];
	bool added;
};

static void cut_line(struct str *out)
{
	if (out->text)
		out->text[strcspn(out->text, "\n")] = '\0';
}

/* One line of git's answer. */
static bool ask_git(const char *const *argv, const char *folder, const char *what, struct arena *arena, const char **answer, struct err *err)
{
	struct str out = { 0 };
	char why[200];
	int status = 0;
	bool ok = child_run(argv, folder, unset, &out, &status, err);

	if (ok && status != 0)
		ok = err_set(err, ERR_INPUT, "%s: %s", what, child_complaint(&out, why, sizeof(why)));
	cut_line(&out);
	if (ok && answer)
		ok = (*answer = arena_strdup(arena, str_text(&out))) || err_memory(err);
	str_release(&out);
	return ok;
}

static bool find(struct checkout *c, const char *revision, struct arena *arena, struct err *err)
{
	char what[128];
	const char *commit;

	snprintf(what, sizeof(what), "git:%.80s", revision);
	if (!ask_git(ARGV("git", "rev-parse", "--show-toplevel"), NULL, what, arena, &c->repository, err))
		return false;
	/* Not the complaint of rev-parse: it is about arguments. */
	if (!ask_git(ARGV("git", "rev-parse", "--verify", "--quiet", arena_printf(arena, "%s^{commit}", revision)), c->repository, what, arena,
		     &commit, err)) {
		*err = (struct err){ 0 };
		return err_set(err, ERR_INPUT, "%s: no such revision in %s; expected a commit, branch or tag", what, c->repository);
	}
	snprintf(c->commit, sizeof(c->commit), "%s", commit);
	return true;
}

static bool check_out(struct checkout *c, struct arena *arena, struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *folder = arena_printf(arena, "%s/vibee-sim-XXXXXX", tmp && *tmp ? tmp : "/tmp");

	if (!folder || !mkdtemp(folder))
		return err_set(err, ERR_IO, "%s: %s", folder ? folder : "temporary folder", strerror(errno));
	c->folder = folder;
	c->tree = arena_printf(arena, "%s/tree", folder);
	if (!c->tree)
		return err_memory(err);
	c->added = ask_git(ARGV("git", "worktree", "add", "--detach", "--quiet", "--force", c->tree, c->commit), c->repository, "git worktree",
			   arena, NULL, err);
	return c->added;
}

static bool build(struct checkout *c, struct arena *arena, struct err *err)
{
	const char *jobs = arena_printf(arena, "-j%ld", sysconf(_SC_NPROCESSORS_ONLN));
	struct str out = { 0 };
	char why[240];
	int status = 0;
	bool ok;

	c->program = arena_printf(arena, "%s/build/plain/vibee-sim", c->tree);
	fprintf(stderr, "building %.12s ...\n", c->commit);
	ok = child_run(ARGV("make", "-s", jobs, "build/plain/vibee-sim"), c->tree, unset, &out, &status, err);
	if (ok && (status != 0 || !paths_is_file(c->program)))
		ok = err_set(err, ERR_INPUT, "revision %.12s does not build: %s", c->commit, child_complaint(&out, why, sizeof(why)));
	str_release(&out);
	return ok;
}

/* Each scenario by the command that every revision has; the file keeps its path here, its data come from the revision's tree. */
static bool simulate_one(struct side *side, const struct checkout *c, const char *path, const char *name, struct err *err)
{
	const char *json = arena_printf(side->arena, "%s/run.json", c->folder);
	bool job = false;
	char why[240], *text = paths_read(path, 16 << 20, NULL, err);
	struct str out = { 0 };
	struct side one;
	int status = 0;
	bool ok = text != NULL;

	if (ok)
		job = strstr(text, "<training") && !strstr(text, "<scenario");
	mem_free(text);
	/* The file that a side is kept in holds the same figures for both kinds; a revision that has no --save tells its own JSON. */
	ok = ok && child_run(ARGV(c->program, "compare", path, "--save", json), NULL, unset, &out, &status, err);
	if (ok && status != 0) {
		str_clear(&out);
		ok = child_run(job ? ARGV(c->program, "train", path, "--no-store", "--quiet", "--json", json)
				   : ARGV(c->program, "run", path, "--no-store", "--quiet", "--json", json), NULL, unset, &out, &status, err);
	}
	/* 1: an SLO was missed; the figures are there. */
	if (ok && status > 1)
		ok = err_set(err, ERR_INPUT, "revision %.12s: %s: %s", c->commit, path, child_complaint(&out, why, sizeof(why)));
	str_release(&out);
	side_init(&one, path, side->arena);
	ok = ok && side_of_json(&one, json, err);
	for (size_t i = 0; ok && i < one.count; i++) {
		struct side_case *made = side_add(side, name, NULL, err);

		ok = made != NULL;
		if (ok) {
			const char *copy = made->name;

			*made = *one.cases[i];
			made->name = copy;
			made->file = path;
		}
	}
	unlink(json);
	return ok;
}

static bool simulate(struct side *side, const struct checkout *c, const char *set, struct err *err)
{
	const char *const *names;
	size_t count = 0;
	bool ok = true;

	if (!paths_is_folder(set)) {
		const char *slash = strrchr(set, '/'), *file = slash ? slash + 1 : set;

		return simulate_one(side, c, set, arena_printf(side->arena, "%.*s", (int)strcspn(file, "."), file), err);
	}
	names = paths_list(set, ".xml", &count, side->arena, err);
	if (!names || count == 0)
		return names ? err_set(err, ERR_INPUT, "%s: no *.xml in it; expected a folder of scenarios", set) : false;
	for (size_t i = 0; ok && i < count; i++)
		ok = simulate_one(side, c, arena_printf(side->arena, "%s/%s.xml", set, names[i]), names[i], err);
	return ok;
}

/* Failures on the way out are of no interest: the folder is temporary, and git prunes worktrees that are gone. */
static void take_away(struct checkout *c)
{
	struct str out = { 0 };
	struct err ignored = { 0 };
	int status;
	bool gone = true;

	if (c->added)
		gone = child_run(ARGV("git", "worktree", "remove", "--force", c->tree), c->repository, unset, &out, &status, &ignored) && status == 0;
	if (c->folder && (!gone || !c->added || rmdir(c->folder) != 0))
		gone = child_run(ARGV("rm", "-rf", "--", c->folder), NULL, unset, &out, &status, &ignored);
	str_release(&out);
}

bool side_of_revision(struct side *side, const char *revision, const char *set, struct err *err)
{
	struct checkout c = { 0 };
	bool ok = find(&c, revision, side->arena, err) && check_out(&c, side->arena, err) && build(&c, side->arena, err) &&
		  simulate(side, &c, set, err);

	take_away(&c);
	side->what = arena_printf(side->arena, "revision %s (%.12s), %zu scenarios of %s", revision, c.commit, side->count, set);
	return ok && (side->what || err_memory(err));
}
