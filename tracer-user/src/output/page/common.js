// What all parts share: the data, elements, numbers as words. Text is only ever set as text.

const data = JSON.parse(document.getElementById("data").textContent);
const recordings = data.recordings;
const isDiff = recordings.length === 2;
const sideNames = isDiff ? ["before", "after"] : [""];

const of = id => document.getElementById(id);

// An element with properties and children; a child may be a text. Where there is nothing to show, null.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter(child => child !== null));
  return element;
}

const count = number => number.toLocaleString("en");
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
const percent = part => (100 * part).toFixed(part < 0.1 ? 2 : 1) + "%";
const micros = ns => (ns / 1000).toFixed(3);

// In the largest unit of which there is at least one.
function span(ns) {
  if (ns === null) return "?";
  const units = [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]];
  const unit = units.find(([size]) => Math.abs(ns) >= size);
  return unit ? `${(ns / unit[0]).toFixed(3)} ${unit[1]}` : `${Math.round(ns)} ns`;
}

// As short as a label of an axis has to be.
const shortSpan = ns => span(ns).replace(/\.?0+ /, " ");

// The marks of function_graph.
function mark(ns) {
  const marks = [[1e9, "$"], [1e8, "@"], [1e7, "*"], [1e6, "#"], [1e5, "!"], [1e4, "+"]];
  const found = marks.find(([limit]) => ns > limit);
  return found ? found[1] : " ";
}

// A pattern that was typed; what is no regular expression is looked for as it stands.
function patternOf(text) {
  try {
    return new RegExp(text, "i");
  } catch {
    return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "i");
  }
}
