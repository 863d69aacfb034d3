// A table to sort and to filter. It shows some rows at first and more when asked, because ten thousand rows take their time.

const ROWS = 40;

// A column is { title, help, value(row), text(row), words, flag(row) }: `value` is what is sorted by, `text` what stands there;
// `words` is a column to the left, sorted from A on; `flag` gives a class. Filters by `name(row)` if there is one.
function table(columns, rows, { sortBy = null, name = null, caption = "" } = {}) {
  const body = make("tbody");
  const head = make("tr");
  const more = make("button", { type: "button", className: "more" });
  const counted = make("span", { className: "help" });
  let sorted = columns.find(column => column.title === sortBy) || null;
  let isUp = sorted !== null && Boolean(sorted.words);
  let shown = ROWS;
  let pattern = null;

  const cell = (column, row) => {
    const flag = column.flag ? column.flag(row) : "";
    return make("td", { className: `${column.words ? "words" : ""} ${flag}` }, String(column.text(row)));
  };
  const compare = (one, other) => {
    const [a, b] = [sorted.value(one), sorted.value(other)];
    const order = typeof a === "string" ? a.localeCompare(b) : a - b;
    return isUp ? order : -order;
  };
  const draw = () => {
    const wanted = rows.filter(row => pattern === null || pattern.test(name(row)));
    if (sorted) wanted.sort(compare);
    const visible = wanted.slice(0, shown);
    body.replaceChildren(...visible.map(row => make("tr", {}, ...columns.map(column => cell(column, row)))));
    more.excluded = visible.length === wanted.length;
    more.textContent = `Show all ${count(wanted.length)}`;
    counted.textContent = pattern === null ? "" : `${count(wanted.length)} of ${count(rows.length)}`;
    columns.forEach((column, index) => {
      const order = column !== sorted ? "none" : isUp ? "ascending" : "descending";
      head.children[index].setAttribute("aria-sort", order);
    });
  };

  for (const column of columns) {
    const title = make("button", { type: "button", textContent: column.title, title: column.help || "" });
    title.addEventListener("click", () => {
      isUp = sorted === column ? !isUp : Boolean(column.words);
      sorted = column;
      draw();
    });
    const cell = make("th", { scope: "col", className: column.words ? "words" : "" }, title);
    cell.dataset.title = column.title;
    head.append(cell);
  }
  more.addEventListener("click", () => {
    shown = Infinity;
    draw();
  });
  const filter = make("input", { type: "search", placeholder: "Filter by name (regular expression)", spellcheck: false });
  filter.setAttribute("aria-label", `Filter: ${caption}`);
  filter.addEventListener("input", () => {
    pattern = filter.value === "" ? null : patternOf(filter.value);
    draw();
  });
  draw();
  const whole = make("table", {}, make("thead", {}, head), body);
  whole.setAttribute("aria-label", caption);
  const controls = name && rows.length > 1 ? make("div", { className: "controls" }, filter, counted) : null;
  return make("div", {}, controls, make("div", { className: "scroll" }, whole), make("p", { className: "more" }, more));
}
