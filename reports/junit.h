/* JUnit XML, as Jenkins, GitLab and GitHub's reporters read it: suites of test cases, written when all are known. */
#ifndef REPORTS_JUNIT_H
#define REPORTS_JUNIT_H

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

struct junit;
MUST_USE struct junit *junit_new(const char *name);                   /* NULL when memory ran out */
void junit_free(struct junit *j);                                     /* NULL is fine */
void junit_suite(struct junit *j, const char *name);                  /* ends the one before */
void junit_passed(struct junit *j, const char *class_name, const char *name, const char *output);     /* output may be NULL */
void junit_failure(struct junit *j, const char *class_name, const char *name, const char *message, const char *details);
void junit_skipped(struct junit *j, const char *class_name, const char *name, const char *message);
/* Adds the document; ends the suite. */
MUST_USE bool junit_write(struct junit *j, struct str *out, struct err *err);

#endif
