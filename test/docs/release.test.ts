import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "tap";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

test("the changelog has this version, and a place for the next", (t) => {
  const headings = [...readFileSync("CHANGELOG.md", "utf8").matchAll(/^## \[([^\]]+)\]/gm)].map(
    ([, name]) => name,
  );
  t.strictSame(headings.slice(0, 2), ["Unreleased", version]);
  t.end();
});

test("a release with another version's tag is refused", (t) => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/check-release.mjs", "v99.0.0"], {
    encoding: "utf8",
  });
  t.equal(status, 1);
  t.match(stderr, `the tag is v99.0.0, and package.json has version ${version}`);
  t.end();
});
