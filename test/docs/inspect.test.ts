import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "tap";
import { writeExampleFolder } from "../support/example_folder.js";
import { fencedBlocks } from "../support/markdown.js";

test("what cameo inspect is shown to print is what it prints", async (t) => {
  const cwd = await writeExampleFolder("docs-inspect");
  const blocks = fencedBlocks();
  let compared = 0;
  for (const [i, { language, text, place }] of blocks.entries()) {
    const [, path] = text.match(/^cameo inspect (\S+)\n$/) ?? [];
    if (language !== "sh" || path === undefined) continue;
    const args = [resolve("dist/cli/main.js"), "inspect", path];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
    t.equal(stdout, blocks[i + 1]?.text, `${place}: ${stderr}`);
    compared++;
  }
  t.equal(compared, 3);
});
