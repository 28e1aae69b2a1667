// Builds the client files: one style sheet, one script, and the large view loaded when it is needed.
import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static", "built");
rmSync(out, { recursive: true, force: true });

// A class for every shape of picture, as inline styles are not allowed: r-150 is 3:2.
const ratios = [];
for (let hundredths = 50; hundredths <= 300; hundredths += 5) {
  ratios.push(`.r-${String(hundredths).padStart(3, "0")}{--r:${hundredths / 100}}`);
}
const shared = { bundle: true, minify: true, logLevel: "warning", target: ["es2020", "safari15"] };

await build({
  ...shared,
  stdin: {
    contents: readFileSync(join(here, "site.css"), "utf8") + ratios.join("\n"),
    resolveDir: here,
    loader: "css",
  },
  outfile: join(out, "site.css"),
});
await build({
  ...shared,
  entryPoints: [join(here, "site.js"), join(here, "upload_worker.js")],
  format: "esm",
  splitting: true,
  chunkNames: "part-[hash]",
  outdir: out,
});
// The field page and its worker stand alone: all that a phone keeps of them is one file each.
await build({
  ...shared,
  entryPoints: [join(here, "field.js"), join(here, "field-worker.js")],
  format: "iife",
  outdir: out,
});
