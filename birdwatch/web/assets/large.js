// The picture as large as the screen, with its neighbours a swipe away on the same page.
import PhotoSwipeLightbox from "photoswipe/lightbox";

export function openLarge() {
  const words = document.querySelector("[data-large]").dataset;
  const lightbox = new PhotoSwipeLightbox({
    gallery: "[data-large]",
    children: "a[data-pswp-width]",
    pswpModule: () => import("photoswipe"),
    closeTitle: words.close,
    zoomTitle: words.zoom,
    arrowPrevTitle: words.back,
    arrowNextTitle: words.on,
    errorMsg: words.failed,
    showHideAnimationType: matchMedia("(prefers-reduced-motion: reduce)").matches ? "none" : "zoom",
  });
  lightbox.init();
}
