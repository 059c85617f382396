import { readFileSync } from "node:fs";
import { test } from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";

test("docs/samplers.md has a row for each sampler, in the table's order", (t) => {
  const rows = readFileSync("docs/samplers.md", "utf8").matchAll(/^\| `([a-z0-9-]+)` \|/gm);
  t.strictSame(
    [...rows].map(([, name]) => name),
    samplerNames,
  );
  t.end();
});
