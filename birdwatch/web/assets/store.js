// What the phone keeps: counts not sent yet, and the sun and tide of the days to come.
const NAME = "birdwatch-field";
let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("drafts", { keyPath: "id" });
      asked.result.createObjectStore("facts", { keyPath: "name" });
    };
    asked.onsuccess = () => {
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
    asked.onblocked = () => reject(new Error("blocked"));
  });
  opened.catch(() => (opened = undefined));
  return opened;
}

// Resolves when the transaction is on the disk, not when it was asked for.
async function run(store, mode, work) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const asked = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

export const all = (store) => run(store, "readonly", (one) => one.getAll());
export const get = (store, key) => run(store, "readonly", (one) => one.get(key));
export const put = (store, value) => run(store, "readwrite", (one) => one.put(value));
export const remove = (store, key) => run(store, "readwrite", (one) => one.delete(key));
