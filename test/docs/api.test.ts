// Slow: it compiles the documentation.
import { spawnSync } from "node:child_process";
import { test } from "tap";

test("every public name is documented, and the reference can be made", (t) => {
  const typedoc = "docs/api/node_modules/typedoc/bin/typedoc";
  const args = [typedoc, "--options", "docs/api/typedoc.json", "--emit", "none"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  t.equal(status, 0, stdout + stderr);
  t.end();
});
