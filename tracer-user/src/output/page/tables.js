// The tables: root calls, functions, and what differs between two recordings.

const number = (title, help, value, text = value, flag = null) => ({ title, help, value, text, flag });
const time = (title, help, value) => number(title, help, value, row => (value(row) < 0 ? "-" : micros(value(row))));
const isZero = value => row => (value(row) === 0 ? "zero" : "");
const isBad = value => row => (value(row) > 0 ? "bad" : "zero");
const failedOf = root => root.errors.reduce((sum, [, calls]) => sum + calls, 0);

// The roots of all recordings by name, those with the most time first: [name, [numbers or null of each side]].
function rootsByName() {
  const byName = new Map();
  recordings.forEach((recording, side) => recording.roots.forEach(root => {
    const name = recording.functions[root.function];
    if (!byName.has(name)) byName.set(name, recordings.map(() => null));
    byName.get(name)[side] = root;
  }));
  return [...byName];
}

function rootTable(roots) {
  const rows = roots.flatMap(([name, sides]) => sides.map((root, side) => ({ name, root, side })).filter(row => row.root));
  const which = isDiff ? [{ title: "recording", words: true, value: row => sideNames[row.side], text: row => sideNames[row.side] }] : [];
  const columns = [
    { title: "root", words: true, value: row => row.name, text: row => row.name },
    ...which,
    number("calls", "Calls of which both ends were seen", row => row.root.calls, row => count(row.root.calls)),
    number("failed", "Calls that returned an error", row => failedOf(row.root), row => count(failedOf(row.root)), isBad(row => failedOf(row.root))),
    time("avg µs", "Average time", row => row.root.total / row.root.calls),
    time("p50 µs", "The time that half of the calls stay below", row => row.root.p50),
    time("p90 µs", "The time that 90 of 100 calls stay below", row => row.root.p90),
    time("p99 µs", "The time that 99 of 100 calls stay below", row => row.root.p99),
    time("max µs", "The longest time", row => row.root.max),
  ];
  return table(columns, rows, { caption: "Root calls" });
}

// Places in a row of functions, as data.rs has them.
const [NAME, CALLS, TIMED, TOTAL, SELF, P50, P90, P99, MAX, ERRORS, ERROR_WORDS] = Array(11).keys();
const averageOf = row => (row[TIMED] > 0 ? row[TOTAL] / row[TIMED] : -1);
const timeOf = place => row => (row[TIMED] > 0 ? row[place] : -1);

function functionTable(recording) {
  const columns = [
    number("calls", "Calls", row => row[CALLS], row => count(row[CALLS])),
    time("total µs", "Time from entry to return", row => row[TOTAL]),
    time("self µs", "The same without the time of the calls below", row => row[SELF]),
    time("avg µs", "Average time", averageOf),
    time("p50 µs", "The time that half of the calls stay below", timeOf(P50)),
    time("p90 µs", "The time that 90 of 100 calls stay below", timeOf(P90)),
    time("p99 µs", "The time that 99 of 100 calls stay below", timeOf(P99)),
    time("max µs", "The longest time", timeOf(MAX)),
    number("errors", "Calls that returned an error", row => row[ERRORS], row => count(row[ERRORS]), isBad(row => row[ERRORS])),
    { title: "function", words: true, value: row => row[NAME], text: row => row[NAME] + (row[ERRORS] > 0 ? ` (${row[ERROR_WORDS]})` : "") },
  ];
  const sortBy = columns.find(column => column.title.replace(" µs", "") === data.sort);
  return table(columns, recording.rows, { caption: "Functions", name: row => row[NAME], sortBy: sortBy && sortBy.title });
}

// Both recordings' functions by name.
function comparedTable() {
  const byName = new Map();
  recordings.forEach((recording, side) => recording.rows.forEach(row => {
    if (!byName.has(row[NAME])) byName.set(row[NAME], [null, null]);
    byName.get(row[NAME])[side] = row;
  }));
  const rows = [...byName].map(([name, sides]) => ({ name, sides }));
  const each = (place, side) => row => (row.sides[side] ? row.sides[side][place] / Math.max(recordings[side].root_calls, 1) : 0);
  const average = side => row => (row.sides[side] ? averageOf(row.sides[side]) : -1);
  const errors = side => row => (row.sides[side] ? row.sides[side][ERRORS] : 0);
  const shift = row => each(SELF, 1)(row) - each(SELF, 0)(row);
  const signed = ns => (ns > 0 ? "+" : "") + micros(ns);
  const calls = side => number(`calls/root ${sideNames[side]}`, "Calls per root call", each(CALLS, side), row => each(CALLS, side)(row).toFixed(2), isZero(each(CALLS, side)));
  const columns = [
    calls(0),
    calls(1),
    time("avg µs before", "Average time", average(0)),
    time("avg µs after", "Average time", average(1)),
    time("self µs/root before", "Time without that of the calls below, per root call", each(SELF, 0)),
    time("self µs/root after", "Time without that of the calls below, per root call", each(SELF, 1)),
    number("shift µs/root", "By how much the time of its own changed", row => Math.abs(shift(row)), row => signed(shift(row)), row => (shift(row) > 0 ? "bad" : "")),
    number("errors before", "Calls that returned an error", errors(0), row => count(errors(0)(row)), isBad(errors(0))),
    number("errors after", "Calls that returned an error", errors(1), row => count(errors(1)(row)), isBad(errors(1))),
    { title: "function", words: true, value: row => row.name, text: row => row.name },
  ];
  return table(columns, rows, { caption: "Functions", name: row => row.name, sortBy: "shift µs/root" });
}

function changeTable() {
  const { rows, skipped: leftOut } = data.changes;
  if (rows.length === 0) return make("p", { textContent: "No path appeared or vanished, and no time shifted." });
  const perRoot = side => row => row.calls[side] / Math.max(recordings[side].root_calls, 1);
  const average = side => row => (row.average[side] === null ? -1 : row.average[side]);
  const columns = [
    { title: "change", words: true, value: row => row.change, text: row => row.change, flag: row => (row.change === "slower" ? "bad" : "") },
    number("calls/root before", "Calls per root call", perRoot(0), row => perRoot(0)(row).toFixed(2)),
    number("calls/root after", "Calls per root call", perRoot(1), row => perRoot(1)(row).toFixed(2)),
    time("avg µs before", "Average time", average(0)),
    time("avg µs after", "Average time", average(1)),
    number("shift µs", "By how much the average shifted", row => Math.abs(row.shift || 0), row => (row.shift === null ? "-" : (row.shift > 0 ? "+" : "") + micros(row.shift))),
    number("std errors", "How many standard errors that is", row => row.errors || 0, row => (row.errors === null ? "-" : row.errors > 1e6 ? "∞" : row.errors.toFixed(1))),
    { title: "path", words: true, value: row => row.path.join(" > "), text: row => row.path.join(" > ") },
  ];
  const shown = table(columns, rows, { caption: "What differs", name: row => row.path.join(" > ") });
  if (leftOut > 0) shown.append(make("p", { className: "help", textContent: `${count(leftOut)} more are skipped; tracer diff has them.` }));
  return shown;
}
