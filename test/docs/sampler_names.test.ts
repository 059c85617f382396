import { readFileSync } from "node:fs";
import t from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";

t.test("the names in TypeScript are those of the native table", (t) => {
  const table = readFileSync("native/samplers/table.def", "utf8");
  t.same(
    samplerNames,
    [...table.matchAll(/^CAMEO_SAMPLER\("(.*?)"/gm)].map(([, name]) => name),
    "`npm run docs` takes them over",
  );
  t.end();
});
