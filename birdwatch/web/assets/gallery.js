// The next page of pictures arrives before the reader reaches the end; the address follows.
import { showPlaceholders } from "./placeholders.js";

export function watchGallery(root) {
  const list = root.querySelector("[data-gallery]");
  let link = root.querySelector("a[rel=next][data-more]");
  if (!list || !link || !("IntersectionObserver" in window)) return;
  let isLoading = false;

  const load = async () => {
    if (isLoading || !link) return;
    isLoading = true;
    const address = link.href;
    link.textContent = link.dataset.loading;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      append(list, page.querySelector("[data-gallery]"));
      history.replaceState(null, "", address);
      const next = page.querySelector("a[rel=next][data-more]");
      if (next) {
        link.href = next.href;
        link.textContent = next.textContent;
      } else {
        observer.disconnect();
        link.remove();
        link = null;
      }
    } catch {
      observer.disconnect(); // the link stays, to be pressed by hand
      link.textContent = link.dataset.failed;
    }
    isLoading = false;
    if (link && link.getBoundingClientRect().top < innerHeight + 600) load();
  };
  const observer = new IntersectionObserver(
    (entries) => entries.some((entry) => entry.isIntersecting) && load(),
    { rootMargin: "600px" },
  );
  observer.observe(link);
}

function append(list, more) {
  for (const group of [...more.children]) {
    const same = group.dataset.day && list.querySelector(`[data-day="${group.dataset.day}"] .rows`);
    if (same) same.append(...group.querySelector(".rows").children);
    else list.append(group);
  }
  showPlaceholders(list);
}
