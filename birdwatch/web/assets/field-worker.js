// Keeps the field page on the phone, and sends what waits when the line returns.
//
// Only what is the same for everyone is kept: the page, its style, its script. `KEPT` is written
// before this by the server: the version, and the files.
import { sendAll } from "./outbox.js";

const CACHE = `birdwatch-field-${self.KEPT.version}`;
const PAGE = "/surveys/field";
const FORM = "/surveys/new";
const PATIENCE_MS = 4000; // a line so weak is none

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") {
    if (url.pathname === PAGE) event.respondWith(pageFirstFromLine(request));
    else if (url.pathname === FORM) event.respondWith(lineOr(request, PAGE));
    return;
  }
  if (url.pathname.startsWith("/static/") || url.pathname === "/surveys/manifest.webmanifest") {
    event.respondWith(fromPhone(request));
  }
});

self.addEventListener("sync", (event) => {
  if (event.tag === "send-surveys") event.waitUntil(sendAll().then(({ why }) => {
    if (why === "line" || why === "later") throw new Error(why); // the browser tries again
  }));
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll(self.KEPT.files.map((file) => new Request(file, { cache: "no-cache" })));
}

async function forgetOthers() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith("birdwatch-field-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

async function kept(request) {
  return (await caches.open(CACHE)).match(request, { ignoreVary: true });
}

async function pageFirstFromLine(request) {
  const stored = await kept(PAGE);
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok && !answer.redirected) {
      await (await caches.open(CACHE)).put(PAGE, answer.clone());
    }
    return answer;
  });
  if (!stored) return asked;
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, stored));
  return Promise.race([asked.then((answer) => (answer.status >= 500 ? stored : answer)), patience])
    .catch(() => stored);
}

async function lineOr(request, path) {
  try {
    return await fetch(request);
  } catch (error) {
    if (await kept(path)) return Response.redirect(path);
    throw error;
  }
}

async function fromPhone(request) {
  return (await kept(request)) ?? fetch(request);
}
