// Sending what was finished, each once: the key of a count is made with it and goes with every try.
//
// A count is frozen from its first try until the archive has answered: the same key must never come
// with other content. The page and its service worker share this, so a lock keeps them apart.
import { all, get, put } from "./store.js";

const SURVEYS = "/api/v1/surveys";
const LOCK = "birdwatch-send";
const KEEP_SENT_MS = 7 * 24 * 3600 * 1000;

// Who is signed in here: { person, name, csrf }; person null for nobody. Throws without a line.
export async function whoSends() {
  const answer = await fetch("/surveys/field/session", { cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  const me = await answer.json();
  if (me.person) await put("facts", { name: "person", id: me.person, called: me.name });
  return me;
}

export const isWaiting = (draft) => draft.state === "ready" || draft.state === "sending";

// Sends all that waits. Gives { left, why }: why is "", "line", "sign-in" or "later".
export function sendAll(tell = () => {}) {
  const locks = navigator.locks;
  return locks ? locks.request(LOCK, () => work(tell)) : work(tell);
}

async function work(tell) {
  const waiting = (await all("drafts"))
    .filter(isWaiting)
    .sort((one, other) => one.finished - other.finished);
  let left = waiting.length;
  if (!left) return { left, why: "" };
  let me;
  try {
    me = await whoSends();
  } catch {
    return { left, why: "line" };
  }
  if (!me.person) return { left, why: "sign-in" };
  for (const listed of waiting) {
    const draft = await get("drafts", listed.id);
    if (!draft || !isWaiting(draft) || (draft.owner && draft.owner !== me.person)) continue;
    const why = await send(draft, me, tell);
    if (why) return { left, why };
    left--;
  }
  return { left, why: "" };
}

async function send(draft, me, tell) {
  Object.assign(draft, { owner: me.person, state: "sending", tries: (draft.tries ?? 0) + 1 });
  await put("drafts", draft);
  tell();
  let answer;
  let said = {};
  try {
    answer = await fetch(SURVEYS, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": `"${draft.id}"`,
        "X-CSRF-Token": me.csrf,
      },
      body: draft.body,
    });
    said = await answer.json();
  } catch {
    // No answer, or half of one: it may have arrived. The same key tries again.
  }
  const why = settle(draft, answer, said);
  await put("drafts", draft);
  tell();
  return why;
}

function settle(draft, answer, said) {
  const status = answer?.status ?? 0;
  if ((status === 201 && said.id) || status === 410) {
    Object.assign(draft, { state: "sent", survey: said.id ?? "", sent: Date.now(), said: [] });
    if (status === 410) draft.said = [said.detail];
    return "";
  }
  if (status === 400 || status === 413 || status === 422) {
    const told = [said.detail, ...(said.errors ?? []).map((one) => one.detail)];
    Object.assign(draft, { state: "refused", said: [...new Set(told.filter(Boolean))] });
    return "";
  }
  draft.state = "ready";
  if (status === 401 || status === 403) return "sign-in";
  return status ? "later" : "line";
}

// Counts sent long ago are in the archive; here they only take room.
export const isOld = (draft) => draft.state === "sent" && Date.now() - draft.sent > KEEP_SENT_MS;
