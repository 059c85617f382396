import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { damagedFiles, isWhole, readStamp, writeStamp } from "#ts/libtorch/stamp.js";

t.test("a changed byte is found by its hash, a missing file also by its size", async (t) => {
  const folder = t.testdir({ lib: { "liba.so": "aaaa", "libb.so": "bbbb" } });
  await writeStamp(folder, "1.2.3", false);
  t.ok(isWhole(folder, "1.2.3"));
  t.notOk(isWhole(folder, "1.2.4"));
  t.same(await damagedFiles(folder), []);
  writeFileSync(join(folder, "lib", "liba.so"), "aaab");
  t.ok(isWhole(folder, "1.2.3"));
  t.same(await damagedFiles(folder), ["lib/liba.so"]);
  writeFileSync(join(folder, "lib", "libb.so"), "");
  t.notOk(isWhole(folder, "1.2.3"));
  t.same(await damagedFiles(folder), ["lib/liba.so", "lib/libb.so"]);
});

t.test("a folder without a readable stamp is not whole", async (t) => {
  const folder = t.testdir();
  t.notOk(isWhole(folder, "1.2.3"));
  mkdirSync(join(folder, "lib"));
  writeFileSync(join(folder, "cameo-libtorch.json"), "{");
  t.notOk(isWhole(folder, "1.2.3"));
});

t.test("a stamp that is a pipe is not waited for", { skip: process.platform === "win32" }, async (t) => {
  const folder = t.testdir();
  t.equal(spawnSync("mkfifo", [join(folder, "cameo-libtorch.json")]).status, 0);
  t.equal(readStamp(folder), undefined);
});
