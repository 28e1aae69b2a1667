// Caption and credit to the clipboard, as an editor pastes them.
export function offerCopy(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const said = document.getElementById(button.getAttribute("aria-describedby"));
      try {
        await navigator.clipboard.writeText(source.value ?? source.textContent);
        said.textContent = button.dataset.done;
      } catch {
        source.hidden = false;
        source.focus();
        source.select?.();
        said.textContent = button.dataset.byHand;
      }
    });
  }
}
