// Hashes files beside the page: one at a time, so that no more than one is held in memory.
addEventListener("message", async ({ data: { id, file } }) => {
  try {
    // Without https there is no crypto here: then nothing is known before it is sent.
    const digest = self.crypto?.subtle
      ? await crypto.subtle.digest("SHA-256", await file.arrayBuffer())
      : new ArrayBuffer(0);
    const sha256 = Array.from(new Uint8Array(digest), (one) => one.toString(16).padStart(2, "0"));
    postMessage({ id, sha256: sha256.join("") });
  } catch {
    postMessage({ id, sha256: null });
  }
});
