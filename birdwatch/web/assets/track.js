// The map follows the slider; without this file its button does the same.
const WAIT_MS = 200;

export function followSlider() {
  const form = document.querySelector("[data-track]");
  const slider = form.querySelector("[name=offset]");
  const told = form.querySelector("output");
  let timer = 0;
  let asked = 0;

  async function show() {
    const turn = ++asked;
    const query = new URLSearchParams(new FormData(form)).toString();
    const address = `${form.getAttribute("action")}?${query}`;
    const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || turn !== asked) return;
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    const view = made.querySelector("#track-view");
    if (turn !== asked || !view) return;
    document.querySelector("#track-view").replaceWith(document.adoptNode(view));
    history.replaceState(null, "", address);
  }

  function soon() {
    told.textContent = words(Number(slider.value));
    clearTimeout(timer);
    timer = setTimeout(show, WAIT_MS);
  }
  slider.addEventListener("input", soon);
  form.addEventListener("change", soon);
}

function words(seconds) {
  const rest = Math.abs(seconds);
  const two = (number) => String(number).padStart(2, "0");
  return `${seconds < 0 ? "\u2212" : "+"}${Math.floor(rest / 3600)}:${two(Math.floor(rest / 60) % 60)}:${two(rest % 60)}`;
}
