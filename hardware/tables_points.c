/* The points of a table as operators, so that whoever validates can ask for each of them again. */
#include <string.h>

#include "hardware/profile_rows.h"
#include "hardware/tables_data.h"

struct walk {
	const struct table *table;
	struct profile_row row;
	struct tables_point *out;
	size_t site;
};

static void visit(struct walk *w, int level, size_t first, size_t count)
{
	const struct table *t = w->table;
	bool last = level + 1 == t->shape->axes;

	for (size_t i = first; i < first + count; i++) {
		w->row.x[level] = last ? t->x[i] : t->nodes[level][i].x;
		if (!last) {
			visit(w, level + 1, t->nodes[level][i].first, t->nodes[level][i].count);
			continue;
		}
		profile_row_op(&w->row, &w->out->op);
		w->out->seconds = t->seconds[i];
		w->out->site = w->site;
		w->out++;
	}
}

void table_points(const struct table *t, struct tables_point *out)
{
	struct walk w = { .table = t, .row = { .shape = t->shape }, .out = out };

	for (; w.site < t->site_count; w.site++) {
		memcpy(w.row.key, t->sites[w.site].key, sizeof(w.row.key));
		visit(&w, 0, t->sites[w.site].first, t->sites[w.site].count);
	}
}
