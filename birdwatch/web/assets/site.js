// Every page works without this file; here it gets better, one feature per module.
import { watchGallery } from "./gallery.js";
import { showPlaceholders } from "./placeholders.js";
import { offerCopy } from "./copy.js";
import { walkStrips } from "./strip.js";

showPlaceholders(document);
offerCopy(document);
walkStrips(document);
watchGallery(document);

if (document.querySelector("[data-large]")) {
  import("./large.js").then(({ openLarge }) => openLarge());
}
if (document.querySelector("[data-upload]")) {
  import("./upload.js").then(({ takeFiles }) => takeFiles());
}
if (document.querySelector("[data-species]")) {
  import("./species.js").then(({ suggestSpecies }) => suggestSpecies(document));
}
if (document.querySelector("[data-review]")) {
  import("./review.js").then(({ reviewByKeys }) => reviewByKeys());
}
if (document.querySelector("[data-sightings]")) {
  import("./survey.js").then(({ enterSurvey }) => enterSurvey());
}
if (document.querySelector("[data-track]")) {
  import("./track.js").then(({ followSlider }) => followSlider());
}
if (document.querySelector("[data-passkey]")) {
  import("./passkeys.js").then(({ offerPasskeys }) => offerPasskeys(document));
}
