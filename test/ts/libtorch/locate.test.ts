import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { locateLibtorch } from "#ts/libtorch/locate.js";
import { release } from "#ts/libtorch/platform.js";
import { setEnvironment } from "../../support/environment.js";

/** The files by which a libtorch is recognised; it is found without being opened. */
function layOut(folder: string, version: string, stamp = false): string {
  const files: Record<string, string> = { "lib/libc10.so": "", "lib/libtorch_cpu.so": "" };
  if (stamp) {
    const sizes = Object.fromEntries(Object.keys(files).map((file) => [file, { bytes: 0, sha256: "" }]));
    files["cameo-libtorch.json"] = JSON.stringify({ version, cuda: false, files: sizes });
  } else {
    files["version.py"] = `from typing import Optional\n__version__ = '${version}'\ndebug = False\n`;
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

/** A machine with nothing on it but what the test lays out below the folder that is returned. */
function bareMachine(t: Test): string {
  const folder = t.testdir();
  setEnvironment(t, {
    CAMEO_LIBTORCH: undefined,
    CAMEO_CACHE: join(folder, "cache"),
    VIRTUAL_ENV: join(folder, "venv"),
    PATH: folder,
  });
  return folder;
}

const inCache = join("cache", release(false).name);
const inPython = join("venv", "lib", "python3.11", "site-packages", "torch");

t.test("without any, the error names the command that installs it", async (t) => {
  bareMachine(t);
  t.throws(() => locateLibtorch(), {
    code: "ERR_LIBTORCH",
    message: /^libtorch 2\.11\.0 is not installed: run `npx cameo libtorch install`/,
  });
});

t.test("CAMEO_LIBTORCH comes before the cache, and the cache before Python", async (t) => {
  const machine = bareMachine(t);
  const python = layOut(join(machine, inPython), "2.11.0+cu130");
  t.same(locateLibtorch(), { folder: python, source: "python", version: "2.11.0", cuda: false });
  const cache = layOut(join(machine, inCache), "2.11.0", true);
  t.same(locateLibtorch(), { folder: cache, source: "cache", version: "2.11.0", cuda: false });
  const other = layOut(join(machine, "other"), "2.11.0");
  setEnvironment(t, { CAMEO_LIBTORCH: other });
  t.same(locateLibtorch(), { folder: other, source: "env", version: "2.11.0", cuda: false });
});

t.test("says where the CUDA half is there", async (t) => {
  const python = layOut(join(bareMachine(t), inPython), "2.11.0+cu130");
  for (const name of ["libc10_cuda.so", "libtorch_cuda.so"]) writeFileSync(join(python, "lib", name), "");
  t.match(locateLibtorch(), { source: "python", cuda: true });
});

t.test("another version in CAMEO_LIBTORCH is refused", async (t) => {
  const folder = layOut(join(bareMachine(t), "old"), "2.10.0+cpu");
  setEnvironment(t, { CAMEO_LIBTORCH: folder });
  t.throws(() => locateLibtorch(), {
    code: "ERR_LIBTORCH",
    message: `CAMEO_LIBTORCH=${folder} is libtorch 2.10.0+cpu, and this cameo needs 2.11.0: unset it and run \`npx cameo libtorch install\``,
  });
});

t.test("a CAMEO_LIBTORCH without libraries is refused, also where another is installed", async (t) => {
  const machine = bareMachine(t);
  layOut(join(machine, inCache), "2.11.0", true);
  setEnvironment(t, { CAMEO_LIBTORCH: machine });
  t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH", message: /has no libtorch in its lib folder/ });
});

t.test("another version in the cache or in Python is passed over", async (t) => {
  const machine = bareMachine(t);
  layOut(join(machine, inPython), "2.12.0");
  layOut(join(machine, inCache), "2.10.0", true);
  t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH", message: /is not installed/ });
});
