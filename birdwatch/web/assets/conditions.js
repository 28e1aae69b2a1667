// Sun and tide beside the form. Days are taken along while there is a line; without one they are
// read from the phone. What no table tells is not told.
import { get, put } from "./store.js";

const HOUR = 3600 * 1000;
const SLACK = HOUR; // as domain/tide.py: within an hour of the water
const MAX_GAP = 16 * HOUR;
const DAYS_ALONG = 17;

const dayAfter = (day, number) => {
  const moment = new Date(`${day}T00:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() + number);
  return moment.toISOString().slice(0, 10);
};
const ZONE_MS = 8 * HOUR; // the estuary's own clock, whatever the phone's
export const today = () => new Date(Date.now() + ZONE_MS).toISOString().slice(0, 10);
export const clock = () => new Date(Date.now() + ZONE_MS).toISOString().slice(11, 16);

async function fetchDays(first, days, site) {
  const query = new URLSearchParams({ from: first, days, ...(site ? { site } : {}) });
  const answer = await fetch(`/api/v1/tides?${query}`);
  if (!answer.ok) throw new Error(String(answer.status));
  return (await answer.json()).items;
}

// Keep yesterday and the two weeks to come, of every site.
export async function takeDaysAlong() {
  const items = await fetchDays(dayAfter(today(), -1), DAYS_ALONG);
  await put("facts", { name: "days", items });
}

async function daysAround(site, day) {
  const wanted = [dayAfter(day, -1), day, dayAfter(day, 1)];
  let items = [];
  try {
    items = (await get("facts", "days"))?.items ?? [];
  } catch {
    // A browser that keeps nothing can still ask.
  }
  const pick = (all) => all.filter((one) => one.site === site && wanted.includes(one.day));
  const known = pick(items);
  if (known.length === wanted.length) return known;
  try {
    return await fetchDays(wanted[0], wanted.length, site);
  } catch {
    return known;
  }
}

// How the tide stands between two waters that are known; null where it cannot be told.
export function stageAt(waters, at) {
  const next = waters.findIndex((water) => Date.parse(water.at) > at);
  if (next < 1) return null;
  const [before, after] = [waters[next - 1], waters[next]];
  const [start, end] = [Date.parse(before.at), Date.parse(after.at)];
  if (before.kind === after.kind || end - start > MAX_GAP) return null;
  const nearest = at - start <= end - at ? before : after;
  if (Math.abs(at - Date.parse(nearest.at)) <= SLACK) return nearest.kind;
  return after.kind === "high" ? "rising" : "falling";
}

function momentOf(form) {
  const { date, start, end } = form.elements;
  const at = (time) => Date.parse(`${date.value}T${time}:00+08:00`);
  if (start.value) return end.value ? (at(start.value) + at(end.value)) / 2 : at(start.value);
  return date.value === today() ? Date.now() : NaN;
}

export function showConditions(form, defaultSite = "") {
  const panel = form.querySelector("[data-conditions]");
  const words = panel.dataset;
  let asked = 0;
  const tell = async () => {
    const site = form.elements.site.value || defaultSite;
    const day = form.elements.date.value;
    const mine = ++asked;
    if (!site || !day) return;
    const days = await daysAround(site, day);
    if (mine !== asked) return;
    const own = days.find((one) => one.day === day);
    panel.replaceChildren();
    if (!own) return;
    const waters = days.flatMap((one) => one.waters);
    const stage = stageAt(waters, momentOf(form));
    const facts = [
      ...(stage ? [[words.stage, words[`stage${stage[0].toUpperCase()}${stage.slice(1)}`], "", "now"]] : []),
      ...own.waters.map((water) => [words[water.kind], water.at.slice(11, 16), height(water), ""]),
      ...[["rise", own.sunrise], ["set", own.sunset], ["dark", own.dusk]]
        .filter(([, at]) => at)
        .map(([word, at]) => [words[word], at.slice(11, 16), "", ""]),
    ];
    panel.append(listOf(facts), source(own, words));
  };
  for (const name of ["site", "date", "start", "end"]) {
    form.elements[name].addEventListener("change", tell);
  }
  return tell;
}

const height = (water) => (water.height_m === null ? "" : `${water.height_m.toFixed(1)} m`);

function listOf(facts) {
  const list = document.createElement("dl");
  for (const [name, value, more, mark] of facts) {
    const pair = document.createElement("div");
    const [term, told] = [document.createElement("dt"), document.createElement("dd")];
    pair.className = mark;
    term.textContent = name;
    told.textContent = value;
    if (more) {
      const small = document.createElement("small");
      small.textContent = more;
      told.append(" ", small);
    }
    pair.append(term, told);
    list.append(pair);
  }
  return list;
}

function source(own, words) {
  const line = document.createElement("p");
  const named = own.station === own.source ? own.station : `${own.station} · ${own.source}`;
  const from = words.source.replace("{source}", named);
  if (!own.station) line.textContent = words.none;
  else line.textContent = own.waters.length ? from : `${words.untold} ${from}`;
  return line;
}
