// Files on their way: hashed, asked about, sent three at a time by tus, and never forgotten.
import { Upload } from "tus-js-client";
import { fingerprint } from "./upload_store.js";

const AT_ONCE = 3;
const CHUNK_BYTES = 8 * 1024 * 1024;
const KNOWN_AT_ONCE = 1000;
const ASK_AFTER_MS = 150;
const TRY_AGAIN_MS = 20_000;
const RETRIES_MS = [0, 1000, 3000, 5000, 10_000];
const MAY_PASS = new Set([408, 409, 423, 425, 429]); // of the 4xx, those that another try may mend
const ENDPOINT = "/api/v1/uploads";

// States of a job: lost (its file must be chosen again), hashing, ready, sending, paused, waiting
// (for the line), done, known, refused.
export function makeQueue({ person, csrf, store, words, changed }) {
  const jobs = new Map();
  const hashing = [];
  const toAsk = [];
  const worker = new Worker(new URL("./upload_worker.js", import.meta.url), { type: "module" });
  let asking = null;
  let isPaused = false;

  const set = (job, state, more = {}) => {
    Object.assign(job, { state, error: "" }, more);
    changed(job);
  };
  const record = ({ key, name, size, sha256, url, handle, addedAt }) =>
    store.keep({ key, person, name, size, sha256, url, handle, addedAt });

  // --- hash ---
  const hashNext = () => {
    const job = hashing[0];
    if (job) worker.postMessage({ id: job.key, file: job.file });
  };
  const hash = (job) => {
    set(job, "hashing");
    if (hashing.push(job) === 1) hashNext();
  };
  worker.addEventListener("message", ({ data: { id, sha256 } }) => {
    hashing.shift();
    hashNext();
    const job = jobs.get(id);
    if (!job || job.state !== "hashing") return;
    if (sha256 === null) {
      refuse(job, words.unreadable);
      return;
    }
    job.sha256 = sha256;
    record(job);
    toAsk.push(job);
    asking ??= setTimeout(ask, ASK_AFTER_MS);
  });
  worker.addEventListener("error", () => {
    for (const job of hashing.splice(0)) set(job, "ready"); // an old browser: send without asking
    pump();
  });

  // --- ask which of them are here already: of one's own only, nothing is told of others' ---
  const ask = async () => {
    const some = toAsk.splice(0, KNOWN_AT_ONCE);
    asking = toAsk.length ? setTimeout(ask, ASK_AFTER_MS) : null;
    const known = await whichAreKnown(some.map((job) => job.sha256).filter(Boolean));
    for (const job of some) {
      if (job.state !== "hashing") continue;
      const photo = known[job.sha256];
      if (photo) finish(job, "known", photo);
      else set(job, isPaused ? "paused" : "ready");
    }
    pump();
  };
  const whichAreKnown = async (sha256) => {
    if (!sha256.length) return {};
    try {
      const answer = await fetch(`${ENDPOINT}/known`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
        body: JSON.stringify({ sha256 }),
      });
      return answer.ok ? (await answer.json()).known : {};
    } catch {
      return {}; // then they are sent, and the archive finds the duplicates itself
    }
  };

  // --- send ---
  const pump = () => {
    const busy = [...jobs.values()].filter((job) => job.state === "sending").length;
    if (isPaused) return;
    [...jobs.values()]
      .filter((job) => job.state === "ready")
      .slice(0, Math.max(0, AT_ONCE - busy))
      .forEach(send);
  };
  const send = (job) => {
    const upload = new Upload(job.file, {
      endpoint: ENDPOINT,
      uploadUrl: job.url,
      chunkSize: CHUNK_BYTES,
      uploadDataDuringCreation: true,
      storeFingerprintForResuming: false, // kept in our own store, with the file's handle
      retryDelays: RETRIES_MS,
      headers: { "X-CSRF-Token": csrf },
      metadata: {
        filename: job.name,
        draft: "1",
        ...(job.sha256 ? { sha256: job.sha256 } : {}),
      },
      onShouldRetry: (error) => mayPass(error),
      onUploadUrlAvailable: () => {
        job.url = upload.url;
        record(job);
      },
      onProgress: (sent) => {
        job.sent = sent;
        changed(job);
      },
      onSuccess: ({ lastResponse }) => settle(job, lastResponse),
      onError: (error) => fail(job, error),
    });
    job.upload = upload;
    set(job, "sending");
    upload.start();
  };
  const mayPass = (error) => {
    const status = error.originalResponse?.getStatus() ?? 0;
    return status < 400 || status >= 500 || MAY_PASS.has(status);
  };

  const settle = async (job, response) => {
    const address = response?.getHeader("Birdwatch-Photo");
    if (address) {
      finish(job, "done", address.split("/").pop());
      return;
    }
    // The answer to the last piece was lost on the way: ask what became of the file.
    const told = await fetch(job.url, { headers: { Accept: "application/json" } })
      .then((answer) => answer.json())
      .catch(() => ({}));
    if (told.photo) finish(job, told.duplicate ? "known" : "done", told.photo.split("/").pop());
    else if (told.state === "refused") refuse(job, told.error?.message);
    else wait(job, words.line);
  };
  const fail = (job, error) => {
    const status = error.originalResponse?.getStatus() ?? 0;
    if (job.state !== "sending") return; // paused or removed meanwhile
    if (!status && error.causingError?.name === "NotReadableError") refuse(job, words.unreadable);
    else if (status === 401 || status === 403) wait(job, sentence(error) || words.line, false);
    else if (mayPass(error)) wait(job, status ? sentence(error) || words.line : words.line);
    else refuse(job, sentence(error));
  };
  const sentence = (error) => {
    try {
      const told = JSON.parse(error.originalResponse.getBody());
      const fields = (told.errors ?? []).map((one) => one.message);
      return [told.detail, ...fields.filter((text) => text !== told.detail)].join(" ");
    } catch {
      return ""; // no answer, or one from something between us
    }
  };
  const wait = (job, error, isRetried = true) => {
    set(job, "waiting", { error });
    if (isRetried) job.timer = setTimeout(() => resume(job), TRY_AGAIN_MS);
    pump();
  };
  const finish = (job, state, photo) => {
    store.drop(job.key);
    set(job, state, { photo, sent: job.size, file: null, upload: null });
    pump();
  };
  const refuse = (job, error) => {
    job.url = null;
    store.drop(job.key);
    set(job, "refused", { error: error || words.broken, sent: 0 });
    pump();
  };

  // --- what the person asks for ---
  const resume = (job) => {
    clearTimeout(job.timer);
    if (!["paused", "waiting", "refused"].includes(job.state)) return;
    if (job.sha256 === undefined || job.state === "refused") hash(job);
    else set(job, "ready");
    pump();
  };
  const pause = (job) => {
    if (!["sending", "ready", "waiting"].includes(job.state)) return;
    clearTimeout(job.timer);
    job.upload?.abort();
    set(job, "paused");
    pump();
  };
  const remove = (job) => {
    clearTimeout(job.timer);
    const isOpen = job.url && !["done", "known", "refused"].includes(job.state);
    job.upload?.abort();
    jobs.delete(job.key);
    store.drop(job.key);
    if (isOpen) Upload.terminate(job.url, { headers: { "X-CSRF-Token": csrf } }).catch(() => {});
    set(job, "removed");
    pump();
  };
  const add = (file, handle = null) => {
    const key = fingerprint(person, file);
    const before = jobs.get(key);
    if (before && !["lost", "done", "known", "refused"].includes(before.state)) return;
    const job = {
      key,
      file,
      handle,
      name: file.name,
      size: file.size,
      sent: 0,
      addedAt: Date.now(),
      ...(before?.state === "lost" ? { url: before.url, addedAt: before.addedAt } : {}),
    };
    jobs.set(key, job);
    record(job);
    hash(job);
  };
  // Files of an earlier visit. Those the browser may still read go on by themselves.
  const restore = async (isAsked = false) => {
    for (const one of await store.all()) {
      if (jobs.has(one.key) && jobs.get(one.key).state !== "lost") continue;
      const job = { ...one, sent: 0, file: null };
      jobs.set(job.key, job);
      const file = await readHandle(one.handle, isAsked);
      if (file && fingerprint(person, file) === one.key) {
        set(job, "lost");
        add(file, one.handle);
      } else set(job, "lost", { canAsk: Boolean(one.handle) && !file });
    }
  };

  addEventListener("online", () => {
    for (const job of jobs.values()) if (job.state === "waiting") resume(job);
  });

  return {
    jobs,
    add,
    restore,
    resume,
    pause,
    remove,
    pauseAll() {
      isPaused = true;
      for (const job of jobs.values()) pause(job);
    },
    resumeAll() {
      isPaused = false;
      for (const job of jobs.values()) resume(job);
      pump();
    },
  };
}

async function readHandle(handle, isAsked) {
  if (!handle) return null;
  try {
    const wanted = { mode: "read" };
    let allowed = await (handle.queryPermission?.(wanted) ?? "granted");
    if (allowed === "prompt" && isAsked) allowed = await handle.requestPermission(wanted);
    return allowed === "granted" ? await handle.getFile() : null;
  } catch {
    return null; // moved, renamed or deleted since
  }
}
