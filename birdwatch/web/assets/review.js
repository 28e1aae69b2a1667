// The queue by keyboard: j and k move, x picks, p, q and r decide, ? says so. It can be turned off.
const KEPT = "review-keys";

export function reviewByKeys() {
  const form = document.querySelector("[data-review]");
  const help = form.querySelector("[data-keys]");
  const turnedOn = form.querySelector("[data-keys-on]");
  const boxes = [...form.querySelectorAll("[data-entry] input[type=checkbox]")];
  const reason = form.elements.namedItem("reason");
  let at = -1;

  help.hidden = false;
  turnedOn.checked = recall() !== "off";
  turnedOn.addEventListener("change", () => remember(turnedOn.checked ? "on" : "off"));

  function move(step) {
    const focused = boxes.indexOf(document.activeElement);
    at = Math.min(Math.max((focused < 0 ? at : focused) + step, 0), boxes.length - 1);
    boxes[at]?.focus();
    boxes[at]?.closest("[data-entry]").scrollIntoView({ block: "nearest" });
  }

  function decide(status) {
    if (!boxes.some((box) => box.checked) && boxes[at]) boxes[at].checked = true;
    if (status !== "published" && !reason.value.trim()) {
      reason.focus();
      return;
    }
    form.querySelector(`button[value="${status}"]`).click();
  }

  const keys = {
    j: () => move(1),
    k: () => move(-1),
    x: () => { if (boxes[at]) boxes[at].checked = !boxes[at].checked; },
    p: () => decide("published"),
    q: () => decide("queried"),
    r: () => decide("rejected"),
    "?": () => { help.open = !help.open; help.querySelector("summary").focus(); },
  };
  document.addEventListener("keydown", (event) => {
    if (!turnedOn.checked || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input:not([type=checkbox]), textarea, select")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function recall() {
  try { return localStorage.getItem(KEPT); } catch { return null; }
}

function remember(value) {
  try { localStorage.setItem(KEPT, value); } catch { /* a private window forgets */ }
}
