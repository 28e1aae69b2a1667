// The field page: every letter is kept on the phone, finished counts are sent when there is a line.
import { clock, showConditions, takeDaysAlong, today } from "./conditions.js";
import { countByHand } from "./counters.js";
import { isOld, isWaiting, sendAll, whoSends } from "./outbox.js";
import { all, get, put, remove } from "./store.js";
import { suggestSpecies } from "./species.js";
import { growSightings } from "./survey.js";

const SAVE_MS = 200;
const AGAIN_MS = 30_000;
const ROW = /^s\d+-(\w+)$/;
const form = document.querySelector("[data-field]");
const list = form.querySelector("[data-sightings]");
const line = document.querySelector("[data-line]");
const kept = document.querySelector("[data-kept]");
const addRow = growSightings();
form.elements.site.required = true;
suggestSpecies(document);
const tellTotals = countByHand(form);
const tellConditions = showConditions(form);
let current;
let me = null; // who is known to use this phone: { id, called }

const newDraft = () => ({
  id: crypto.randomUUID(),
  owner: me?.id ?? "",
  state: "draft",
  made: Date.now(),
  values: { date: today(), start: clock(), observers: me?.called ?? "" },
  rows: [],
});
const isMine = (draft) => !draft.owner || !me || draft.owner === me.id;

// --- between the form and a draft -------------------------------------------------------------

function rowValues(row) {
  const fields = [...row.querySelectorAll("[name]")].map((one) => [one.name.match(ROW)[1], one.value]);
  return Object.fromEntries(fields);
}

function read() {
  current.values = {};
  for (const field of form.elements) {
    if (!field.name || ROW.test(field.name) || field.tagName === "BUTTON") continue;
    current.values[field.name] = field.type === "checkbox" ? field.checked : field.value;
  }
  current.rows = [...list.querySelectorAll(".sighting")]
    .map(rowValues)
    .filter((row) => row.species || row.best || row.low || row.high || row.note);
}

function show(draft) {
  current = draft;
  form.reset();
  while (list.children.length < draft.rows.length + 1) addRow();
  while (list.children.length > draft.rows.length + 1) list.lastElementChild.remove();
  [...list.children].forEach((row, index) => {
    const told = draft.rows[index] ?? {};
    for (const field of row.querySelectorAll("[name]")) {
      const name = field.name.match(ROW)[1];
      if (field.tagName === "SELECT") field.value = told[name] ?? field.options[0].value;
      else field.value = told[name] ?? "";
    }
    row.querySelector("[data-take]").disabled = true;
  });
  for (const [name, value] of Object.entries(draft.values)) {
    const field = form.elements[name];
    if (!field) continue;
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }
  tellTotals();
  tellConditions();
}

const isEmpty = (draft) => !draft.rows.length && !draft.values.note && !draft.values.complete;

let timer = 0;
async function save() {
  clearTimeout(timer);
  timer = 0;
  if (!current || current.state === "ready") return;
  read();
  const draft = { ...current };
  if (isEmpty(draft) && !(await get("drafts", draft.id))) return;
  if (draft.id !== current.id) return; // finished meanwhile
  await put("drafts", draft);
  await showKept();
}
const saveSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(save, SAVE_MS);
};

// --- finishing ------------------------------------------------------------------------------

function check() {
  for (const row of list.children) {
    const { species, low, best, high, method } = rowValues(row);
    const input = row.querySelector("input[name$=-best]");
    const isWhole = [low, best, high].every((one) => /^\d*$/.test(one.trim()));
    const lacks = species.trim() && !low && !best && !high && method !== "present";
    input.setCustomValidity(isWhole ? (lacks ? form.dataset.numberMissing : "") : form.dataset.whole);
  }
  const first = list.querySelector("input[name$=-species]");
  const isNothing = !current.rows.some((row) => row.species) && !current.values.complete;
  first.setCustomValidity(isNothing ? form.dataset.empty : "");
  return form.reportValidity();
}

// In the words of the API, as the form of the pages is read (web/survey_form.py).
function bodyOf({ values, rows }) {
  const at = (time) => (time ? `${values.date}T${time}` : "");
  const number = (text) => (text?.trim() ? Number(text) : null);
  return JSON.stringify({
    site: values.site,
    start: at(values.start) || values.date,
    end: at(values.end) || null,
    observers: values.observers,
    protocol: values.protocol,
    complete: Boolean(values.complete),
    tide: values.tide,
    note: values.note,
    sightings: rows
      .filter((row) => row.species)
      .map(({ species, low, best, high, method, behaviour, note }) => ({
        species, low: number(low), best: number(best), high: number(high), method, behaviour, note,
      })),
  });
}

async function finish() {
  read();
  if (!check()) return save();
  clearTimeout(timer);
  const done = { ...current, state: "ready", finished: Date.now(), body: bodyOf(current), said: [] };
  show(newDraft()); // at once: what is typed from here on belongs to the next count
  try {
    await put("drafts", done);
  } catch (error) {
    show({ ...done, state: "draft" });
    throw error;
  }
  list.querySelector("input").blur();
  scrollTo(0, 0);
  await showKept();
  navigator.serviceWorker?.ready.then((worker) => worker.sync?.register("send-surveys")).catch(() => {});
  await send();
}

// --- what is on the phone ---------------------------------------------------------------------

function button(word, work) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain text-link";
  made.textContent = word;
  made.addEventListener("click", work);
  return made;
}

function entry(draft) {
  const item = document.createElement("li");
  item.className = draft.state;
  const site = form.elements.site.querySelector(`option[value="${CSS.escape(draft.values.site ?? "")}"]`);
  const name = document.createElement("b");
  name.textContent = draft.values.site && site ? site.textContent : kept.dataset.unnamed;
  const when = document.createElement("span");
  when.textContent = [draft.values.date, draft.values.start].filter(Boolean).join(" ");
  const state = document.createElement("span");
  state.className = "state";
  state.textContent = kept.dataset[draft.id === current?.id ? "current" : draft.state];
  const does = document.createElement("span");
  does.className = "does";
  const isTried = isWaiting(draft) && draft.tries;
  if (draft.state === "sent" && draft.survey) {
    const link = document.createElement("a");
    link.className = "text-link";
    link.href = `/surveys/${draft.survey}`;
    link.textContent = kept.dataset.show;
    does.append(link);
  } else if (draft.state !== "sent" && !isTried && draft.id !== current?.id) {
    does.append(button(kept.dataset.open, () => openDraft(draft.id)));
  }
  if (!isTried) does.append(button(kept.dataset.remove, () => drop(draft)));
  item.append(name, when, state, does);
  for (const sentence of draft.said ?? []) {
    const said = document.createElement("p");
    said.textContent = sentence;
    item.append(said);
  }
  return item;
}

async function showKept() {
  const drafts = (await all("drafts")).filter(isMine).sort((one, other) => other.made - one.made);
  kept.querySelector("ul").replaceChildren(...drafts.map(entry));
  kept.hidden = !drafts.length;
}

async function openDraft(id) {
  await save();
  const draft = await get("drafts", id);
  if (!draft || draft.state === "sent" || (isWaiting(draft) && draft.tries)) return showKept();
  draft.state = "draft";
  await put("drafts", draft);
  show(draft);
  await showKept();
  form.scrollIntoView();
}

async function drop(draft) {
  if (draft.state !== "sent" && !confirm(kept.dataset.sure)) return;
  await remove("drafts", draft.id);
  if (draft.id === current.id) show(newDraft());
  await showKept();
}

// --- the line ---------------------------------------------------------------------------------

function tell(why) {
  const [text, link] = [line.querySelector("span"), line.querySelector("a")];
  const hasLine = navigator.onLine && why !== "line";
  const words = line.dataset;
  const said = [hasLine ? words.online : words.offline];
  if (hasLine && why === "sign-in") said.push(words.signIn);
  else if (hasLine && why === "later") said.push(words.later);
  else if (hasLine && me) said.push(words.as.replace("{name}", me.called));
  text.textContent = said.join(" ");
  link.hidden = !(hasLine && why === "sign-in");
  line.classList.toggle("off", !hasLine);
  line.hidden = false;
}

let again = 0;
async function send() {
  clearTimeout(again);
  if (!navigator.onLine) return tell("line");
  const { left, why } = await sendAll(showKept);
  await learn();
  tell(why);
  await showKept();
  if (left && why !== "sign-in") again = setTimeout(send, AGAIN_MS);
}

async function learn() {
  const known = await get("facts", "person");
  me = known ? { id: known.id, called: known.called } : me;
}

async function begin() {
  await learn();
  const drafts = await all("drafts");
  for (const old of drafts.filter(isOld)) await remove("drafts", old.id);
  const open = drafts.filter((one) => one.state === "draft" && isMine(one));
  show(open.sort((one, other) => other.made - one.made)[0] ?? newDraft());
  form.hidden = false;
  tell(navigator.onLine ? "" : "line");
  await showKept();
  navigator.storage?.persist?.();
  if (!navigator.onLine) return;
  try {
    const found = await whoSends();
    await learn();
    if (found.person && isEmpty(current) && !current.values.observers) show(newDraft());
    tell(found.person ? "" : "sign-in");
  } catch {
    tell("line");
  }
  await send();
  takeDaysAlong().then(tellConditions, () => {});
}

form.addEventListener("input", saveSoon);
form.addEventListener("change", saveSoon);
list.addEventListener("click", saveSoon);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  finish();
});
form.addEventListener("input", (event) => event.target.setCustomValidity?.(""));
kept.querySelector("[data-new]").addEventListener("click", async () => {
  await save();
  show(newDraft());
  await showKept();
  form.scrollIntoView();
});
addEventListener("online", send);
addEventListener("offline", () => tell("line"));
document.addEventListener("visibilitychange", () => (document.hidden ? save() : send()));
addEventListener("pagehide", save);
navigator.serviceWorker?.register("/surveys/worker.js").catch(() => {});
begin().catch(() => {
  line.querySelector("span").textContent = line.dataset.noStore;
  line.hidden = false;
});
