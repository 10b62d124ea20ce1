#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include <CUnit/CUnit.h>

#include "base/mem.h"
#include "base/paths.h"
#include "tests/unit/scratch.h"

static void data_tree(void)
{
	struct arena *a = arena_new();
	struct err err = { 0 };
	const char *kept = getenv("VIBEE_SIM_HOME"), *found;
	char *home = kept ? mem_strdup(kept) : NULL;

	setenv("VIBEE_SIM_HOME", ".", 1);
	SAME_TEXT(paths_data("hardware/devices", a, &err), "./hardware/devices");
	SAME_TEXT(paths_data("models/none.xml", a, &err), "./models/none.xml");   /* says where, not whether */
	setenv("VIBEE_SIM_HOME", "/nowhere", 1);
	CU_ASSERT_PTR_NULL(paths_data("hardware/devices", a, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_INPUT);
	SAME_TEXT(err.text, "VIBEE_SIM_HOME=/nowhere: no hardware/devices folder there");
	err = (struct err){ 0 };
	setenv("VIBEE_SIM_HOME", ".", 1);
	mem_fail_after(1);
	found = paths_data("a path longer than what is left of a chunk", a, &err);
	mem_fail_after(0);
	CU_ASSERT(found || err.kind == ERR_INTERNAL);
	if (home)
		setenv("VIBEE_SIM_HOME", home, 1);
	else
		unsetenv("VIBEE_SIM_HOME");
	mem_free(home);
	arena_free(a);
}

static void kinds(void)
{
	CU_ASSERT_TRUE(paths_is_file("Makefile"));
	CU_ASSERT_FALSE(paths_is_file("base"));
	CU_ASSERT_FALSE(paths_is_file("absent"));
	CU_ASSERT_TRUE(paths_is_folder("base"));
	CU_ASSERT_FALSE(paths_is_folder("Makefile"));
	CU_ASSERT_FALSE(paths_is_folder(""));
}

static void lists_names(void)
{
	static const char *const files[] = { "b.xml", "a.xml", "c.csv", ".hidden.xml", "a.xml.tmp", "xml" };
	char folder[SCRATCH_PATH], path[SCRATCH_PATH + 32];
	struct arena *a = arena_new();
	const char *const *names;
	struct err err = { 0 };
	size_t n;

	CU_ASSERT_EQUAL_FATAL(mkdir(scratch_path(folder, "list"), 0700), 0);
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		fclose(fopen(path, "w"));
	}
	names = paths_list(folder, ".xml", &n, a, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	CU_ASSERT_EQUAL_FATAL(n, 2);
	SAME_TEXT(names[0], "a");
	SAME_TEXT(names[1], "b");
	CU_ASSERT_PTR_NULL(names[2]);
	names = paths_list(folder, ".none", &n, a, &err);
	CU_ASSERT_PTR_NOT_NULL(names);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(err.kind, ERR_NONE);
	for (size_t k = 1; k < 3; k++) {
		struct arena *small = arena_new();
		struct err memory = { 0 };

		mem_fail_after(k);
		names = paths_list(folder, ".xml", &n, small, &memory);
		mem_fail_after(0);
		CU_ASSERT_PTR_NULL(names);
		SAME_TEXT(memory.text, "out of memory");
		arena_free(small);
	}
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		remove(path);
	}
	rmdir(folder);
	CU_ASSERT_PTR_NULL(paths_list("absent", ".xml", &n, a, &err));
	CU_ASSERT_EQUAL(n, 0);
	SAME_TEXT(err.text, "absent: No such file or directory");
	arena_free(a);
}

static void reads_whole_files(void)
{
	char path[SCRATCH_PATH], *text;
	struct err err = { 0 };
	size_t n = 0;

	text = paths_read(scratch_bytes(path, "read", "a\0b", 3), 3, &n, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	CU_ASSERT_EQUAL(n, 3);
	CU_ASSERT_EQUAL(memcmp(text, "a\0b", 4), 0);
	mem_free(text);
	CU_ASSERT_PTR_NULL(paths_read(path, 2, &n, &err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "over 2 bytes"));
	err = (struct err){ 0 };
	text = paths_read(scratch_bytes(path, "read", "", 0), 10, NULL, &err);
	SAME_TEXT(text, "");
	mem_free(text);
	CU_ASSERT_PTR_NULL(paths_read("absent", 10, &n, &err));
	SAME_TEXT(err.text, "absent: not a readable file: No such file or directory");
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(paths_read("base", 10, &n, &err));
	SAME_TEXT(err.text, "base: not a readable file: is a folder");
	err = (struct err){ 0 };
	CU_ASSERT_PTR_NULL(paths_read("/dev/zero", 1 << 20, &n, &err));    /* endless: bounded by `most` */
	SAME_TEXT(err.text, "/dev/zero: over 1048576 bytes");
	err = (struct err){ 0 };
	mem_fail_after(1);
	CU_ASSERT_PTR_NULL(paths_read(path, 10, &n, &err));
	mem_fail_after(0);
	SAME_TEXT(err.text, "out of memory");
	remove(path);
}

static void same_content(const char *path, const char *expected)
{
	struct err err = { 0 };
	char *text = paths_read(path, 1000, NULL, &err);

	SAME_TEXT(text ? text : err.text, expected);
	mem_free(text);
}

static void writes_whole_or_not_at_all(void)
{
	char path[SCRATCH_PATH], link[SCRATCH_PATH];
	struct err err = { 0 };
	struct stat st;

	CU_ASSERT_TRUE(paths_write(scratch_path(path, "written"), "one", 3, &err));
	same_content(path, "one");
	CU_ASSERT_TRUE(paths_write(path, "two", 3, &err));
	same_content(path, "two");
	mem_fail_after(1);
	CU_ASSERT_FALSE(paths_write(path, "three", 5, &err));
	mem_fail_after(0);
	SAME_TEXT(err.text, "out of memory");
	same_content(path, "two");
	CU_ASSERT_EQUAL(symlink(path, scratch_path(link, "link")), 0);
	err = (struct err){ 0 };
	CU_ASSERT_TRUE(paths_write(link, "through", 7, &err));
	CU_ASSERT(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
	same_content(path, "through");
	remove(link);
	remove(path);
	CU_ASSERT_FALSE(paths_write("absent/file", "x", 1, &err));
	CU_ASSERT_EQUAL(err.kind, ERR_IO);
	SAME_TEXT(err.text, "absent/file: cannot be written: No such file or directory");
	err = (struct err){ 0 };
	CU_ASSERT_FALSE(paths_write("base", "x", 1, &err));
	SAME_TEXT(err.text, "base: cannot be written: Is a directory");
}

static void *reader(void *path)
{
	static char got[16];
	FILE *f = fopen(path, "r");
	size_t n = fread(got, 1, sizeof(got) - 1, f);

	got[n] = '\0';
	fclose(f);
	return got;
}

/* `--json /dev/null`, `--json >(jq .)`: what is not a file is written to, never replaced. Shown on a pipe of our own: a
 * test that fails as root must not take /dev/null with it. */
static void devices_and_pipes_stay(void)
{
	char path[SCRATCH_PATH];
	struct err err = { 0 };
	struct stat st;
	pthread_t thread;
	void *got = NULL;

	CU_ASSERT_EQUAL_FATAL(mkfifo(scratch_path(path, "pipe"), 0600), 0);
	pthread_create(&thread, NULL, reader, path);
	CU_ASSERT_TRUE(paths_write(path, "piped", 5, &err));
	pthread_join(thread, &got);
	SAME_TEXT(got, "piped");
	CU_ASSERT(stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
	remove(path);
}

CU_TestInfo suite_paths[] = {
	{ "the data tree", data_tree },
	{ "files and folders", kinds },
	{ "lists names, sorted, without suffix", lists_names },
	{ "reads whole files up to a limit", reads_whole_files },
	{ "writes whole files or nothing", writes_whole_or_not_at_all },
	{ "devices and pipes are never replaced", devices_and_pipes_stay },
	CU_TEST_INFO_NULL
};
