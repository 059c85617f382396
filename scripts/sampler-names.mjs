// Writes ts/options/sampler_names.ts: the samplers' names, as native/samplers/table.def has them.
//
//   node scripts/sampler-names.mjs [--check]
//
// --check  writes nothing, and fails where the file is not what would be written
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = join(root, "ts", "options", "sampler_names.ts");
const table = readFileSync(join(root, "native", "samplers", "table.def"), "utf8");
const names = [...table.matchAll(/^CAMEO_SAMPLER\("([^"]+)"/gm)].map(([, name]) => `"${name}"`);

const text = `// Written by scripts/sampler-names.mjs, of native/samplers/table.def.

/** The name of a sampler. */
export type SamplerName =
${names.map((name) => `  | ${name}`).join("\n")};

export const samplerNames: readonly SamplerName[] = [
${names.map((name) => `  ${name},\n`).join("")}];
`;

if (!process.argv.includes("--check")) writeFileSync(path, text);
else if (readFileSync(path, "utf8") !== text) {
  console.error("ts/options/sampler_names.ts is not what the table of samplers says; run `npm run docs`");
  process.exitCode = 1;
}
