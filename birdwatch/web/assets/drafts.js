// The table of drafts: many are picked at once, and what is done to them does not stop the uploads.
const REFRESH_MS = 2000;
const SELDOM_MS = 30_000;

export function watchDrafts() {
  const section = () => document.querySelector("#drafts");
  const sources = new WeakMap(); // what a row was when it came, to tell whether it is another now
  let timer = null;
  let pause = REFRESH_MS; // grows while the pictures are not made yet
  let last = null; // the box clicked before, for a range

  const boxes = () => [...section().querySelectorAll("input[name=id]")];
  const count = () => {
    const picked = boxes().filter((box) => box.checked).length;
    const all = section().querySelector("[data-pick-all]");
    if (!all) return;
    all.checked = picked > 0 && picked === boxes().length;
    all.indeterminate = picked > 0 && picked < boxes().length;
    const shown = section().querySelector("[data-picked]");
    shown.textContent = shown.dataset.text.replace("{n}", picked);
  };
  const ready = () => {
    for (const part of section().querySelectorAll("[data-with-script]")) part.hidden = false;
    for (const part of section().querySelectorAll("[data-without-script]")) part.hidden = true;
    for (const row of rowsOf(section())) if (!sources.has(row)) sources.set(row, row.outerHTML);
    count();
    if (section().querySelector("[data-unready]")) look((pause = Math.min(pause * 1.5, SELDOM_MS)));
  };
  const rowsOf = (part) => [...part.querySelectorAll("[data-draft]")];

  const refresh = () => look((pause = REFRESH_MS));
  const look = (after) => {
    timer ??= setTimeout(async () => {
      timer = null;
      const fresh = await load(location.href).catch(() => null);
      if (fresh) swapRows(fresh);
    }, after);
  };
  const swapRows = (fresh) => {
    const [isShown, isComing] = [section(), fresh].map((one) => Boolean(one.querySelector("tbody")));
    if (!isShown && !isComing) return; // what was said of the last ones stays
    if (!isShown || !isComing) {
      section().replaceWith(fresh);
      ready();
      return;
    }
    const old = new Map(rowsOf(section()).map((row) => [row.dataset.draft, row]));
    const body = section().querySelector("tbody");
    const rows = rowsOf(fresh).map((row) => {
      const before = old.get(row.dataset.draft);
      if (before && sources.get(before) === row.outerHTML) return before;
      sources.set(row, row.outerHTML);
      const isPicked = before?.querySelector("input[name=id]")?.checked;
      if (isPicked) row.querySelector("input[name=id]").checked = true;
      return row;
    });
    const isSame = rows.length === old.size && rows.every((row, at) => body.children[at] === row);
    if (!isSame) body.replaceChildren(...rows);
    for (const name of ["draft-count", "draft-more"]) {
      section().querySelector(`[data-${name}]`).replaceChildren(
        ...fresh.querySelector(`[data-${name}]`).childNodes,
      );
    }
    section().hidden = fresh.hidden;
    ready();
  };

  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("[data-bench]")) return;
    event.preventDefault();
    const { target: form, submitter } = event;
    const body = new FormData(form, submitter);
    // What was set is usually published next: it stays picked.
    const kept = submitter.value === "set" ? new Set(body.getAll("id")) : new Set();
    submitter.disabled = true;
    try {
      const fresh = await load(form.action, { method: "POST", body });
      section().replaceWith(fresh);
      for (const box of boxes()) if (kept.has(box.value)) box.checked = true;
      ready();
      section().querySelector("[data-said]")?.focus();
    } catch {
      const chosen = document.createElement("input");
      Object.assign(chosen, { type: "hidden", name: submitter.name, value: submitter.value });
      form.append(chosen);
      form.submit(); // let the browser show what is wrong
    }
  });
  document.addEventListener("click", (event) => {
    const box = event.target;
    if (box.matches?.("[data-pick-all]")) {
      for (const one of boxes()) one.checked = box.checked;
    } else if (box.matches?.("#drafts input[name=id]")) {
      const all = boxes();
      const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      if (event.shiftKey && from >= 0) {
        for (const one of all.slice(from, to + 1)) one.checked = box.checked;
      }
      last = box;
    } else return;
    count();
  });
  ready();
  return { refresh };
}

async function load(address, how = {}) {
  const answer = await fetch(address, { ...how, headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const section = page.querySelector("#drafts");
  if (!section) throw new Error("no drafts in the answer");
  return document.adoptNode(section);
}
