<![CDATA[
"use strict";
// Without this script all bars are there; with it a click shows a path alone and a search marks functions.
(() => {
  const of = id => document.getElementById(id);
  const number = (bar, name) => parseFloat(bar.getAttribute(name));
  const bars = Array.from(of("bars").children, group => {
    const box = group.querySelector("svg");
    const title = group.querySelector("title").textContent;
    const name = box.querySelector("text").textContent;
    const left = number(box, "x"), width = number(box, "width");
    return { group, box, title, name, left, right: left + width, top: number(box, "y") };
  });
  // Widths are written with five decimals.
  const NEAR = 2e-5;
  const about = of("about"), always = about.textContent;

  // A letter or two say nothing.
  const hideCutNames = () => {
    for (const bar of bars) {
      const pixels = number(bar.box, "width") / 100 * innerWidth;
      bar.box.querySelector("text").setAttribute("display", pixels < 20 ? "none" : "inline");
    }
  };

  // Bars within [left, right] from `top` on fill the width; those above them are shown as wide as all.
  const zoom = chosen => {
    const { left, right, top } = chosen || { left: 0, right: 100, top: 0 };
    const scale = 100 / (right - left);
    for (const bar of bars) {
      const above = bar.top < top && bar.left <= left + NEAR && bar.right >= right - NEAR;
      const inside = bar.top >= top && bar.left >= left - NEAR && bar.right <= right + NEAR;
      bar.group.setAttribute("display", above || inside ? "inline" : "none");
      bar.group.classList.toggle("above", above);
      bar.box.setAttribute("x", (above ? 0 : (bar.left - left) * scale) + "%");
      bar.box.setAttribute("width", (above ? 100 : (bar.right - bar.left) * scale) + "%");
    }
    hideCutNames();
    of("all").setAttribute("visibility", chosen ? "visible" : "hidden");
  };

  // What is found within what is found counts once.
  const share = found => {
    let sum = 0, end = 0;
    for (const bar of bars) {
      if (found.has(bar) && bar.left > end - NEAR) {
        sum += bar.right - bar.left;
        end = bar.right;
      }
    }
    return sum;
  };

  const search = () => {
    const text = prompt("Mark functions whose name has this (a regular expression); nothing marks none:");
    if (text === null) return;
    let pattern;
    try {
      pattern = new RegExp(text, "i");
    } catch (error) {
      about.textContent = String(error.message);
      return;
    }
    const found = new Set(text === "" ? [] : bars.filter(bar => pattern.test(bar.name)));
    for (const bar of bars) bar.group.classList.toggle("found", found.has(bar));
    const says = `${text}: ${found.size} bars, ${share(found).toFixed(2)}% of the time`;
    about.textContent = text === "" ? always : says;
  };

  hideCutNames();
  addEventListener("resize", hideCutNames);
  for (const bar of bars) bar.group.addEventListener("click", () => zoom(bar));
  of("all").addEventListener("click", () => zoom());
  of("search").addEventListener("click", search);
  addEventListener("keydown", event => {
    if (event.key === "Escape") zoom();
    if ((event.ctrlKey || event.metaKey) && event.key === "f") {
      event.preventDefault();
      search();
    }
  });
})();
]]>
