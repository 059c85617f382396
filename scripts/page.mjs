// Bundles the studio's page into dist/studio/page, with the licences of what is in the bundle.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, "ts", "studio", "page");
const target = join(root, "dist", "studio", "page");

/** The packages that a bundle has code of, by esbuild's metafile. */
function bundledPackages({ inputs }) {
  const names = Object.keys(inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]);
  return [...new Set(names)].filter(Boolean).sort();
}

async function licence(name) {
  return `${name}\n\n${await readFile(join(root, "node_modules", name, "LICENSE"), "utf8")}`;
}

await mkdir(target, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: join(sources, "main.tsx"), out: "page" },
    { in: join(sources, "page.css"), out: "page" },
  ],
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome110", "firefox115", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  logLevel: "warning",
});
for (const name of ["index.html", "icon.svg"]) await cp(join(sources, name), join(target, name));
const licences = await Promise.all(bundledPackages(metafile).map(licence));
await writeFile(join(target, "licences.txt"), licences.join("\n\n"));
