// Puts the parts on the page.

function factsOf(recording, side) {
  const parts = [
    isDiff ? `${sideNames[side]}: ${recording.file}` : recording.file,
    recording.kernel && `Linux ${recording.kernel}`,
    recording.host && `on ${recording.host}`,
    recording.cpus > 0 && plural(recording.cpus, "CPU", "CPUs"),
    recording.began > 0 && new Date(recording.began).toISOString().replace("T", " ").replace(/\..*/, " UTC"),
    recording.command.length > 0 && recording.command.join(" "),
    plural(recording.root_calls, "root call", "root calls"),
    recording.filtered_out !== null && `${count(recording.filtered_out)} more filtered out`,
  ];
  const missing = [
    recording.partial > 0 && `${plural(recording.partial, "root call is", "root calls are")} not whole`,
    recording.lost_events > 0 && plural(recording.lost_events, "event was lost", "events were lost"),
    !recording.is_whole && "a part of the recording could not be read",
  ];
  const said = parts.filter(Boolean).join(" · ");
  const warned = missing.filter(Boolean).join(", ");
  return make("div", {}, said, warned ? make("span", { className: "warning", textContent: ` · ${warned}` }) : null);
}

function rootCalls() {
  const roots = rootsByName();
  of("root-table").append(rootTable(roots));
  if (roots.length === 0) return;
  const place = make("div");
  const draw = sides => place.replaceChildren(histogram(sides));
  if (roots.length > 1) {
    const choice = make("select", { id: "root-choice" }, ...roots.map(([name], index) => make("option", { value: index, textContent: name })));
    choice.addEventListener("change", () => draw(roots[Number(choice.value)][1]));
    of("histogram").append(make("div", { className: "controls" }, make("label", {}, "Calls of ", choice, " by duration")));
  } else {
    of("histogram").append(make("h3", { textContent: "Calls by duration" }));
  }
  if (isDiff) {
    const swatches = sideNames.flatMap((name, side) => [make("span", { className: `swatch side-${side}` }), name]);
    of("histogram").append(make("div", { className: "help" }, ...swatches));
  }
  of("histogram").append(place);
  draw(roots[0][1]);
}

function main() {
  const names = rootsByName().map(([name]) => name);
  const title = names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
  of("title").textContent = title || "No root calls";
  document.title = `${title || "no root calls"} - tracer report`;
  of("facts").append(...recordings.map(factsOf));
  rootCalls();
  if (data.changes) {
    of("changes").excluded = false;
    of("change-table").append(changeTable());
  }
  flames();
  calls();
  of("function-table").append(isDiff ? comparedTable() : functionTable(recordings[0]));
}

main();
