// Slow: it runs pip.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import t, { type Test } from "tap";
import { findResumingPip } from "#ts/libtorch/download.js";
import { installRelease, removeLibtorch } from "#ts/libtorch/install.js";
import type { Release, Wheel } from "#ts/libtorch/pins.js";
import { canResume, findPython, unpackWheel } from "#ts/libtorch/pip.js";
import { setEnvironment } from "../../support/environment.js";

const keep = { "lib/": "lib" };

/** A wheel with these files, each of so many zeros. */
function writeWheel(file: string, files: Record<string, number>): Wheel {
  const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for name, size in json.loads(sys.argv[2]).items():
        archive.writestr(name, bytes(size))`;
  const { status, stderr } = spawnSync("python3", ["-c", script, file, JSON.stringify(files)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  const content = readFileSync(file);
  const sha256 = createHash("sha256").update(content).digest("hex");
  return { project: "part", version: "1", sha256, bytes: content.length, keep };
}

function releaseOf(wheel: Wheel): Release {
  return { name: "libtorch-part", version: "1", cuda: false, wheels: [wheel], unpackedBytes: 1_000_000 };
}

/**
 * Puts a `python3` on the PATH whose pip runs `download`, in which $folder is where the wheel goes, and checks nothing. Where
 * it is told to use another pip, a file `other-pip` appears.
 */
function fakePip(t: Test, download: string, version = "99.0"): string {
  const python = spawnSync("sh", ["-c", "command -v python3"], { encoding: "utf8" }).stdout.trim();
  const folder = t.testdir({ bin: {}, cache: {}, outside: {} });
  const script = `#!/bin/sh
[ -z "$PYTHONPATH" ] || : > "${folder}/other-pip"
case "$*" in
*" --version") echo "pip ${version} from here"; exit;;
*" download --quiet"*) ;;
*) exec "${python}" "$@";;
esac
while [ "$1" != --dest ]; do shift; done
folder=$2
${download}
`;
  writeFileSync(join(folder, "bin", "python3"), script);
  chmodSync(join(folder, "bin", "python3"), 0o755);
  setEnvironment(t, {
    PYTHONPATH: undefined,
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    CAMEO_CACHE: join(folder, "cache"),
  });
  return folder;
}

t.test("a pip that doesn't check the hash is not believed", async (t) => {
  const folder = fakePip(t, 'cp "$CAMEO_CACHE/../wheel" "$folder/part-1-py3-none-any.whl"');
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  const sha256 = "0".repeat(64);
  await t.rejects(installRelease(releaseOf({ ...wheel, sha256 })), {
    code: "ERR_LIBTORCH",
    message: `part 1 was refused: its sha256 should be ${sha256} and is ${wheel.sha256}; a mirror or proxy gave another file`,
  });
  t.strictSame(readdirSync(join(folder, "cache", "cameo", "downloads")), []);
  t.notOk(existsSync(join(folder, "cache", "cameo", "libtorch-part")));
  const installed = await installRelease(releaseOf(wheel));
  t.strictSame(readdirSync(join(installed, "lib")), ["a.so"]);
});

t.test("a download that was kept and then changed is fetched again", async (t) => {
  const folder = fakePip(t, 'cp "$CAMEO_CACHE/../wheel" "$folder/part-1-py3-none-any.whl"');
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  const downloads = join(folder, "cache", "cameo", "downloads");
  mkdirSync(downloads, { recursive: true });
  writeWheel(join(downloads, `${wheel.sha256}.whl`), { "lib/b.so": 10 });
  const installed = await installRelease(releaseOf(wheel));
  t.strictSame(readdirSync(join(installed, "lib")), ["a.so"]);
});

t.test("a download without end is ended", async (t) => {
  const folder = fakePip(t, 'truncate -s 1G "$folder/part.whl"; exec sleep 600');
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  await t.rejects(installRelease(releaseOf(wheel)), {
    code: "ERR_LIBTORCH",
    message: /^part 1 was refused: it is larger than its \d+ bytes/,
  });
  t.strictSame(readdirSync(join(folder, "cache", "cameo")), ["downloads"]);
});

t.test("what others keep in CAMEO_CACHE stays as it is", async (t) => {
  const folder = fakePip(t, 'cp "$CAMEO_CACHE/../wheel" "$folder/part-1-py3-none-any.whl"');
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  const others = ["work-of-mine", "downloads", "libtorch-part.bak"];
  for (const name of others) {
    mkdirSync(join(folder, "cache", name));
    writeFileSync(join(folder, "cache", name, "file"), "mine");
  }
  await installRelease(releaseOf(wheel), { force: true });
  t.strictSame(readdirSync(join(folder, "cache")).sort(), ["cameo", ...others].sort());
  for (const name of others) t.equal(readFileSync(join(folder, "cache", name, "file"), "utf8"), "mine", name);
});

const skip = process.getuid?.() === 0 ? false : "only root can give a folder to another user";

t.test("a folder that another user made where everybody may is not installed into", { skip }, async (t) => {
  const folder = fakePip(t, "exit 1");
  const cache = join(folder, "cache");
  mkdirSync(join(cache, "cameo"));
  chmodSync(cache, 0o1777);
  chownSync(join(cache, "cameo"), 12345, 12345);
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  await t.rejects(installRelease(releaseOf(wheel)), {
    code: "ERR_LIBTORCH",
    message: `another user of this machine decides what is in ${join(cache, "cameo")}: set CAMEO_CACHE to a folder of your own`,
  });
});

t.test("nor below a folder that another user made there", { skip }, async (t) => {
  const folder = fakePip(t, "exit 1");
  const cache = join(folder, "outside", "cache");
  mkdirSync(cache);
  chmodSync(join(folder, "outside"), 0o1777);
  chmodSync(cache, 0o777);
  chownSync(cache, 12345, 12345);
  setEnvironment(t, { CAMEO_CACHE: cache });
  const wheel = writeWheel(join(folder, "wheel"), { "lib/a.so": 10 });
  const refused = { code: "ERR_LIBTORCH", message: /^another user of this machine decides what is in / };
  await t.rejects(installRelease(releaseOf(wheel)), refused);
  await t.rejects(removeLibtorch(), refused);
  t.strictSame(readdirSync(cache), []);
});

t.test("a newer pip that is not the pinned one is not run", async (t) => {
  const folder = fakePip(t, 'cp "$CAMEO_CACHE/../wheel" "$folder/pip-25.3-py3-none-any.whl"', "23.0");
  writeWheel(join(folder, "wheel"), { "pip/__init__.py": 10 });
  t.equal(await findResumingPip("python3", join(folder, "pip")), undefined);
  t.notOk(existsSync(join(folder, "other-pip")));
});

t.test("a newer pip without end is ended", async (t) => {
  const folder = fakePip(t, 'truncate -s 1G "$folder/pip.whl"; exec sleep 600', "23.0");
  t.equal(await findResumingPip("python3", join(folder, "pip")), undefined);
  t.notOk(existsSync(join(folder, "other-pip")));
});

t.test("no module of the current folder is run in pip's place", async (t) => {
  const planted = "open('ran', 'w').close()\nprint('pip 99.0')\n";
  const folder = t.testdir({ "pip.py": planted, "runpy.py": planted, "sitecustomize.py": planted });
  const before = process.cwd();
  process.chdir(folder);
  t.teardown(() => process.chdir(before));
  for (const PYTHONPATH of [undefined, "", delimiter]) {
    setEnvironment(t, { PYTHONPATH });
    await canResume(await findPython(), undefined);
    t.notOk(existsSync("ran"), `PYTHONPATH=${PYTHONPATH}`);
  }
});

t.test("a wheel writes nothing outside of its folder, and no more than is allowed", async (t) => {
  const python = await findPython();
  const folder = t.testdir({ in: {}, cwd: { "zipfile.py": "raise SystemExit('from the current folder')" } });
  const file = join(folder, "wheel");
  const unpack = (files: Record<string, number>, limit = 1000) =>
    unpackWheel(python, writeWheel(file, files), file, { folder: join(folder, "in"), limit });
  const elsewhere = [
    "lib/../../out.so",
    "lib//out.so",
    "lib/./a",
    "lib/a/../../../out",
    "lib/a\\b",
    "lib/C:out",
  ];
  for (const name of elsewhere) {
    const message = /could not be unpacked \(it has a file that would lie elsewhere, .*\)/;
    await t.rejects(unpack({ "lib/first.so": 1, [name]: 1 }), { code: "ERR_LIBTORCH", message }, name);
  }
  await t.rejects(unpack({ "lib/a.so": 600, "lib/b.so": 100_000_000 }), {
    message: /it would take 100000600 bytes, and 1000 are allowed/,
  });
  t.strictSame(readdirSync(join(folder, "in")), [], "nothing was written");
  const before = process.cwd();
  process.chdir(join(folder, "cwd"));
  t.teardown(() => process.chdir(before));
  await unpack({ "lib/a.so": 600, "lib/b/c.so": 400, "other/x": 5000 });
  t.strictSame(readdirSync(join(folder, "in"), { recursive: true }).sort(), [
    "lib",
    "lib/a.so",
    "lib/b",
    "lib/b/c.so",
  ]);
});
