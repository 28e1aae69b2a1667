// One tab stop per strip: arrows walk the days, Home and End go to its ends, Enter opens.
export function walkStrips(root) {
  for (const strip of root.querySelectorAll("svg[data-strip]")) {
    const days = [...strip.querySelectorAll("a.d")];
    if (!days.length) continue;
    let at = Math.max(0, days.findIndex((day) => day.classList.contains("on")));
    days.forEach((day, index) => day.setAttribute("tabindex", index === at ? "0" : "-1"));
    const go = (to) => {
      const next = Math.min(days.length - 1, Math.max(0, to));
      days[at].setAttribute("tabindex", "-1");
      days[next].setAttribute("tabindex", "0");
      days[next].focus();
      at = next;
    };
    strip.addEventListener("focusin", (event) => {
      const index = days.indexOf(event.target.closest("a.d"));
      if (index >= 0 && index !== at) go(index);
    });
    strip.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) go(at + step);
      else if (event.key === "Home") go(0);
      else if (event.key === "End") go(days.length - 1);
      else return;
      event.preventDefault();
    });
  }
}
