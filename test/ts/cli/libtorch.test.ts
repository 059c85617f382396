import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { locateLibtorch } from "#ts/libtorch/index.js";
import { cameo, events } from "../../support/command.js";

const name = "libtorch-2.11.0-linux-x64";

/** A cache whose libtorch passes for whole: no command here opens it. */
function cacheWithLibtorch(t: Test, more: Record<string, object> = {}): string {
  const files = Object.fromEntries(
    ["lib/libc10.so", "lib/libtorch_cpu.so"].map((file) => [file, { bytes: 0, sha256: "" }]),
  );
  const libtorch = {
    lib: { "libc10.so": "", "libtorch_cpu.so": "" },
    "cameo-libtorch.json": JSON.stringify({ version: "2.11.0", cuda: false, files }),
  };
  return t.testdir({ cameo: { [name]: libtorch }, ...more });
}

t.test("path prints the folder in use", async (t) => {
  const { code, stdout } = await cameo(["libtorch", "path"]);
  t.equal(code, 0);
  t.equal(stdout, `${locateLibtorch().folder}\n`);
});

t.test("path fails in one line where there is none", async (t) => {
  const nothing = { CAMEO_LIBTORCH: "", VIRTUAL_ENV: "", CAMEO_CACHE: t.testdir(), PATH: t.testdirName };
  const { code, stdout, stderr } = await cameo(["libtorch", "path"], nothing);
  t.equal(code, 1);
  t.equal(stdout, "");
  t.match(stderr, /^cameo: libtorch 2\.11\.0 is not installed: run `npx cameo libtorch install`.*\n$/);
});

t.test("install leaves alone what is there", async (t) => {
  const cache = cacheWithLibtorch(t);
  const finished = await cameo(["libtorch", "install", "--json"], { CAMEO_CACHE: cache });
  t.equal(finished.code, 0, finished.stderr);
  t.same(events(finished), [{ event: "done", folder: join(cache, "cameo", name) }]);
});

t.test("install without Python says in one line what to install", async (t) => {
  const nothing = { CAMEO_CACHE: t.testdir(), PATH: t.testdirName };
  const { code, stderr } = await cameo(["libtorch", "install"], nothing);
  t.equal(code, 1);
  t.match(stderr, /^cameo: [^\n]*apt install python3-pip[^\n]*\n$/);
});

t.test("remove deletes what is in the cache, and says what", async (t) => {
  const cache = cacheWithLibtorch(t);
  const first = await cameo(["libtorch", "remove"], { CAMEO_CACHE: cache });
  t.equal(first.code, 0, first.stderr);
  t.equal(first.stdout, `${join(cache, "cameo", name)}\n`);
  t.notOk(existsSync(join(cache, "cameo", name)));
  const second = await cameo(["libtorch", "remove"], { CAMEO_CACHE: cache });
  t.equal(second.code, 0, second.stderr);
  t.equal(second.stdout, "");
});

t.test("remove touches nothing in the cache's folder that isn't cameo's", async (t) => {
  const stamp = JSON.stringify({ version: "2.10.0", cuda: false, files: {} });
  const others = { downloads: { file: "" }, "work-1": { file: "" }, "libtorch-1-linux-x64": { file: "" } };
  const earlier = "libtorch-2.10.0-linux-x64";
  const cache = cacheWithLibtorch(t, { ...others, [earlier]: { "cameo-libtorch.json": stamp } });
  mkdirSync(join(cache, "cameo", "downloads"));
  const { code, stdout, stderr } = await cameo(["libtorch", "remove"], { CAMEO_CACHE: cache });
  t.equal(code, 0, stderr);
  const own = [join(cache, "cameo", name), join(cache, earlier), join(cache, "cameo", "downloads")];
  t.equal(stdout, own.map((folder) => `${folder}\n`).join(""));
  t.strictSame(readdirSync(cache).sort(), ["cameo", ...Object.keys(others)].sort());
  for (const folder of Object.keys(others)) t.ok(existsSync(join(cache, folder, "file")), folder);
});
