import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import t from "tap";
import { locateLibtorch } from "#ts/libtorch/locate.js";

const module = JSON.stringify(import.meta.resolve("#ts/libtorch/load.js"));

/** Runs a script in a process of its own, which has loaded nothing, and gives what it printed as JSON. */
function evaluate(script: string, env: Record<string, string> = {}): unknown {
  const prelude = `
    import { readFileSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    import { loadLibtorch } from ${module};
    const loaded = () => [...new Set(readFileSync("/proc/self/maps", "utf8").match(/\\/\\S*libtorch_cpu\\.so$/gm))];`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "-e", prelude + script],
    {
      encoding: "utf8",
      env: { ...process.env, ...env },
    },
  );
  if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

const library = join(locateLibtorch().folder, "lib", "libtorch_cpu.so");

t.test("brings libtorch into the process, once", async (t) => {
  const script = `
    const before = loaded();
    loadLibtorch({ cuda: false });
    loadLibtorch({ cuda: false });
    console.log(JSON.stringify([before, loaded()]));`;
  t.same(evaluate(script), [[], [library]]);
});

t.test("works in worker threads at once, and outlives them", async (t) => {
  const script = `
    const source = 'import(${module.replaceAll('"', '\\"')}).then((m) => m.loadLibtorch({ cuda: false }))';
    const codes = await Promise.all([1, 2, 3].map(() => new Promise((resolve, reject) =>
      new Worker(source, { eval: true }).on("error", reject).on("exit", resolve))));
    loadLibtorch({ cuda: false });
    console.log(JSON.stringify([codes, loaded()]));`;
  t.same(evaluate(script), [[0, 0, 0], [library]]);
});

t.test("another version is refused before it is loaded", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, "lib"));
  for (const name of ["libc10.so", "libtorch_cpu.so"]) writeFileSync(join(folder, "lib", name), "");
  writeFileSync(join(folder, "version.py"), "__version__ = '2.9.0'\n");
  const script = `
    try { loadLibtorch(); } catch ({ code, message }) { console.log(JSON.stringify([code, message, loaded()])); }`;
  const [code, message, loaded] = evaluate(script, { CAMEO_LIBTORCH: folder }) as [string, string, string[]];
  t.equal(code, "ERR_LIBTORCH");
  t.match(message, /is libtorch 2\.9\.0, and this cameo needs 2\.11\.0/);
  t.same(loaded, []);
});

t.test("a library that does not load is named, with the command that mends it", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, "lib"));
  for (const name of ["libc10.so", "libtorch_cpu.so"]) writeFileSync(join(folder, "lib", name), "");
  writeFileSync(join(folder, "version.py"), "__version__ = '2.11.0'\n");
  const script = `
    try { loadLibtorch(); } catch ({ code, message }) { console.log(JSON.stringify([code, message])); }`;
  const [code, message] = evaluate(script, { CAMEO_LIBTORCH: folder }) as [string, string];
  t.equal(code, "ERR_LIBTORCH");
  t.match(
    message,
    /libc10\.so is no shared library\): unset CAMEO_LIBTORCH and run `npx cameo libtorch install`/,
  );
});

t.test("a library that was cut off is refused before it is mapped", async (t) => {
  const folder = t.testdir({ lib: { "libtorch_cpu.so": "" }, "version.py": "__version__ = '2.11.0'\n" });
  const cut = join(folder, "lib", "libc10.so");
  copyFileSync(join(dirname(library), "libc10.so"), cut);
  truncateSync(cut, Math.floor(statSync(cut).size / 2));
  const script = `
    try { loadLibtorch(); } catch ({ code, message }) { console.log(JSON.stringify([code, message])); }`;
  const [code, message] = evaluate(script, { CAMEO_LIBTORCH: folder }) as [string, string];
  t.equal(code, "ERR_LIBTORCH");
  t.match(message, /libc10\.so has \d+ bytes of \d+\): unset CAMEO_LIBTORCH/);
});

const skip = locateLibtorch().cuda && "this libtorch has CUDA";

t.test("CUDA that is not installed is an error with the command that installs it", { skip }, async (t) => {
  const script = `
    try { loadLibtorch({ cuda: true }); } catch ({ code, message }) { console.log(JSON.stringify([code, message])); }`;
  const [code, message] = evaluate(script) as [string, string];
  t.equal(code, "ERR_LIBTORCH");
  t.match(message, /has no CUDA: run `npx cameo libtorch install --cuda`/);
});
