// Root calls with their trees to fold open. A tree is made when it is opened first; the path that took the longest is open then.

function heading(call, recording) {
  const [id, , , words, isError] = call.nodes.find(node => node[1] === 0 && node[0] !== null) || [null, 0, null, "", false];
  const name = id === null ? "?" : recording.functions[id];
  const at = call.at === null ? "" : `, at +${span(call.at)}`;
  const lost = call.lost > 0 ? `, ${count(call.lost)} events lost` : "";
  return make("summary", {},
    make("span", { className: "time", textContent: span(call.duration) }),
    ` ${name} `,
    make("span", { className: isError ? "bad" : "", textContent: words }),
    make("span", { className: "quiet", textContent: ` · ${call.task}, CPU ${call.cpu}, call ${count(call.number)}${at}${lost}` }));
}

function line(node, recording, whole) {
  const [id, depth, duration, words, isError, offCpu, flag, given, caller] = node;
  const time = make("span", { className: "time" });
  if (duration !== null) {
    time.append(make("span", { className: "mark", textContent: mark(duration) }), ` ${micros(duration)}`);
    time.style.setProperty("--part", percent(whole > 0 ? duration / whole : 0));
  }
  const name = make("span", { className: "name" }, id === null ? "" : `${recording.functions[id]}(${given}) `);
  name.style.setProperty("--depth", depth);
  name.append(make("span", { className: isError ? "bad" : "quiet", textContent: words }));
  if (caller) name.append(make("span", { className: "quiet", textContent: ` <-${caller}` }));
  if (offCpu > 0) name.append(make("span", { className: "quiet", textContent: ` off-cpu ${span(offCpu)}` }));
  const contexts = { s: " [soft interrupt]", h: " [hard interrupt]", z: " [NMI]" };
  if (flag) name.append(make("span", { className: "quiet", textContent: contexts[flag] }));
  return [time, name];
}

// The tree; a call that calls something can be folded.
function tree(call, recording) {
  const whole = call.duration || 0;
  const box = make("div", { className: "tree" });
  const open = [box];
  call.nodes.forEach((node, index) => {
    const [, depth] = node;
    open.length = Math.min(depth + 1, open.length);
    const next = call.nodes[index + 1];
    const parts = line(node, recording, whole);
    if (next && next[1] > depth) {
      const details = make("details", {}, make("summary", { className: "line" }, ...parts));
      open[open.length - 1].append(details);
      details.dataset.time = node[2] || 0;
      open.push(details);
    } else {
      open[open.length - 1].append(make("div", { className: "line" }, ...parts));
    }
  });
  openHottest(box);
  if (call.end) box.append(make("div", { className: "bad", textContent: call.end }));
  if (call.skipped > 0) {
    box.append(make("div", { className: "quiet", textContent: `The ${count(call.skipped)} shortest calls are skipped; tracer replay has them.` }));
  }
  return box;
}

function openHottest(box) {
  const folds = [...box.children].filter(child => child.tagName === "DETAILS");
  if (folds.length === 0) return;
  const time = fold => Number(fold.dataset.time);
  const hottest = folds.reduce((one, other) => (time(other) > time(one) ? other : one));
  hottest.open = true;
  openHottest(hottest);
}

function callElement(call, recording) {
  const details = make("details", { className: "call" }, heading(call, recording));
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const made = tree(call, recording);
    const all = isOpen => () => made.querySelectorAll("details").forEach(fold => { fold.open = isOpen; });
    const button = (textContent, act) => {
      const button = make("button", { type: "button", textContent });
      button.addEventListener("click", act);
      return button;
    };
    const controls = make("div", { className: "controls" }, button("Unfold all", all(true)), button("Fold all", all(false)));
    details.append(controls, made);
  });
  return details;
}

function callList(title, calls, recording, none) {
  const list = calls.map(call => callElement(call, recording));
  return [make("h3", { textContent: title }), ...(list.length > 0 ? list : [make("p", { className: "help", textContent: none })])];
}

function errorsOf(recording) {
  const words = recording.roots.flatMap(root => root.errors.map(([name, calls]) => `${count(calls)} ${name}`));
  return words.length > 0 ? `: ${words.join(", ")}` : "";
}

function calls() {
  recordings.forEach((recording, side) => {
    const which = isDiff ? `, ${sideNames[side]}` : "";
    of("call-lists").append(
      ...callList(`The slowest${which}`, recording.slowest, recording, "There is no call of which both ends were seen."),
      ...callList(`Failed${which}${errorsOf(recording)}`, recording.failed, recording, "No root call returned an error."));
  });
  of("call-lists").prepend(make("p", { className: "help screen", textContent: "Times in µs; the tint is the part of the root call." }));
}
