/* A click on a column's name sorts its table, by value (data-v) where a cell has one, else by text. */
for (const table of document.querySelectorAll("table.sortable")) {
	const heads = table.tHead.rows[0].cells;
	const value = (row, i) => {
		const v = row.cells[i].dataset.v;
		return v === undefined ? row.cells[i].textContent.toLowerCase() : v === "" ? -Infinity : Number(v);
	};
	for (let i = 0; i < heads.length; i++) {
		const button = document.createElement("button");
		button.append(...heads[i].childNodes);
		heads[i].append(button);
		button.addEventListener("click", () => {
			const number = heads[i].classList.contains("n");
			const old = heads[i].getAttribute("aria-sort");
			const down = old ? old === "ascending" : number;
			for (const head of heads)
				head.removeAttribute("aria-sort");
			heads[i].setAttribute("aria-sort", down ? "descending" : "ascending");
			const rows = [...table.tBodies[0].rows].sort((a, b) => {
				const x = value(a, i), y = value(b, i);
				return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
			});
			table.tBodies[0].append(...rows);
		});
	}
}

/* Points of figures carry a text each: the one nearest to the pointer is shown. */
const tip = document.createElement("div");
tip.className = "tip-box";
tip.hidden = true;
document.body.append(tip);
for (const svg of document.querySelectorAll("figure svg")) {
	const points = [...svg.querySelectorAll("g.tip")].map((g) => {
		const mark = g.querySelector("use"), [, x, y] = /translate\(([-\d.]+),([-\d.]+)\)/.exec(mark?.getAttribute("transform") ?? "") ?? [];
		return { mark, x: Number(x), y: Number(y), text: g.querySelector("title").textContent };
	}).filter((p) => p.mark && !Number.isNaN(p.x));
	if (points.length === 0)
		continue;
	let shown = null;
	const leave = () => {
		shown?.mark.setAttribute("opacity", "0");
		shown = null;
		tip.hidden = true;
	};
	for (const title of svg.querySelectorAll("g.tip > title"))
		title.remove();
	svg.addEventListener("pointerleave", leave);
	svg.addEventListener("pointermove", (event) => {
		const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
		const far = (p) => Math.hypot(p.x - at.x, p.y - at.y), near = points.reduce((a, p) => far(p) < far(a) ? p : a);
		leave();
		if (far(near) > 80)
			return;
		shown = near;
		near.mark.setAttribute("opacity", "1");
		tip.textContent = near.text;
		tip.hidden = false;
		tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 4)) + "px";
		tip.style.top = (event.clientY > tip.offsetHeight + 24 ? event.clientY - tip.offsetHeight - 12 : event.clientY + 18) + "px";
	});
}
/* Said of itself, for tests: whether the page is wider than the window. */
document.documentElement.dataset.fits = document.documentElement.scrollWidth <= innerWidth;
