/* The clock of this machine. What is measured of kernels goes by PAPI's (kernels/harness/timing.h). */
#ifndef BASE_NOW_H
#define BASE_NOW_H

/* Seconds since some moment; never goes back. */
double now_s(void);

#endif
