/* The what-if page: sends what was changed, shows every try beside the base, draws both. */
const form = document.getElementById("scenario"), state = document.getElementById("state");
const tries = [];
let base = 0, chosen = 0;

const seconds = (v) => v === 0 ? "0" : v < 1e-3 ? (v * 1e6).toPrecision(3) + " µs" : v < 1 ? (v * 1e3).toPrecision(3) + " ms" : v < 100 ? v.toPrecision(3) + " s" : Math.round(v) + " s";
const count = (v) => v === 0 ? "0" : v >= 1e6 ? (v / 1e6).toPrecision(3) + " M" : v >= 1e4 ? (v / 1e3).toPrecision(3) + " k" : v >= 100 ? Math.round(v).toString() : v.toPrecision(3);
const dollars = (v) => "$" + (v >= 1000 ? Math.round(v) : v.toPrecision(3));
const percent = (v) => (100 * v).toPrecision(3) + " %";
/* Name, where it stands in vibee.run/1, how it is written, which way is better. */
const figures = [
	["tokens/s", ["metrics", "output_throughput"], count, 1],
	["TTFT P99", ["metrics", "ttft_s", "p99"], seconds, -1],
	["TPOT P50", ["metrics", "tpot_s", "p50"], seconds, -1],
	["TPOT P99", ["metrics", "tpot_s", "p99"], seconds, -1],
	["E2E P99", ["metrics", "e2e_s", "p99"], seconds, -1],
	["USD/1M out", ["cost", "usd_per_1m_output_tokens"], dollars, -1],
	["J/token", ["energy", "joules_per_output_token"], (v) => v.toPrecision(3), -1],
	["KV peak", ["metrics", "kv_utilization_peak"], percent, 0],
	["error", ["confidence", "expected_rel_error"], percent, 0],
];
const at = (run, path) => path.reduce((o, k) => o == null ? o : o[k], run);

function element(name, text, attributes = {}) {
	const e = document.createElement(name);
	if (text != null)
		e.textContent = text;
	for (const [k, v] of Object.entries(attributes))
		e.setAttribute(k, v);
	return e;
}

/* Only what differs from what the page came with is sent: the rest is the scenario's own. */
function wanted() {
	const body = {}, label = [];
	for (const field of form.elements) {
		if (!field.name || field.name === "token")
			continue;
		const value = field.value.trim();
		if (field.type === "hidden")
			body[field.name] = value;
		else if (field.type === "checkbox")
			body[field.name] = field.checked;
		else if (field.name === "set") {
			const lines = value.split("\n").map((l) => l.trim()).filter(Boolean);
			if (lines.length) {
				body.set = lines;
				label.push(...lines);
			}
		} else if (field.name === "with") {
			const list = value.split(/[\s,]+(?=[a-z0-9_]+(?:[:,\s]|$))/i).filter(Boolean);
			if (list.length) {
				body.with = list;
				label.push("with " + list.join(", "));
			}
		} else if (value !== field.defaultValue.trim() && value !== "") {
			body[field.name] = value;
			label.push(field.name + " " + value);
		}
	}
	return [body, label.join(", ") || "as it is"];
}

function say(text, bad) {
	state.textContent = text;
	state.className = bad ? "bad" : "";
}

async function simulate(event) {
	event?.preventDefault();
	const [body, label] = wanted(), button = form.querySelector("button"), token = form.elements.token?.value;
	const headers = { "Content-Type": "application/json" };
	if (token)
		headers.Authorization = "Bearer " + token;
	button.disabled = true;
	say("simulating …");
	try {
		const answer = await fetch("/api/run", { method: "POST", headers, body: JSON.stringify(body) });
		const run = await answer.json();
		if (!answer.ok)
			throw new Error(run.error);
		tries.push({ label, run });
		chosen = tries.length - 1;
		say(`${count(run.metrics.completed)} requests simulated in ${seconds(run.sim.wall_s)}` + (run.run_id ? `, kept as run ${run.run_id.slice(0, 10)}` : ""));
		show();
	} catch (e) {
		say(e.message, true);
	}
	button.disabled = false;
}

function cell(figure, run, from) {
	const [, path, write, better] = figure, v = at(run, path), b = at(from, path);
	const td = element("td", v == null ? "–" : write(v), { class: "n" });
	if (run !== from && v != null && b) {
		const change = v / b - 1, good = change * better;
		const text = Math.abs(change) < 5e-4 ? "=" : Math.abs(change) >= 9.995 ? "x " + (1 + change).toPrecision(3) : (change > 0 ? "+" : "−") + Math.abs(100 * change).toPrecision(2).replace(/e\+2/, "00") + " %";
		td.append(element("small", text, { class: text === "=" || !better ? "faint" : good > 0 ? "good" : "bad" }));
	}
	return td;
}

function row(entry, i) {
	const tr = element("tr", null, i === base ? { class: "base" } : {}), name = element("td"), act = element("td");
	name.append(element("b", entry.label));
	name.append(element("small", entry.run.title, { class: "faint" }));
	tr.append(name, ...figures.map((f) => cell(f, entry.run, tries[base].run)));
	tr.append(element("td", entry.run.slos_met == null ? "" : entry.run.slos_met ? "met" : "missed", { class: entry.run.slos_met ? "good" : "bad" }));
	if (i === base)
		act.append(element("span", "base", { class: "faint" }));
	else {
		const button = element("button", "as base", { type: "button" });
		button.addEventListener("click", () => { base = i; show(); });
		act.append(button);
	}
	tr.append(act);
	return tr;
}

function show() {
	const table = document.getElementById("table"), head = element("tr");
	document.getElementById("tries").hidden = false;
	head.append(element("th", "try"), ...figures.map((f) => element("th", f[0], { class: "n" })), element("th", "SLOs"), element("th", ""));
	table.replaceChildren(head, ...tries.map(row));
	document.getElementById("chosen").textContent = chosen === base ? tries[base].label : `${tries[base].label} against ${tries[chosen].label}`;
	plots();
	const notes = tries[chosen].run.notes ?? [];
	document.getElementById("notes").replaceChildren(...notes.map((n) => element("p", n, { class: "faint" })));
}

/* Round steps of an axis: 1, 2 or 5 times a power of ten. */
function ticks(most) {
	const raw = most / 4, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
	return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, i) => +(i * step).toPrecision(12));
}

const svg = (name, attributes, text) => {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const [k, v] of Object.entries(attributes))
		e.setAttribute(k, v);
	if (text != null)
		e.textContent = text;
	return e;
};

/* Lines over x; under the pointer the values of all of them. */
function plot(title, lines, xs, ys, xMost, yMost) {
	const W = Math.min(560, document.getElementById("plots").clientWidth || 560), H = W < 450 ? 210 : 250, L = 52, R = 14, T = 10, B = 30, hues = ["--h0", "--h1"];
	const x = (v) => L + (W - L - R) * v / xMost, y = (v) => H - B - (H - T - B) * v / yMost;
	const figure = element("figure", null, { class: "plot" }), drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title });
	const rule = svg("line", { y1: T, y2: H - B, visibility: "hidden" }), tip = element("div", null, { class: "tip", hidden: "" });
	for (const t of ticks(yMost))
		drawing.append(svg("line", { x1: L, x2: W - R, y1: y(t), y2: y(t) }), svg("text", { x: L - 6, y: y(t) + 4, "text-anchor": "end" }, ys(t)));
	for (const t of ticks(xMost))
		drawing.append(svg("text", { x: x(t), y: H - 8, "text-anchor": "middle" }, xs(t)));
	lines.forEach((line, i) => {
		const d = line.points.filter((p) => p[0] <= xMost && p[1] != null).map((p, k) => (k ? "L" : "M") + x(p[0]).toFixed(1) + " " + y(p[1]).toFixed(1)).join("");
		drawing.append(svg("path", { d, style: `stroke: var(${hues[i]})` }));
	});
	drawing.append(rule);
	drawing.addEventListener("pointerleave", () => { tip.hidden = true; rule.setAttribute("visibility", "hidden"); });
	drawing.addEventListener("pointermove", (event) => {
		const box = drawing.getBoundingClientRect(), px = (event.clientX - box.left) * W / box.width, v = Math.min(Math.max((px - L) / (W - L - R), 0), 1) * xMost;
		const near = (points) => points.reduce((a, p) => p[1] != null && Math.abs(p[0] - v) < Math.abs(a[0] - v) ? p : a, [Infinity, null]);
		rule.setAttribute("x1", x(v));
		rule.setAttribute("x2", x(v));
		rule.setAttribute("visibility", "visible");
		tip.replaceChildren(element("div", xs(v)), ...lines.map((line, i) => {
			const div = element("div"), p = near(line.points);
			div.append(element("i", null, { style: `background: var(${hues[i]})` }), line.name + ": " + (p[1] == null ? "–" : ys(p[1])));
			return div;
		}));
		tip.hidden = false;
		tip.style.left = Math.min(event.clientX - box.left + 14, Math.max(box.width - tip.offsetWidth, 0)) + "px";
	});
	figure.append(element("figcaption", title), drawing, tip);
	if (lines.length > 1) {
		const key = element("ul", null, { class: "key" });
		lines.forEach((line, i) => {
			const li = element("li");
			li.append(element("i", null, { style: `background: var(${hues[i]})` }), line.name);
			key.append(li);
		});
		figure.append(key);
	}
	return figure;
}

function plots() {
	const which = base === chosen ? [base] : [base, chosen], out = [];
	const named = (points) => which.map((i) => ({ name: tries[i].label, points: points(tries[i].run) })).filter((l) => l.points.length > 1);
	const add = (title, lines, xs, ys, xMost, yMost) => {
		const xEnd = xMost ?? Math.max(...lines.flatMap((l) => l.points.map((p) => p[0]))), yEnd = yMost ?? Math.max(...lines.flatMap((l) => l.points.map((p) => p[1] ?? 0)));
		if (lines.length && xEnd > 0 && yEnd > 0)
			out.push(plot(title, lines, xs, ys, xEnd, yEnd));
	};
	const share = (v) => +(100 * v).toPrecision(3) + " %";
	for (const [key, title] of [["ttft_s", "Requests with a first token within"], ["tpot_s", "Requests with a time per token within"], ["e2e_s", "Requests answered within"]]) {
		const lines = named((r) => (r.cdf?.[key] ?? []).map((v, i) => [v, i * r.cdf.quantile_step]));
		/* The last hundredth would leave no room for the rest. */
		const most = Math.max(0, ...lines.map((l) => l.points[Math.floor((l.points.length - 1) * 0.99)][0] * 1.1));
		add(title, lines, seconds, share, most, 1);
	}
	const series = (key) => named((r) => (r.series?.t_s ?? []).map((t, i) => [t, r.series[key][i]]));
	add("Requests running", series("running"), seconds, count);
	add("Requests waiting", series("waiting"), seconds, count);
	add("Cache in use", series("kv_utilization"), seconds, share);
	document.getElementById("plots").replaceChildren(...out);
}

for (const field of form.elements)
	field.addEventListener("input", () => field.classList.toggle("changed", field.value !== field.defaultValue));
form.addEventListener("submit", simulate);

/* A stored run is the base at once. */
const run = form.elements.run?.value;
if (run) {
	const answer = await fetch("/api/runs/" + encodeURIComponent(run)), stored = await answer.json();
	if (answer.ok) {
		tries.push({ label: "run " + stored.run_id.slice(0, 10), run: stored });
		show();
	} else {
		say(stored.error, true);
	}
}

/* A link may hold what to try: /whatif?run=3f9a&tp=4&simulate=1 */
const asked = new URLSearchParams(location.search);
for (const [name, value] of asked) {
	const field = form.elements[name];
	if (field && field.type !== "hidden" && field.type !== "checkbox" && field.type !== "password") {
		field.value = value;
		field.dispatchEvent(new Event("input"));
	}
}
if (asked.has("simulate"))
	await simulate();
document.documentElement.dataset.fits = document.documentElement.scrollWidth <= innerWidth;
document.documentElement.dataset.tries = tries.length;
