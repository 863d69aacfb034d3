// How long the calls of a root took: a column for each bucket, ten in each power of ten, with the quantiles across.

const FEWEST_BUCKETS = 12;
const STEPS = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

// The bounds of buckets from the one that begins at `from` to the one that ends at `to`, some more where those are few.
function bounds(from, to) {
  const all = [0];
  for (let power = 1; all.length < 190; power *= 10) all.push(...STEPS.map(step => step * power));
  let first = all.indexOf(from);
  // What is damaged may end beyond all.
  let last = to > all[first] && all.includes(to) ? all.indexOf(to) : all.length - 1;
  while (last - first < FEWEST_BUCKETS) {
    if (first > 0) first -= 1;
    last += 1;
  }
  return all.slice(first, last + 1);
}

// Where on the axis a duration lies, from 0 to 1.
function placeOf(ns, edges) {
  const index = Math.max(edges.findLastIndex(edge => edge <= ns), 0);
  const [from, to] = [Math.max(edges[index], 1), edges[index + 1] || edges[index]];
  const within = ns > from && to > from ? Math.log(ns / from) / Math.log(to / from) : 0;
  return (index + Math.min(within, 1)) / (edges.length - 1);
}

function column(bucket, most, side, isLabelled) {
  const calls = bucket ? bucket.calls : 0;
  const bar = make("div", { className: `column side-${side} ${calls > 0 ? "some" : ""}` });
  bar.style.height = `${(100 * calls) / most}%`;
  if (isLabelled && calls > 0) bar.append(make("span", { textContent: count(calls) }));
  return bar;
}

function quantile(name, ns, edges, row, side) {
  const place = placeOf(ns, edges);
  const label = make("span", { textContent: `${name} ${span(ns)}` });
  label.style.top = `${-30 + 13 * row}px`;
  const line = make("div", { className: `quantile side-${side} ${place > 0.85 ? "flip" : ""}` }, label);
  line.style.left = `${100 * place}%`;
  return line;
}

// `sides` has the numbers of the root in each recording, or null.
function histogram(sides) {
  const spreads = sides.map(root => new Map((root ? root.spread : []).map(bucket => [bucket.from, bucket])));
  const buckets = spreads.flatMap(spread => [...spread.values()]);
  if (buckets.length === 0) return make("p", { textContent: "There is no call of which both ends were seen." });
  const edges = bounds(Math.min(...buckets.map(it => it.from)), Math.max(...buckets.map(it => it.to)));
  const most = Math.max(...buckets.map(it => it.calls));
  const picture = make("div", { className: "histogram" });
  const isLabelled = edges.length <= 30 && !isDiff;
  for (let index = 0; index + 1 < edges.length; index += 1) {
    const found = spreads.map(spread => spread.get(edges[index]));
    const says = found.map((bucket, side) => `${sideNames[side]} ${plural(bucket ? bucket.calls : 0, "call", "calls")}`.trim());
    const title = `${shortSpan(edges[index])} to ${shortSpan(edges[index + 1])}: ${says.join(", ")}`;
    const columns = found.map((bucket, side) => column(bucket, most, side, isLabelled));
    picture.append(make("div", { className: "bucket", title }, ...columns));
  }
  sides.forEach((root, side) => {
    if (!root) return;
    const marks = isDiff ? [["p50", root.p50]] : [["p50", root.p50], ["p90", root.p90], ["p99", root.p99]];
    marks.forEach(([name, ns], row) => {
      picture.append(quantile(`${sideNames[side]} ${name}`.trim(), ns, edges, row + side, side));
    });
  });
  return make("div", {}, picture, axis(edges));
}

function axis(edges) {
  const labels = make("div", { className: "axis" });
  const isFew = edges.length <= 34;
  edges.forEach((edge, index) => {
    // 1, 10, 100 and so on; also 2 and 5 where there is room.
    if (!/^[125]0*$/.test(String(edge)) || (!isFew && String(edge)[0] !== "1")) return;
    const isLast = index === edges.length - 1;
    const label = make("span", { textContent: shortSpan(edge), className: isLast ? "last" : "" });
    label.style.left = `${(100 * index) / (edges.length - 1)}%`;
    labels.append(label);
  });
  return labels;
}
