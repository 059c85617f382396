import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";

const text = readFileSync("docs/cli.md", "utf8");

test("docs/cli.md is what the program's help says", (t) => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/cli-docs.mjs", "--check"], {
    encoding: "utf8",
  });
  t.equal(status, 0, stderr);
  t.end();
});

test("docs/cli.md names every variable of ours that is read", (t) => {
  const sources = readdirSync("ts", { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const read = sources.flatMap((name) =>
    [...readFileSync(join("ts", name), "utf8").matchAll(/env\.(CAMEO_\w+)/g)].map(([, variable]) => variable),
  );
  t.ok(read.length > 0);
  for (const variable of new Set(read)) t.ok(text.includes(`\`${variable}\``), String(variable));
  t.end();
});
