// The workbench: drop many files, watch each, and look the drafts over while the others are sent.
import { makeQueue } from "./upload_queue.js";
import { openStore } from "./upload_store.js";
import { watchDrafts } from "./drafts.js";

const PREVIEWS = 60;
const PREVIEWED = /^image\/(jpeg|png|webp|avif)$/;
const PICTURE = /^image\/|\.(jpe?g|heic|heif|mpo|png|webp|tiff?|avif|cr2|cr3|nef|arw|dng|raf)$/i;
const SPEED_OVER_MS = 10_000;
const TELL_EVERY_MS = 500;
const OVER = new Set(["done", "known", "refused", "removed"]);

export async function takeFiles() {
  const form = document.querySelector("[data-upload]");
  const words = JSON.parse(form.dataset.words);
  const drafts = watchDrafts();
  const lines = makeLines(form.querySelector(".transfers"), words);
  const tell = makeTeller(form, words);
  for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;

  const queue = makeQueue({
    person: form.dataset.person,
    csrf: form.elements.csrf.value,
    store: await openStore(form.dataset.person),
    words,
    changed(job) {
      lines.show(job, queue);
      tell.soon(queue.jobs);
      if (job.state === "done") drafts.refresh();
    },
  });
  const zone = form.querySelector(".drop-zone");
  const input = form.querySelector("input[type=file]");
  zone.classList.add("live");
  takeDrops(zone, (file, handle) => queue.add(file, handle));
  input.addEventListener("change", () => {
    for (const file of input.files) queue.add(file);
    input.value = "";
  });
  input.addEventListener("click", (event) => pickWithHandles(event, input, queue));
  form.addEventListener("submit", (event) => event.preventDefault());
  on(form, "[data-pause-all]", () => queue.pauseAll());
  on(form, "[data-resume-all]", () => queue.resumeAll());
  on(form, "[data-go-on]", () => queue.restore(true));
  on(form, "[data-forget]", () => {
    for (const job of [...queue.jobs.values()]) if (job.state === "lost") queue.remove(job);
  });
  form.dataset.ready = "1";
  await queue.restore();
}

const on = (form, selector, act) => form.querySelector(selector).addEventListener("click", act);

// A file chosen through a handle can be read again after a reload, once the person agrees.
async function pickWithHandles(event, input, queue) {
  if (!globalThis.showOpenFilePicker || !navigator.userActivation?.isActive) return;
  event.preventDefault();
  try {
    const handles = await showOpenFilePicker({ multiple: true, id: "birdwatch" });
    for (const handle of handles) queue.add(await handle.getFile(), handle);
  } catch {
    input.focus(); // nothing was chosen
  }
}

function takeDrops(zone, take) {
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    // What a drop holds is gone after the first pause, so all of it is asked for at once.
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const found = items.map((item) => ({
      file: item.getAsFile(),
      entry: item.webkitGetAsEntry?.(),
      handle: item.getAsFileSystemHandle?.() ?? null,
    }));
    for (const { file, entry, handle } of found) {
      if (entry?.isDirectory) for await (const inner of filesIn(entry)) take(inner, null);
      else if (file) take(file, await Promise.resolve(handle).catch(() => null));
    }
  });
}

async function* filesIn(folder) {
  const reader = folder.createReader();
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) yield* filesIn(entry);
      else if (PICTURE.test(entry.name)) yield await new Promise((...done) => entry.file(...done));
    }
  }
}

function makeLines(list, words) {
  const lines = new Map();
  const show = (job, queue) => {
    if (job.state === "removed" || job.state === "done" || job.state === "lost") {
      lines.get(job.key)?.item.remove();
      lines.delete(job.key);
      return;
    }
    let line = lines.get(job.key);
    if (!line) {
      line = makeLine(job, words, list.children.length < PREVIEWS, queue);
      lines.set(job.key, line);
      list.append(line.item);
    }
    line.item.className = job.state === "known" ? "held" : job.state; // .known is a mark elsewhere
    line.bar.hidden = OVER.has(job.state);
    line.bar.value = job.size ? (job.sent / job.size) * 100 : 0;
    const isSent = job.state === "sending" && job.size > 0 && job.sent >= job.size;
    line.result.textContent = job.error || words[isSent ? "checking" : job.state];
    if (job.state === "known") {
      const link = document.createElement("a");
      link.href = `/photos/${job.photo}`;
      link.target = "_blank";
      link.className = "text-link";
      link.textContent = words.look;
      line.result.append(" ", link);
    }
    line.pause.hidden = !["sending", "ready"].includes(job.state);
    line.resume.hidden = !["paused", "waiting", "refused"].includes(job.state);
    line.resume.textContent = job.state === "paused" ? words.resume : words.retry;
    line.resume.setAttribute("aria-label", `${line.resume.textContent} ${job.name}`);
  };
  return { show };
}

function makeLine(job, words, hasPreview, queue) {
  const item = document.createElement("li");
  const preview = document.createElement("img");
  preview.alt = "";
  if (hasPreview && PREVIEWED.test(job.file?.type ?? "")) {
    preview.src = URL.createObjectURL(job.file);
    preview.addEventListener("load", () => URL.revokeObjectURL(preview.src), { once: true });
    preview.addEventListener("error", () => preview.replaceWith(document.createElement("i")));
  }
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = job.name;
  const size = document.createElement("span");
  size.className = "num soft";
  size.textContent = megabytes(job.size);
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.setAttribute("aria-label", job.name);
  const result = document.createElement("span");
  result.className = "result";
  const actions = document.createElement("span");
  actions.className = "line-actions";
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain text-link";
    made.textContent = text;
    made.setAttribute("aria-label", `${text} ${job.name}`);
    made.addEventListener("click", () => act(queue.jobs.get(job.key) ?? job));
    actions.append(made);
    return made;
  };
  const pause = button(words.pause, queue.pause);
  const resume = button(words.resume, queue.resume);
  button(words.remove, queue.remove);
  item.append(preview, name, size, bar, result, actions);
  return { item, bar, result, pause, resume };
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// How far everything is, how fast, and how long it will take; said aloud only when something ends.
function makeTeller(form, words) {
  const part = (name) => form.querySelector(`[data-${name}]`);
  const all = part("all");
  const samples = [];
  let timer = null;
  let said = "";

  const tell = (jobs) => {
    timer = null;
    const list = [...jobs.values()];
    const lost = list.filter((job) => job.state === "lost");
    const live = list.filter((job) => job.state !== "lost" && job.state !== "removed");
    part("unfinished").hidden = !lost.length;
    part("unfinished-text").textContent = words.unfinished.replace("{n}", lost.length);
    part("unfinished-names").textContent = lost
      .slice(0, 20)
      .map((job) => job.name)
      .join(", ");
    part("go-on").hidden = !lost.some((job) => job.canAsk);
    part("progress").hidden = !live.length;
    const total = live.reduce((sum, job) => sum + job.size, 0);
    const done = live.reduce((sum, job) => sum + (OVER.has(job.state) ? job.size : job.sent), 0);
    all.value = total ? (done / total) * 100 : 0;
    const count = (state) => live.filter((job) => job.state === state).length;
    const left = live.filter((job) => !OVER.has(job.state));
    const summary = (left.length ? words.left : words.all_done)
      .replace("{left}", left.length)
      .replace("{done}", count("done"))
      .replace("{known}", count("known"))
      .replace("{refused}", count("refused"));
    part("figures").textContent = left.length ? `${summary} ${pace(live, total - done)}` : summary;
    const isPaused = left.length > 0 && left.every((job) => job.state === "paused");
    part("pause-all").hidden = !left.length || isPaused;
    part("resume-all").hidden = !left.some((job) => ["paused", "waiting"].includes(job.state));
    // Nothing is said of files that cannot go on yet: they are not done.
    const aloud = left.length ? words.begun : live.length ? summary : "";
    if (aloud !== said) part("summary").textContent = said = aloud;
    if (left.some((job) => job.state === "sending")) timer = setTimeout(tell, TELL_EVERY_MS, jobs);
  };
  const pace = (live, bytesLeft) => {
    const now = performance.now();
    const sent = live.reduce((sum, job) => sum + (job.state === "known" ? 0 : job.sent), 0);
    samples.push({ now, sent });
    while (now - samples[0].now > SPEED_OVER_MS) samples.shift();
    const ms = now - samples[0].now;
    const speed = ms > 1000 ? ((sent - samples[0].sent) / ms) * 1000 : 0;
    if (speed < 1) return "";
    const seconds = bytesLeft / speed;
    const time =
      seconds < 90
        ? words.seconds.replace("{n}", Math.ceil(seconds))
        : words.minutes.replace("{n}", Math.ceil(seconds / 60));
    return words.pace.replace("{speed}", megabytes(speed)).replace("{time}", time);
  };
  return { soon: (jobs) => (timer ??= setTimeout(tell, 50, jobs)) };
}
