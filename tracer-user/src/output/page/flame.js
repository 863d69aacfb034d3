// The flame graph: bars of the chosen path over the whole width. Only what can be seen is on the page, so the number of
// bars does not matter.

const LEVEL = 18;
const COLOURS = 8;
const NARROWEST = 1; // pixels

// A number that a name always has.
function colourOf(name) {
  let hash = 0;
  for (let index = 0; index < name.length; index += 1) hash = (hash * 31 + name.charCodeAt(index)) >>> 0;
  return `c${hash % COLOURS}`;
}

// The bars of a recording with what is above them. `path` is the names from the root down.
function barsOf(recording) {
  const open = [];
  return recording.flame.bars.map(([id, level, from, width, calls, own], index) => {
    open.length = level;
    const above = level > 0 ? open[level - 1] : null;
    const name = recording.functions[id];
    const bar = { index, name, level, from, width, calls, own, above, to: from + width, path: (above ? above.path + "\n" : "") + name };
    open.push(bar);
    return bar;
  });
}

// How the time per root call of a path compares with the other recording.
function shiftOf(bar, recording, other) {
  const there = other.byPath.get(bar.path);
  if (!there) return null;
  return there.width / Math.max(other.recording.root_calls, 1) / Math.max(bar.width / Math.max(recording.root_calls, 1), 1e-9);
}

function shiftColour(ratio) {
  if (ratio === null) return "alone";
  const size = Math.abs(Math.log2(Math.max(ratio, 1e-9)));
  const step = size < Math.log2(1.1) ? 0 : size < Math.log2(1.3) ? 1 : size < 1 ? 2 : 3;
  return step === 0 ? "same" : `${ratio > 1 ? "slower" : "faster"}-${step}`;
}

class FlameGraph {
  constructor(recording, side, hear) {
    this.recording = recording;
    this.side = side;
    this.hear = hear;
    this.bars = barsOf(recording);
    this.byPath = new Map(this.bars.map(bar => [bar.path, bar]));
    this.other = null;
    this.zoomed = null;
    this.chosen = null;
    this.pattern = null;
    this.levels = 1;
    this.picture = make("div", { className: "flame", tabIndex: 0 });
    this.picture.setAttribute("role", "img");
    this.picture.setAttribute("aria-label", `Flame graph ${sideNames[side]}: arrows move, Enter shows a path alone, Escape shows all`);
    this.about = make("p", { className: "flame-about" });
    this.about.setAttribute("aria-live", "polite");
    this.picture.addEventListener("click", event => this.at(event, bar => this.hear.zoom(bar)));
    this.picture.addEventListener("mouseover", event => this.at(event, bar => this.say(bar)));
    this.picture.addEventListener("mouseleave", () => this.say(this.chosen || this.zoomed));
    this.picture.addEventListener("keydown", event => this.key(event));
    this.say(null);
  }

  at(event, act) {
    const index = event.target.dataset.index;
    if (index !== undefined) act(this.bars[Number(index)]);
  }

  words(bar) {
    const share = percent(bar.width / Math.max(this.recording.flame.whole, 1));
    const words = `${bar.name}: ${span(bar.width)}, ${share}, ${plural(bar.calls, "call", "calls")}, ${span(bar.own)} of its own`;
    if (!this.other) return words;
    const there = this.other.byPath.get(bar.path);
    if (!there) return `${words}; not ${sideNames[1 - this.side]}`;
    const each = (graph, bar) => span(bar.width / Math.max(graph.recording.root_calls, 1));
    return `${words}; ${each(this, bar)} a root call, ${sideNames[1 - this.side]} ${each(this.other, there)}`;
  }

  say(bar) {
    const leftOut = this.recording.flame.skipped;
    const whole = `${span(this.recording.flame.whole)} in ${plural(this.recording.root_calls, "root call", "root calls")}` +
      (leftOut > 0 ? `; the ${count(leftOut)} narrowest paths are skipped` : "");
    this.about.textContent = bar ? this.words(bar) : whole;
  }

  // The bars that are wide enough, with where they lie: from 0 to 1.
  visible() {
    const narrowest = NARROWEST / Math.max(this.picture.clientWidth, 300);
    const [from, to] = this.zoomed ? [this.zoomed.from, this.zoomed.to] : [0, this.recording.flame.whole];
    const scale = 1 / Math.max(to - from, 1);
    const above = new Set();
    for (let bar = this.zoomed && this.zoomed.above; bar; bar = bar.above) above.add(bar);
    const visible = [];
    for (const bar of this.bars) {
      const isBelow = !this.zoomed || (bar.level >= this.zoomed.level && bar.from >= from && bar.to <= to && this.isUnder(bar));
      if (above.has(bar)) visible.push({ bar, left: 0, width: 1, isAbove: true });
      else if (isBelow && bar.width * scale >= narrowest) {
        visible.push({ bar, left: (bar.from - from) * scale, width: bar.width * scale, isAbove: false });
      }
    }
    return visible;
  }

  // Bars without width lie beside the path that begins where they do.
  isUnder(bar) {
    while (bar.level > this.zoomed.level) bar = bar.above;
    return bar === this.zoomed;
  }

  draw() {
    const pixels = Math.max(this.picture.clientWidth, 300);
    const visible = this.visible();
    // What stands below does not move up and down more than it has to.
    this.levels = visible.reduce((levels, { bar }) => Math.max(levels, bar.level + 1), this.levels);
    this.picture.style.height = `${this.levels * LEVEL}px`;
    const elements = visible.map(({ bar, left, width, isAbove }) => {
      const isNamed = width * pixels >= 24;
      const element = make("div", { textContent: isNamed ? bar.name : "", title: this.words(bar) });
      const colour = this.other ? this.colour(bar) : colourOf(bar.name);
      element.className = colour;
      element.classList.toggle("above", isAbove);
      element.classList.toggle("thin", !isNamed);
      element.classList.toggle("found", this.finds(bar));
      element.classList.toggle("chosen", bar === this.chosen);
      element.dataset.index = bar.index;
      element.style.left = `${(100 * left).toFixed(4)}%`;
      element.style.width = `${(100 * width).toFixed(4)}%`;
      element.style.top = `${bar.level * LEVEL}px`;
      return element;
    });
    this.picture.replaceChildren(...elements);
  }

  colour(bar) {
    const ratio = shiftOf(bar, this.recording, this.other);
    // Both graphs say what became of the second recording.
    return shiftColour(ratio !== null && this.side === 1 ? 1 / Math.max(ratio, 1e-9) : ratio);
  }

  finds(bar) {
    return this.pattern !== null && this.pattern.test(bar.name);
  }

  // How many bars are found, and their part of the time: what is found within what is found counts once.
  found() {
    const within = new Set();
    let bars = 0, time = 0;
    for (const bar of this.bars) {
      const isWithin = bar.above !== null && within.has(bar.above);
      const isFound = this.finds(bar);
      if (isFound) bars += 1;
      if (isFound && !isWithin) time += bar.width;
      if (isFound || isWithin) within.add(bar);
    }
    return `${plural(bars, "bar", "bars")}, ${percent(time / Math.max(this.recording.flame.whole, 1))} of the time`;
  }

  // The path, or as much of it as there is.
  zoomTo(path) {
    this.zoomed = null;
    for (let rest = path; rest && !this.zoomed; rest = rest.slice(0, Math.max(rest.lastIndexOf("\n"), 0))) {
      this.zoomed = this.byPath.get(rest) || null;
    }
    this.chosen = null;
    this.draw();
    this.say(this.zoomed);
  }

  key(event) {
    const now = this.chosen || this.zoomed;
    const beside = step => {
      const row = this.visible().map(it => it.bar).filter(bar => now && bar.level === now.level);
      return row[row.indexOf(now) + step];
    };
    const moves = {
      ArrowDown: () => now ? this.visible().map(it => it.bar).find(bar => bar.above === now) : this.bars[0],
      ArrowUp: () => now && now.above,
      ArrowLeft: () => beside(-1),
      ArrowRight: () => beside(1),
    };
    if (event.key === "Enter" && now) this.hear.zoom(now);
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = moves[event.key]();
    if (!next) return;
    this.chosen = next;
    this.draw();
    this.say(next);
  }
}

function flames() {
  const graphs = [];
  const zoom = bar => {
    for (const graph of graphs) graph.zoomTo(bar ? bar.path : "");
    of("flame-all").disabled = bar === null;
  };
  graphs.push(...recordings.map((recording, side) => new FlameGraph(recording, side, { zoom })));
  if (isDiff) {
    [graphs[0].other, graphs[1].other] = [graphs[1], graphs[0]];
    of("flame-graphs").className = "two";
    legend();
  }
  for (const graph of graphs) {
    const head = isDiff ? make("h3", { textContent: `${sideNames[graph.side]}: ${graph.recording.file}` }) : null;
    of("flame-graphs").append(make("div", {}, head, graph.picture, graph.about));
  }
  const search = of("flame-search");
  search.addEventListener("input", () => {
    for (const graph of graphs) {
      graph.pattern = search.value === "" ? null : patternOf(search.value);
      graph.draw();
    }
    const found = graphs.map(graph => `${sideNames[graph.side]} ${graph.found()}`.trim());
    of("flame-found").textContent = search.value === "" ? "" : found.join("; ");
  });
  of("flame-all").addEventListener("click", () => zoom(null));
  of("flames").addEventListener("keydown", event => {
    if (event.key === "Escape" && event.target !== search) zoom(null);
  });
  const draw = () => graphs.forEach(graph => graph.draw());
  addEventListener("resize", draw);
  draw();
}

function legend() {
  const swatch = (colour, words) => [make("span", { className: `swatch ${colour}` }), words];
  of("flame-legend").append(make("p", { className: "help" },
    "Time per root call, after as compared with before:",
    ...swatch("faster-3", "at most half"), ...swatch("faster-2", "faster"), ...swatch("same", "within 10%"),
    ...swatch("slower-2", "slower"), ...swatch("slower-3", "at least twice"), ...swatch("alone", "in one alone")));
}
