// A blurred preview from a few bytes, until the picture is there.
import { thumbHashToDataURL } from "thumbhash";

function bytes(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function showPlaceholders(root) {
  for (const image of root.querySelectorAll("img[data-thumbhash]")) {
    if (image.complete) continue;
    try {
      image.style.backgroundImage = `url(${thumbHashToDataURL(bytes(image.dataset.thumbhash))})`;
      image.style.backgroundSize = "100% 100%";
    } catch {
      delete image.dataset.thumbhash; // the mean colour behind the picture stays
    }
    image.addEventListener("load", () => (image.style.backgroundImage = ""), { once: true });
  }
}
