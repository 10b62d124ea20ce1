/* Alpha-beta costs. A link gives base (fixed part), hop (part of each step) and efficiency (share of its wires that a
 * large ring reaches); the laws below hold for a buffer of V bytes on each of n ranks, W = wire rate x efficiency.
 *
 *   ring            all-reduce 2(n-1) steps, 2(n-1)/n V / W; all-gather and reduce-scatter half of that
 *   tree            all-reduce 2 ceil(log2 n) longer steps, 2V / W
 *   in-switch       all-reduce: each rank sends V + V/n once (partial sums up, results down)
 *   direct          all-reduce in one step: read n-1 whole buffers of the peers
 *   direct two-step reduce a slice, then read the others: ring traffic, three fixed parts
 *   torus           every wire that a corner of the slice has at once; as many steps as its sides are long
 *   all-to-all      (n-1)/n V / W; on a ring or torus at least what the middle of its longest axis has to carry
 *   hierarchical    reduce-scatter inside, all-reduce of V/g across, all-gather inside, pipelined: wires overlap
 *
 * Libraries have a low-latency protocol that halves the rate and a bulk one that pays a start-up (fill of their chunk
 * pipelines); the cheaper counts. Constants fitted to the NCCL 2.27-2.29 tables of AIConfigurator (A100, H100, B200;
 * 2 to 8 ranks, 256 B to 512 MiB). Median error: all-reduce 3 to 12 %, all-gather 5 to 9 %, all-to-all 8 to 20 %; on
 * H200 and GB300, whose tables were not fitted to, all-reduce 4 to 10 %. The engines' own all-reduce lies between those of vLLM
 * and TensorRT-LLM: 8 to 22 % from either. */
#include "hardware/collectives.h"

#include <math.h>

static const double BULK_S = 40e-6;            /* start-up of the bulk protocol in a node */
static const double BULK_OUT_S = 150e-6;       /* and across nodes (EFA and InfiniBand runs: 100 to 400 us) */
static const double LOW_LATENCY_SHARE = 0.5;
static const double GATHER_SHARE = 0.92;       /* all-gather against all-reduce rate of the same ring */
static const double DIRECT_SHARE = 0.58, TWO_STEP_SHARE = 0.75;   /* of the wire, by reads of peer memory */
static const double DIRECT_MOST_BYTES = 8 << 20;                  /* engines switch to the library above this */
enum { DIRECT_MOST_RANKS = 8 };

/* A cost split so that phases can be pipelined. */
struct part {
	double latency, wire;
	const char *name;
};

struct net {
	const struct link *link;
	double n, bytes, base, hop, wire, bulk;        /* wire: bytes/s of one device before efficiency */
	double share;                                  /* of the wire that a ring of n reaches */
};

static double or_else(double value, double fallback)
{
	return value >= 0 ? value : fallback;          /* NAN compares false */
}

static struct part cheaper(struct part a, struct part b)
{
	return b.latency + b.wire < a.latency + a.wire ? b : a;
}

/* Efficiencies where no measurement is given: as seen on the same topology elsewhere (link.h). */
static double default_share(int topology)
{
	switch (topology) {
	case TOPOLOGY_MESH: return 0.72;       /* MI300X, 2 and 8 devices */
	case TOPOLOGY_PCIE: return 0.42;       /* RTX PRO 6000, 4 and 8 devices */
	case TOPOLOGY_TORUS2D: case TOPOLOGY_TORUS3D: return 0.85;
	default: return 0.75;
	}
}

/* Neighbours along 1 to 3 axes: what a slice of n devices of a ring or torus looks like. */
struct grid {
	int axes;
	int64_t side[3];
	bool wraps[3];                         /* the axis is closed: two wires a device; open or of two devices: one at its end */
	double wire;                           /* bytes/s one way */
};

static bool is_grid(int topology)
{
	return topology == TOPOLOGY_RING || topology == TOPOLOGY_TORUS2D || topology == TOPOLOGY_TORUS3D;
}

/* The most cubic box of n devices: prime factors, the largest first, go to the shortest side. */
static void box(int64_t n, struct grid *g)
{
	int64_t factors[64];
	int count = 0;

	for (int64_t f = 2; f * f <= n; f++)
		while (n % f == 0) {
			factors[count++] = f;
			n /= f;
		}
	if (n > 1)
		factors[count++] = n;
	while (count > 0) {
		int shortest = 0;

		for (int i = 1; i < g->axes; i++)
			if (g->side[i] < g->side[shortest])
				shortest = i;
		g->side[shortest] *= factors[--count];
	}
}

/* A whole domain is closed on every axis; of a 3D torus (optical switches between cubes of 4 x 4 x 4) also a slice's sides
 * that are made of whole cubes. */
static struct grid grid_of(const struct link *l, double n)
{
	struct grid g = { .axes = l->topology == TOPOLOGY_TORUS3D ? 3 : l->topology == TOPOLOGY_TORUS2D ? 2 : 1, .side = { 1, 1, 1 } };
	bool whole = l->domain <= 0 || n >= (double)l->domain;

	g.wire = link_pair_bytes_s(l);
	box((int64_t)n, &g);
	for (int i = 0; i < g.axes; i++)
		g.wraps[i] = g.side[i] > 2 && (whole || (l->topology == TOPOLOGY_TORUS3D && n >= 64 && g.side[i] % 4 == 0));
	return g;
}

/* Wires at the slice's corner, which sees the fewest. */
static double grid_wires(const struct grid *g)
{
	double wires = 0;

	for (int i = 0; i < g->axes; i++)
		wires += g->side[i] > 1 ? g->wraps[i] ? 2 : 1 : 0;
	return wires;
}

static double grid_steps(const struct grid *g)
{
	double steps = 0;

	for (int i = 0; i < g->axes; i++)
		steps += (double)(g->side[i] - 1);
	return steps;
}

/* All-to-all of a buffer of one byte: what the busiest wire carries, cutting the box across the middle of an axis. Of X
 * devices along it floor(X/2) talk to ceil(X/2); a closed axis is cut twice. */
static double grid_crossing(const struct grid *g)
{
	double most = 0;

	for (int i = 0; i < g->axes; i++) {
		double x = (double)g->side[i], cut = floor(x / 2) * ceil(x / 2) / x;

		most = fmax(most, g->wraps[i] ? cut / 2 : cut);
	}
	return most;
}

/* Wires that n devices can use at once, bytes/s of one of them. */
static double usable_wire(const struct link *l, double n)
{
	double domain = l->domain > 0 ? (double)l->domain : n;
	struct grid g;

	if (l->topology == TOPOLOGY_MESH)      /* wires to the ranks taking part only */
		return domain > 1 ? l->bytes_s * fmin((n - 1) / (domain - 1), 1) : l->bytes_s;
	if (!is_grid(l->topology) || n < 2)
		return l->bytes_s;
	g = grid_of(l, n);
	return fmin(g.wire * grid_wires(&g), l->bytes_s);
}

static struct net net_of(const struct link *l, double n, double bytes, bool out)
{
	double e = or_else(l->efficiency, default_share(l->topology)),
	       latency = or_else(l->latency_s, out ? 8e-6 : 0.8e-6);
	struct net net = { .link = l, .n = n, .bytes = bytes, .bulk = out ? BULK_OUT_S : BULK_S };

	net.base = or_else(l->base_s, out ? 15e-6 : 5e-6);
	net.hop = or_else(l->hop_s, latency);
	net.wire = usable_wire(l, n);
	/* Few ranks leave more of a switch port idle (measured: 0.75 of the asymptote at 2 ranks, 0.94 at 8). */
	net.share = l->topology == TOPOLOGY_SWITCH && !out ? e * (1 - 0.5 / n) : e;
	return net;
}

/* Torus links are driven by the compiler, with no protocol to choose. */
static bool has_protocols(const struct net *net)
{
	return net->link->topology != TOPOLOGY_TORUS2D && net->link->topology != TOPOLOGY_TORUS3D;
}

static struct part over(const struct net *net, const char *name, double steps, double traffic, double share)
{
	double rate = net->wire * net->share * share, latency = net->base + steps * net->hop;
	struct part bulk = { latency + (has_protocols(net) ? net->bulk : 0), traffic / rate, name };
	struct part quick = { latency, traffic / (rate * LOW_LATENCY_SHARE), name };

	return has_protocols(net) ? cheaper(quick, bulk) : bulk;
}

static double ring_steps(const struct net *net)
{
	struct grid g;

	if (net->link->topology == TOPOLOGY_MESH)
		return 1;
	if (!is_grid(net->link->topology))
		return net->n - 1;
	g = grid_of(net->link, net->n);
	return grid_steps(&g);
}

static struct part all_reduce(const struct net *net, bool library_only)
{
	const struct link *l = net->link;
	double n = net->n, v = net->bytes, wire = net->wire;
	struct part best = over(net, "ring", 2 * ring_steps(net), 2 * (n - 1) / n * v, 1);

	if (l->topology == TOPOLOGY_SWITCH && n > 2)
		best = cheaper(best, over(net, "tree", 5 * ceil(log2(n)), 2 * v, 1));
	if (l->reduces && n > 2) {
		double rate = wire * or_else(l->reduce_efficiency, 0.6),
		       latency = net->base + 2 * (n - 1) * net->hop + net->bulk;

		best = cheaper(best, (struct part){ latency, (v + v / n) / rate, "in-switch" });
	}
	if (!library_only && l->direct_base_s >= 0 && n <= DIRECT_MOST_RANKS && v <= DIRECT_MOST_BYTES) {
		double start = l->direct_base_s + or_else(l->direct_hop_s, 0) * (n - 1);

		best = cheaper(best, (struct part){ start, (n - 1) * v / (wire * DIRECT_SHARE), "direct" });
		best = cheaper(best, (struct part){ 3 * start, 2 * (n - 1) / n * v / (wire * TWO_STEP_SHARE),
						    "direct two-step" });
	}
	return best;
}

/* On a ring or torus data for far ranks crosses every wire between (grid_crossing). */
static struct part all_to_all(const struct net *net)
{
	double traffic = (net->n - 1) / net->n * net->bytes;
	struct part p;

	if (is_grid(net->link->topology)) {
		struct grid g = grid_of(net->link, net->n);

		return over(net, "torus", grid_steps(&g), fmax(traffic, net->bytes * grid_crossing(&g) * net->wire / g.wire), 1);
	}
	p = over(net, "pairwise", 0.5 * (net->n - 1), traffic, GATHER_SHARE);
	p.latency += 0.25 * net->base;         /* point-to-point channels start later than a ring's (tables) */
	return p;
}

static struct part within(const struct link *l, enum op_kind kind, double n, double bytes, bool out, bool library_only)
{
	struct net net = net_of(l, n, bytes, out);
	double part = (n - 1) / n * bytes;

	if (n <= 1 && kind != OP_SEND_RECV)
		return (struct part){ 0, 0, "none" };
	switch (kind) {
	case OP_ALL_REDUCE: return all_reduce(&net, library_only || out);
	case OP_ALL_GATHER: case OP_REDUCE_SCATTER: return over(&net, "ring", ring_steps(&net), part, GATHER_SHARE);
	case OP_ALL_TO_ALL: return all_to_all(&net);
	case OP_BROADCAST: return over(&net, "tree", ceil(log2(fmax(n, 2))), bytes, GATHER_SHARE);
	default:
		/* One wire pair of a mesh or torus carries a message between two devices. */
		net.wire = link_pair_bytes_s(l);
		net.share = or_else(l->efficiency, default_share(l->topology));
		return (struct part){ net.base + net.hop, bytes / (net.wire * net.share), "copy" };
	}
}

/* Nothing is published about the device's links: 100 Gb/s Ethernet. */
static const struct link assumed = {
	.name = "100 Gb/s Ethernet (assumed)",
	.topology = TOPOLOGY_SWITCH,
	.bytes_s = 12.5e9,
	.latency_s = 8e-6,
	.base_s = 15e-6,
	.hop_s = 8e-6,
	.efficiency = 0.75,
	.reduce_efficiency = NAN,
	.direct_base_s = NAN,
	.direct_hop_s = NAN,
};

/* Scale-up wires of paired devices end at the pair: larger groups meet over the host's bus. */
static const struct link *inside(const struct system *s, double ranks)
{
	if (s->scale_up.topology == TOPOLOGY_PAIR && ranks > 2 && link_present(&s->host_link))
		return &s->host_link;
	if (link_present(&s->scale_up))
		return &s->scale_up;
	return link_present(&s->host_link) ? &s->host_link : link_present(&s->scale_out) ? &s->scale_out : &assumed;
}

static const struct link *outside(const struct system *s)
{
	return link_present(&s->scale_out) ? &s->scale_out : inside(s, 3);
}

/* Groups of g ranks in k domains. */
static struct part hierarchical(const struct system *s, const struct op *op, double g, double k)
{
	const struct link *in = inside(s, g), *out = outside(s);
	double n = g * k, v = op->bytes;
	struct part a, b, c;

	switch (op->kind) {
	case OP_ALL_REDUCE:
		a = within(in, OP_REDUCE_SCATTER, g, v, false, true);
		b = within(out, OP_ALL_REDUCE, k, v / g, true, true);
		c = within(in, OP_ALL_GATHER, g, v, false, true);
		break;
	case OP_ALL_GATHER: case OP_REDUCE_SCATTER:
		a = within(in, op->kind, g, v, false, true);
		b = within(out, op->kind, k, v / g, true, true);
		c = (struct part){ 0, 0, NULL };
		break;
	case OP_ALL_TO_ALL:                    /* each rank's own interface carries what leaves the domain */
		a = within(in, op->kind, g, v * g / n, false, true);
		b = within(out, op->kind, k, v, true, true);
		c = (struct part){ 0, 0, NULL };
		break;
	case OP_BROADCAST:
		a = within(in, op->kind, g, v, false, true);
		b = within(out, op->kind, k, v, true, true);
		c = (struct part){ 0, 0, NULL };
		break;
	default:
		return within(out, op->kind, k, v, true, true);
	}
	return (struct part){ a.latency + b.latency + c.latency, fmax(a.wire + c.wire, b.wire), "hierarchical" };
}

/* Ranks that share a domain. */
static double group(const struct system *s, const struct op *op)
{
	double n = op->devices > 1 ? op->devices : op->kind == OP_SEND_RECV ? 2 : 1, domain = (double)system_domain(s);

	if (op->devices_per_node > 0)
		domain = op->devices_per_node;
	return fmax(fmin(n, domain), 1);
}

void collective_price(const struct system *s, const struct op *op, bool library_only, struct collective *out)
{
	double g = group(s, op), n = op->devices > 1 ? op->devices : op->kind == OP_SEND_RECV ? 2 : 1;
	const struct link *in = inside(s, g);
	struct part p;

	if (n <= 1 || !(op->bytes > 0)) {
		*out = (struct collective){ .algorithm = "none", .calibrated = true };
		return;
	}
	out->across_nodes = g < n;
	p = g < n ? hierarchical(s, op, g, ceil(n / g))
		  : within(in, op->kind, n, op->bytes, in == &s->scale_out, library_only);
	out->latency_s = p.latency;
	out->wire_s = p.wire;
	out->seconds = fmax(p.latency + p.wire, op_bytes(op) / collective_wire_bytes_s(s, op));
	out->algorithm = p.name;
	out->calibrated = !out->across_nodes && in != &assumed && in->efficiency > 0 && in->base_s > 0;
}

double collective_wire_bytes_s(const struct system *s, const struct op *op)
{
	double n = op->devices > 1 ? op->devices : 2, g = group(s, op);
	const struct link *in = inside(s, g);

	if (op->kind == OP_SEND_RECV)
		return g < n ? outside(s)->bytes_s : link_pair_bytes_s(in);
	if (g >= n)
		return usable_wire(in, n);
	/* Of what a rank sends, the interface carries a g-th in reductions and gathers. */
	return op->kind == OP_ALL_TO_ALL || op->kind == OP_BROADCAST ? in->bytes_s + outside(s)->bytes_s :
	       fmax(in->bytes_s, outside(s)->bytes_s * g);
}
