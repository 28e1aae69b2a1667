// Counting by thumb: +1, +10, +100, taking back the last press, and the sum of all rows.
const taken = new WeakMap();

const bestOf = (row) => row.querySelector("input[name$=-best]");
const numberIn = (input) => (/^\d+$/.test(input.value.trim()) ? Number(input.value) : 0);

export function countByHand(form) {
  const list = form.querySelector("[data-sightings]");
  for (const counter of list.querySelectorAll("[data-counter]")) counter.hidden = false;
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-counter] button");
    if (!button) return;
    const row = button.closest(".sighting");
    const input = bestOf(row);
    const presses = taken.get(row) ?? [];
    taken.set(row, presses);
    if (button.dataset.add) {
      presses.push({ step: Number(button.dataset.add), was: input.value });
      input.value = String(numberIn(input) + Number(button.dataset.add));
    } else {
      const { step, was } = presses.pop();
      const less = Math.max(0, numberIn(input) - step);
      input.value = less === 0 && was.trim() === "" ? "" : String(less);
    }
    row.querySelector("[data-take]").disabled = !presses.length;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
  const output = form.querySelector("[data-totals]");
  const tell = () => {
    const rows = [...list.querySelectorAll(".sighting")];
    const named = rows.filter((row) => row.querySelector("input[name$=-species]").value.trim());
    const birds = rows.reduce((sum, row) => sum + numberIn(bestOf(row)), 0);
    const written = new Intl.NumberFormat(document.documentElement.lang);
    output.textContent = output.dataset.words
      .replace("{species}", written.format(named.length))
      .replace("{birds}", written.format(birds));
    output.hidden = false;
  };
  for (const kind of ["input", "change", "click"]) list.addEventListener(kind, tell);
  tell();
  return tell;
}
