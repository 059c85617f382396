import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { libtorchPackage } from "#ts/libtorch/package.js";
import { libtorchVersion } from "#ts/libtorch/pins.js";
import { writeStamp } from "#ts/libtorch/stamp.js";

/** Packs an installed libtorch after something was done to it; npm's part of the work is left out. */
async function pack(t: Test, change: (folder: string) => void) {
  const folder = t.testdir({ libtorch: { lib: { "liba.so": "aaaa" }, licenses: { text: "" } }, out: {} });
  const [libtorch, out] = [join(folder, "libtorch"), join(folder, "out")];
  await writeStamp(libtorch, libtorchVersion, false);
  change(libtorch);
  const options = ["--folder-only", "--from", libtorch, "--out", out];
  const { status, stderr } = spawnSync(process.execPath, ["scripts/pack-libtorch.mjs", ...options], {
    encoding: "utf8",
  });
  const packed = join(out, libtorchPackage.slice(libtorchPackage.indexOf("/") + 1), "lib");
  return { status, stderr, out, packed };
}

t.test("packs what was installed, and no library that was put beside it", async (t) => {
  const { status, stderr, packed } = await pack(t, (libtorch) => {
    writeFileSync(join(libtorch, "lib", "libplanted.so"), "");
  });
  t.equal(status, 0, stderr);
  t.strictSame(readdirSync(packed), ["liba.so"]);
  t.equal(readFileSync(join(packed, "liba.so"), "utf8"), "aaaa");
});

t.test("refuses a library that was changed, also where its size is the same", async (t) => {
  const { status, stderr, out } = await pack(t, (libtorch) => {
    writeFileSync(join(libtorch, "lib", "liba.so"), "aaab");
  });
  t.equal(status, 1);
  t.match(stderr, /is damaged \(lib\/liba\.so\): `cameo libtorch install --force` fetches it again\n$/);
  t.strictSame(readdirSync(out), [], "it gets no new stamp");
});
