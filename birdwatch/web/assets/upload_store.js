// What is not sent to its end yet, kept by the browser: leaving the page loses nothing.
const FILES = "files";
const KEPT_MS = 7 * 24 * 3600 * 1000;

// The same file chosen again is known by this; a file that changed is another.
export const fingerprint = (person, file) =>
  [person, file.name, file.size, file.lastModified].join("|");

export async function openStore(person) {
  const base = await open().catch(() => null); // a private window may have none: then nothing is kept
  const run = (mode, work) =>
    base
      ? new Promise((resolve, reject) => {
          const action = base.transaction(FILES, mode);
          const asked = work(action.objectStore(FILES));
          action.oncomplete = () => resolve(asked?.result);
          action.onerror = action.onabort = () => reject(action.error);
        }).catch(() => undefined)
      : Promise.resolve(undefined);

  return {
    keep: (record) => run("readwrite", (files) => files.put(record)),
    drop: (key) => run("readwrite", (files) => files.delete(key)),
    async all() {
      const found = (await run("readonly", (files) => files.getAll())) ?? [];
      const isStale = (one) => Date.now() - one.addedAt > KEPT_MS;
      for (const one of found.filter(isStale)) this.drop(one.key);
      return found.filter((one) => one.person === person && !isStale(one));
    },
  };
}

function open() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("birdwatch-uploads", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(FILES, { keyPath: "key" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => reject(asked.error);
  });
}
