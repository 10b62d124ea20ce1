/* Rows that something else disturbed: over 2.5 times as long as every shape beside them, smaller and larger along each axis. A kernel that
 * takes over at some size is slow for all sizes from there on, or up to there; one shape alone among faster ones, ten or ninety times
 * slower now and then (H100's latent attention: 1,018 us between 11 and 11), is a measurement gone wrong. */
#include "hardware/profile_rows.h"

#include <string.h>

#include "base/mem.h"
#include "hardware/tables_data.h"

static const double LONGER = 2.5;

/* The row beside `at` along `axis` in direction `step` (rows of one site, sorted by their axes); NULL: none. */
static const struct profile_row *beside(const struct profile_row *rows, size_t count, size_t at, int axis, int step)
{
	const struct profile_row *r = &rows[at], *best = NULL;

	for (size_t i = at + (size_t)step; i < count; i += (size_t)step) {     /* 0 - 1 wraps beyond count */
		bool same = true;

		for (int a = 0; a < r->shape->axes; a++)
			same = same && (a == axis || rows[i].x[a] == r->x[a]);
		if (same) {
			best = &rows[i];
			break;
		}
		if (rows[i].x[0] != r->x[0] && axis > 0)
			break;
	}
	return best;
}

static bool disturbed(const struct profile_row *rows, size_t count, size_t at)
{
	int larger = 0;

	for (int axis = 0; axis < rows->shape->axes; axis++)
		for (int step = -1; step <= 1; step += 2) {
			const struct profile_row *other = beside(rows, count, at, axis, step);

			if (other && !(rows[at].seconds > LONGER * other->seconds))
				return false;
			larger += other && step > 0;
		}
	return larger > 0;
}

size_t profile_drop_disturbed(struct profile_row *rows, size_t count, struct profile_import_report *report)
{
	bool *drop = mem_calloc(count, sizeof(*drop));

	if (!drop)
		return count;
	for (size_t low = 0, high; low < count; low = high) {
		for (high = low + 1; high < count && memcmp(rows[low].key, rows[high].key, sizeof(rows->key)) == 0;)
			high++;
		for (size_t i = low; i < high; i++)
			drop[i] = disturbed(&rows[low], high - low, i - low);
	}
	count = profile_leave_out(rows, count, drop, "one shape alone over 2.5 times as long as all beside it", report);
	mem_free(drop);
	return count;
}
