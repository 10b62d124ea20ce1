/* A geometric grid read off the bits of a double: 2^bits points an octave from 1 on. */
#ifndef SIM_SERVE_GRID_H
#define SIM_SERVE_GRID_H

#include <stdint.h>
#include <string.h>

static inline int64_t grid_index(double value, int bits)       /* value >= 1 */
{
	uint64_t u;

	memcpy(&u, &value, sizeof(u));
	return (int64_t)(u >> (52 - bits)) - ((int64_t)1023 << bits);
}

static inline double grid_value(int64_t index, int bits)
{
	uint64_t u = (uint64_t)(index + ((int64_t)1023 << bits)) << (52 - bits);
	double value;

	memcpy(&value, &u, sizeof(value));
	return value;
}

#endif
