// Keys of the device instead of a password: make one on the profile page, answer with one at sign-in.
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const bytes = (value) =>
  Uint8Array.from(atob(value.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

async function send(path, csrf, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function make(csrf, name) {
  const asked = await send("/account/passkeys/options", csrf);
  const made = await navigator.credentials.create({
    publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: (asked.excludeCredentials ?? []).map((one) => ({ ...one, id: bytes(one.id) })),
    },
  });
  const credential = {
    id: made.id, rawId: text(made.rawId), type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    },
  };
  return send("/account/passkeys", csrf, { credential, name });
}

async function answer(csrf, next) {
  const asked = await send("/sign-in/passkey/options", csrf);
  const given = await navigator.credentials.get({
    publicKey: { ...asked, challenge: bytes(asked.challenge), allowCredentials: [] },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = given.response;
  const credential = {
    id: given.id, rawId: text(given.rawId), type: given.type,
    response: {
      clientDataJSON: text(clientDataJSON),
      authenticatorData: text(authenticatorData),
      signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  };
  return send(`/sign-in/passkey?next=${encodeURIComponent(next)}`, csrf, { credential });
}

export function offerPasskeys(root) {
  if (!window.PublicKeyCredential) return;
  for (const place of root.querySelectorAll("[data-passkey]")) {
    const said = place.querySelector("[role=status]");
    place.hidden = false;
    place.querySelector("button").addEventListener("click", async () => {
      said.textContent = "";
      try {
        const name = place.querySelector("input")?.value ?? "";
        const { csrf, passkey, next } = place.dataset;
        const done = passkey === "make" ? await make(csrf, name) : await answer(csrf, next ?? "/");
        location.assign(done.next);
      } catch {
        said.textContent = place.dataset.failed;
      }
    });
  }
}
