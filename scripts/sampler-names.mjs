// Writes the samplers' names into ts/options/sampler_names.ts, of the table that the native half has of them.
import { readFileSync, writeFileSync } from "node:fs";

const table = readFileSync("native/samplers/table.def", "utf8");
const names = [...table.matchAll(/^CAMEO_SAMPLER\("([^"]+)"/gm)].map(([, name]) => `"${name}"`);

writeFileSync(
  "ts/options/sampler_names.ts",
  `// Written by scripts/sampler-names.mjs, of native/samplers/table.def.

/** The name of a sampler. */
export type SamplerName =
${names.map((name) => `  | ${name}`).join("\n")};

export const samplerNames: readonly SamplerName[] = [
${names.map((name) => `  ${name},\n`).join("")}];
`,
);
