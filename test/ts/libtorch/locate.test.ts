import { chmodSync, chownSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t, { type Test } from "tap";
import { findHiddenTorch, locateLibtorch } from "#ts/libtorch/locate.js";
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

const inCache = join("cache", "cameo", release(false).name);
/** Where it was put before the cache had a folder of its own. */
const inGiven = join("cache", release(false).name);
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

t.test("what lies in CAMEO_CACHE itself is found, and that in its own folder before it", async (t) => {
  const machine = bareMachine(t);
  const earlier = layOut(join(machine, inGiven), "2.11.0", true);
  t.match(locateLibtorch(), { folder: earlier, source: "cache" });
  const own = layOut(join(machine, inCache), "2.11.0", true);
  t.match(locateLibtorch(), { folder: own, source: "cache" });
});

t.test("a stamp that is no stamp is passed over", async (t) => {
  const folder = layOut(join(bareMachine(t), inCache), "2.11.0", true);
  for (const text of ["", "null", "1", '{"version":"2.11.0"}', '{"version":"2.11.0","files":null}']) {
    writeFileSync(join(folder, "cameo-libtorch.json"), text);
    t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH", message: /is not installed/ }, text);
  }
});

t.test("what another user put where everybody may write is not loaded", async (t) => {
  const machine = bareMachine(t);
  const user = process.getuid?.() ?? 0;
  const asAnother = (path: string) => {
    // Only root can give a folder away; another user can seem to be one.
    if (user === 0) chownSync(path, 12345, 12345);
    else process.getuid = () => user + 1;
  };
  t.teardown(() => {
    process.getuid = () => user;
  });
  const own = join(machine, "cache", "cameo");
  layOut(join(machine, inCache), "2.11.0", true);
  chmodSync(join(machine, "cache"), 0o777);
  t.match(locateLibtorch(), { source: "cache" });
  asAnother(own);
  t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH", message: /is not installed/ });
  chmodSync(join(machine, "cache"), 0o755);
  t.match(locateLibtorch(), { source: "cache" }, "whoever may write there was chosen by the user");
});

const skip = process.getuid?.() === 0 ? false : "only root can give a folder to another user";

t.test("nor is what lies below a folder that another user made there", { skip }, async (t) => {
  const machine = bareMachine(t);
  layOut(join(machine, inCache), "2.11.0", true);
  chmodSync(machine, 0o1777);
  t.match(locateLibtorch(), { source: "cache" });
  chownSync(join(machine, "cache"), 12345, 12345);
  for (const mode of [0o755, 0o777]) {
    chmodSync(join(machine, "cache"), mode);
    t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH", message: /is not installed/ });
  }
  chmodSync(machine, 0o755);
  chmodSync(join(machine, "cache"), 0o755);
  t.match(locateLibtorch(), { source: "cache" }, "a group's folder");
});

/** A `python3` that says that it was started. */
function writePython(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n: > "$(dirname "$0")/started"\n');
  chmodSync(file, 0o755);
}

t.test("finds the packages of the Python on the PATH without starting it", async (t) => {
  const machine = bareMachine(t);
  const kinds: Record<string, { python: string; link?: string; torch: string }> = {
    installed: {
      python: "installed/bin/python3.12",
      link: "python3.12",
      torch: "installed/lib/python3.12/site-packages/torch",
    },
    debian: {
      python: "debian/bin/python3.12",
      link: "python3.12",
      torch: "debian/lib/python3/dist-packages/torch",
    },
    conda: { python: "conda/bin/python3", torch: "conda/lib/python3.13/site-packages/torch" },
    environment: {
      python: "installed/bin/python3.12",
      link: "../../installed/bin/python3.12",
      torch: "environment/lib/python3.12/site-packages/torch",
    },
    pyenv: {
      python: "pyenv/versions/3.11.7/bin/python3",
      torch: "pyenv/versions/3.11.7/lib/python3.11/site-packages/torch",
    },
  };
  for (const [kind, { python, link, torch }] of Object.entries(kinds)) {
    const bin = join(machine, kind, kind === "pyenv" ? "shims" : "bin");
    writePython(join(machine, python));
    if (kind === "pyenv") writePython(join(bin, "python3"));
    if (link !== undefined) {
      mkdirSync(bin, { recursive: true });
      symlinkSync(link, join(bin, "python3"));
    }
    const folder = layOut(join(machine, torch), "2.11.0+cpu");
    if (kind === "environment") writeFileSync(join(machine, kind, "pyvenv.cfg"), "");
    if (kind === "pyenv") writeFileSync(join(machine, kind, "version"), "3.11.7\n");
    const env = { PATH: `${join(machine, "none")}:${bin}`, VIRTUAL_ENV: undefined, PYENV_VERSION: undefined };
    setEnvironment(t, { ...env, HOME: machine, PYTHONPATH: undefined });
    t.match(locateLibtorch(), { folder, source: "python", version: "2.11.0" }, kind);
    t.notOk(existsSync(join(bin, "started")), "nothing was started");
    t.notOk(existsSync(join(machine, dirname(python), "started")));
  }
});

t.test("a PyTorch that only Python can find is found by who may start it", async (t) => {
  const machine = bareMachine(t);
  const folder = layOut(join(machine, "elsewhere", "torch"), "2.11.0");
  writeFileSync(join(machine, "python3"), `#!/bin/sh\necho "${join(machine, "elsewhere")}"\n`);
  chmodSync(join(machine, "python3"), 0o755);
  t.throws(() => locateLibtorch(), { code: "ERR_LIBTORCH" });
  t.equal(await findHiddenTorch(), folder);
});
