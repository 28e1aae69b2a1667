// Type-ahead over every name a bird has. The list of suggestions is an ARIA combobox.
let serial = 0;

export function suggestSpecies(root) {
  for (const input of root.querySelectorAll("input[data-species]")) attach(input);
}

function attach(input) {
  if (input.getAttribute("role") === "combobox") return;
  const box = document.createElement("div");
  box.className = "suggest";
  input.replaceWith(box);
  box.append(input);
  const list = document.createElement("ul");
  list.id = `suggestions-${++serial}`;
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.dataset.species);
  list.hidden = true;
  box.append(list);
  input.removeAttribute("list");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-autocomplete", "list");
  input.autocomplete = "off";

  let timer = 0;
  let asked = 0;
  let chosen = -1;

  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (option) => {
    input.value = option.dataset.name;
    close();
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const mark = (index) => {
    const options = [...list.children];
    if (!options.length) return;
    chosen = (index + options.length) % options.length;
    options.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
    options[chosen].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[chosen].id);
  };
  const show = (items) => {
    list.replaceChildren(...items.map((item, index) => row(item, `${list.id}-${index}`)));
    list.hidden = !items.length;
    chosen = -1;
    input.setAttribute("aria-expanded", String(items.length > 0));
  };
  const ask = async () => {
    const text = input.value.trim();
    const mine = ++asked;
    if (!text) return close();
    try {
      const answer = await fetch(`/api/v1/species?q=${encodeURIComponent(text)}&limit=8`);
      if (!answer.ok || mine !== asked) return;
      const { items } = await answer.json();
      if (document.activeElement === input) show(items);
    } catch {
      // Without a line the names of the page itself help.
      if (mine === asked && document.activeElement === input) show(namesHere(text));
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) ask();
      else mark(chosen + (event.key === "ArrowDown" ? 1 : -1));
      event.preventDefault();
    } else if (event.key === "Enter" && !list.hidden && chosen >= 0) {
      take(list.children[chosen]);
      event.preventDefault();
    } else if (event.key === "Tab" && !list.hidden && chosen >= 0) {
      take(list.children[chosen]);
    } else if (event.key === "Escape" && !list.hidden) {
      close();
      event.preventDefault();
    }
  });
  input.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const option = event.target.closest("li");
    if (option) take(option);
  });
}

const MOST = 8;

function namesHere(text) {
  const wanted = text.toLowerCase();
  const isEnglish = document.documentElement.lang === "en";
  return [...document.querySelectorAll("#species-names option")]
    .map((option) => ({ first: option.value, rest: option.textContent }))
    .filter(({ first, rest }) => `${first} ${rest}`.toLowerCase().includes(wanted))
    .slice(0, MOST)
    .map(({ first, rest }) => ({
      name: isEnglish ? { en: first, zh: "" } : { zh: first, en: "" },
      scientific_name: rest,
    }));
}

function row(item, id) {
  const option = document.createElement("li");
  const isEnglish = document.documentElement.lang === "en";
  const { zh, en } = item.name ?? item;
  const first = isEnglish ? en || zh : zh || en;
  option.id = id;
  option.dataset.name = first;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  const bold = document.createElement("b");
  bold.textContent = first;
  const rest = document.createElement("i");
  rest.textContent = [isEnglish ? zh : en, item.scientific_name].filter(Boolean).join(" · ");
  option.append(bold, rest);
  return option;
}
