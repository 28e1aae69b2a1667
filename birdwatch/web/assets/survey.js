// A survey grows a row when the last one is used, and loses one at a press.
import { showConditions } from "./conditions.js";
import { countByHand } from "./counters.js";
import { suggestSpecies } from "./species.js";

export function enterSurvey() {
  growSightings();
  const form = document.querySelector("[data-sightings]").closest("form");
  countByHand(form);
  showConditions(form)();
}

export function growSightings() {
  const list = document.querySelector("[data-sightings]");
  const button = document.querySelector("button[name=add]");
  let next = list.querySelectorAll(".sighting").length;

  const add = () => {
    const row = list.querySelector(".sighting").cloneNode(true);
    const index = next++;
    for (const node of row.querySelectorAll("[name], [for], [id]")) {
      for (const name of ["name", "for", "id"]) {
        const value = node.getAttribute(name);
        if (value) node.setAttribute(name, value.replace(/\d+/, String(index)));
      }
    }
    for (const wrong of row.querySelectorAll(".wrong")) wrong.remove();
    for (const field of row.querySelectorAll("input, select")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
      field.setCustomValidity("");
      if (field.tagName === "SELECT") field.selectedIndex = 0;
      else field.value = "";
    }
    for (const take of row.querySelectorAll("[data-take]")) take.disabled = true;
    for (const more of row.querySelectorAll("details")) more.open = false;
    const old = row.querySelector(".suggest");
    if (old) {
      const input = old.querySelector("input");
      for (const name of ["role", "aria-controls", "aria-expanded", "aria-activedescendant"]) {
        input.removeAttribute(name);
      }
      old.replaceWith(input);
    }
    list.append(row);
    suggestSpecies(row);
    return row;
  };
  button.addEventListener("click", (event) => {
    event.preventDefault();
    add().querySelector("input").focus();
  });
  // Enter goes on to the next row; the survey is saved by its button alone.
  list.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.defaultPrevented || !event.target.matches("input")) return;
    event.preventDefault();
    const row = event.target.closest(".sighting").nextElementSibling ?? add();
    row.querySelector("input").focus();
  });
  list.addEventListener("click", (event) => {
    const drop = event.target.closest(".drop");
    if (!drop) return;
    event.preventDefault();
    const rows = list.querySelectorAll(".sighting");
    if (rows.length === 1) add();
    const row = drop.closest(".sighting");
    const neighbour = row.previousElementSibling ?? row.nextElementSibling;
    row.remove();
    neighbour.querySelector("input").focus();
  });
  list.addEventListener("change", (event) => {
    const row = event.target.closest(".sighting");
    if (row && row === list.lastElementChild && event.target.value && event.target.matches("[data-species]")) {
      add();
    }
  });
  return add;
}
