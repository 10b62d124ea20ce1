/* Which build this is. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

/* "0.1.0 (1a2b3c4)": part of every stored run and of the scenario hash. */
const char *vibee_version(void);

#endif
