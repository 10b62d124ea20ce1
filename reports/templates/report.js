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
