// Drop many files: each has its own bar and its own result, and one that fails stops no other.
const AT_ONCE = 2;

export function takeFiles() {
  const form = document.querySelector("[data-upload]");
  const words = form.dataset;
  const zone = form.querySelector(".drop-zone");
  const input = form.querySelector("input[type=file]");
  const list = document.querySelector(".transfers");
  const summary = document.querySelector("[data-summary]");
  const waiting = [];
  const tally = { accepted: 0, duplicate: 0, refused: 0 };
  let active = 0;

  for (const part of form.querySelectorAll("[data-without-script]")) part.hidden = true;
  zone.classList.add("live");

  const tell = () => {
    const left = waiting.length + active;
    summary.textContent = (left ? words.left : words.done)
      .replace("{left}", left)
      .replace("{accepted}", tally.accepted)
      .replace("{duplicate}", tally.duplicate)
      .replace("{refused}", tally.refused);
  };
  const add = (files) => {
    for (const file of files) waiting.push({ file, line: line(list, file, words) });
    for (let free = AT_ONCE - active; free > 0; free--) start();
    tell();
  };
  const start = () => {
    const job = waiting.shift();
    if (!job) return;
    active++;
    send(form, job, words, (outcome) => {
      active--;
      tally[outcome]++;
      start();
      tell();
    });
  };

  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const kind of ["dragenter", "dragover"]) {
    zone.addEventListener(kind, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    add(event.dataTransfer.files);
  });
  addEventListener("beforeunload", (event) => {
    if (active || waiting.length) event.preventDefault();
  });
}

function line(list, file, words) {
  const item = document.createElement("li");
  const preview = document.createElement("img");
  preview.alt = "";
  if (/^image\/(jpeg|png|webp|avif)$/.test(file.type) && list.children.length < 60) {
    preview.src = URL.createObjectURL(file);
    preview.addEventListener("load", () => URL.revokeObjectURL(preview.src), { once: true });
  }
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = file.name;
  const size = document.createElement("span");
  size.className = "num soft";
  size.textContent = `${(file.size / 1e6).toFixed(1)} MB`;
  const bar = document.createElement("progress");
  bar.max = 100;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const result = document.createElement("span");
  result.className = "result";
  result.textContent = words.queued;
  item.append(preview, name, size, bar, result);
  list.append(item);
  return { item, bar, result };
}

function send(form, { file, line: shown }, words, done) {
  const body = new FormData();
  for (const [name, value] of new FormData(form)) {
    if (name !== "files" && name !== "csrf" && value) body.append(name, value);
  }
  body.append("photo", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", "/api/v1/photos");
  request.setRequestHeader("X-CSRF-Token", form.elements.csrf.value);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) shown.bar.value = (event.loaded / event.total) * 100;
    shown.result.textContent = shown.bar.value < 100 ? words.sending : words.checking;
  });
  request.addEventListener("loadend", () => {
    const outcome = settle(request, shown, words);
    shown.item.className = outcome;
    done(outcome);
  });
  request.send(body);
}

function settle(request, shown, words) {
  let answer = {};
  try {
    answer = JSON.parse(request.responseText);
  } catch {
    answer = {}; // no answer, or one from something between us
  }
  if (request.status === 200 || request.status === 201) {
    const isDuplicate = request.status === 200;
    const link = document.createElement("a");
    link.href = `/photos/${answer.id}`;
    link.textContent = words.look;
    link.className = "text-link";
    const waiting = !isDuplicate && answer.status === "pending" ? `, ${words.pending}` : "";
    shown.result.textContent = `${isDuplicate ? words.duplicate : words.accepted}${waiting} `;
    shown.result.append(link);
    shown.bar.value = 100;
    return isDuplicate ? "duplicate" : "accepted";
  }
  const fields = (answer.errors ?? []).map((error) => error.message);
  const reason = [answer.detail, ...fields.filter((text) => text !== answer.detail)].filter(Boolean);
  shown.result.textContent = `${words.refused} ${reason.join(" ") || words.broken}`;
  shown.bar.remove();
  return "refused";
}
