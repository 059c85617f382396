// Slow: it runs pip.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmdirSync, statSync, truncateSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { findResumingPip } from "#ts/libtorch/download.js";
import { type InstallProgress, installRelease } from "#ts/libtorch/install.js";
import type { Release, Wheel } from "#ts/libtorch/pins.js";
import { findPython } from "#ts/libtorch/pip.js";
import { release } from "#ts/libtorch/platform.js";
import { setEnvironment } from "../../support/environment.js";

/** One of the wheels that a libtorch is made of, small enough to be fetched in every run of the tests. */
function smallRelease(changes: Partial<Wheel> = {}): Release {
  const wheel = release(false).wheels.find(({ project }) => project === "nvidia-cuda-runtime") as Wheel;
  return {
    name: "libtorch-small",
    version: wheel.version,
    cuda: false,
    wheels: [{ ...wheel, ...changes }],
    unpackedBytes: 800_000,
  };
}

/** The folder of its own in a cache that has nothing else. */
function emptyCache(t: Test): string {
  const given = t.testdir({ cameo: {} });
  setEnvironment(t, { CAMEO_CACHE: given });
  return join(given, "cameo");
}

const library = "libtorch-small/lib/libcudart.so.13";

/** Another process that installs `release` and prints the phases it went through. */
function installer(release: Release): ChildProcess {
  const script = `
    import { installRelease } from ${JSON.stringify(import.meta.resolve("#ts/libtorch/install.js"))};
    const phases = new Set();
    await installRelease(${JSON.stringify(release)}, { onProgress: ({ phase }) => phases.add(phase) });
    console.log(JSON.stringify([...phases]));`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function output(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
  });
  await once(child, "close");
  return text;
}

t.test("an old pip is not what downloads half a gigabyte", async (t) => {
  const folder = join(t.testdir(), "pip");
  const python = await findPython();
  const found = await findResumingPip(python, folder);
  const env = { ...process.env, ...(found && { PYTHONPATH: found }) };
  const { stdout } = spawnSync(python, ["-m", "pip", "--version"], { env, encoding: "utf8" });
  t.match(stdout, /^pip (25\.[1-9]|2[6-9]|[3-9]\d)/);
  t.equal(await findResumingPip("no-such-python", folder), undefined);
});

t.test("fetches, checks and unpacks; a second call changes nothing", async (t) => {
  const cache = emptyCache(t);
  const progress: InstallProgress[] = [];
  const folder = await installRelease(smallRelease(), { onProgress: (event) => progress.push(event) });
  t.equal(folder, join(cache, "libtorch-small"));
  t.same(readdirSync(join(folder, "lib")), ["libcudart.so.13"]);
  t.same(readdirSync(cache), ["libtorch-small"], "leaves no downloads, work folders or lock");
  t.match(progress.at(-1), { phase: "unpack", bytes: 2_243_632, totalBytes: 2_243_632 });
  const { mtimeMs } = statSync(join(cache, library));
  await installRelease(smallRelease(), { onProgress: () => t.fail("there was nothing to do") });
  t.equal(statSync(join(cache, library)).mtimeMs, mtimeMs);
});

t.test("a file with another hash is refused, and the next run mends it", async (t) => {
  const cache = emptyCache(t);
  const sha256 = "0".repeat(64);
  await t.rejects(installRelease(smallRelease({ sha256 })), {
    code: "ERR_LIBTORCH",
    message: new RegExp(`${sha256} and is ${smallRelease().wheels[0]?.sha256}`),
  });
  t.notOk(existsSync(join(cache, "libtorch-small")));
  await installRelease(smallRelease());
  t.ok(existsSync(join(cache, library)));
});

t.test("an abort leaves nothing under the final name, and the next run mends it", async (t) => {
  const cache = emptyCache(t);
  const abort = new AbortController();
  const onProgress = () => abort.abort();
  await t.rejects(installRelease(smallRelease(), { signal: abort.signal, onProgress }), {
    code: "ERR_ABORTED",
    name: "AbortError",
  });
  t.same(readdirSync(cache), ["downloads"]);
  await installRelease(smallRelease());
  t.ok(existsSync(join(cache, library)));
});

t.test("a killed install is taken over by the next one", async (t) => {
  const cache = emptyCache(t);
  const child = installer(smallRelease());
  while (!readdirSync(cache).some((name) => name.startsWith("work-"))) await sleep(5);
  child.kill("SIGKILL");
  await once(child, "close");
  t.ok(existsSync(join(cache, "libtorch.lock")), "the lock outlived its owner");
  await installRelease(smallRelease());
  t.same(readdirSync(cache), ["libtorch-small"]);
});

t.test("pip ends with the process that ran it, also where that is killed", async (t) => {
  emptyCache(t);
  const index = createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  t.teardown(() => index.close());
  await once(index, "listening");
  const { port } = index.address() as AddressInfo;
  // It never answers, and left alone pip waits for it for longer than a test may take.
  const silent = { PIP_INDEX_URL: `http://127.0.0.1:${port}/`, PIP_DEFAULT_TIMEOUT: "1000" };
  setEnvironment(t, { ...silent, PIP_FIND_LINKS: undefined });
  const child = installer(smallRelease());
  const [connection] = (await once(index, "connection")) as [Socket];
  connection.resume();
  child.kill("SIGKILL");
  await once(connection, "close");
});

t.test("of several processes one downloads", async (t) => {
  const cache = emptyCache(t);
  const outputs = await Promise.all([1, 2, 3].map(() => output(installer(smallRelease()))));
  const phases = outputs.map((text) => JSON.parse(text) as string[]);
  t.equal(phases.filter((seen) => seen.includes("download")).length, 1);
  t.same(readdirSync(cache), ["libtorch-small"]);
});

t.test("a damaged library is fetched again", async (t) => {
  const cache = emptyCache(t);
  await installRelease(smallRelease());
  truncateSync(join(cache, library), 1000);
  await installRelease(smallRelease());
  t.equal(statSync(join(cache, library)).size, 704_288);
});

t.test("without Python, the message says what to install", async (t) => {
  emptyCache(t);
  setEnvironment(t, { PATH: t.testdirName });
  await t.rejects(installRelease(smallRelease()), {
    code: "ERR_LIBTORCH",
    message: /apt install python3-pip/,
  });
});

t.test("without a network, the message says so", async (t) => {
  emptyCache(t);
  const nowhere = { PIP_INDEX_URL: "http://127.0.0.1:9/", PIP_FIND_LINKS: undefined, PIP_RETRIES: "0" };
  setEnvironment(t, { ...nowhere, PIP_CONFIG_FILE: "/dev/null", PIP_EXTRA_INDEX_URL: undefined });
  await t.rejects(installRelease(smallRelease()), {
    code: "ERR_LIBTORCH",
    message: /^the download of nvidia-cuda-runtime 13.0.96 failed \(.*\): check the network/,
  });
});

t.test("too little space is noticed before anything is downloaded", async (t) => {
  emptyCache(t);
  await t.rejects(installRelease({ ...smallRelease(), unpackedBytes: 1e18 }), {
    code: "ERR_LIBTORCH",
    message: /libtorch needs 1000000000.0 GB in .* CAMEO_CACHE/,
  });
});

const disk = mkdtempSync(join(tmpdir(), "cameo-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]).status === 0;
t.teardown(() => {
  if (mounted) spawnSync("umount", ["--lazy", disk]);
  rmdirSync(disk);
});
const skip = mounted ? false : "no right to mount a small disk";

t.test("a disk that fills up on the way is reported, and the next run mends it", { skip }, async (t) => {
  setEnvironment(t, { CAMEO_CACHE: disk });
  const library = "cameo/libtorch-small/lib/libcudart.so.13";
  // Sizes that hide from the check beforehand how much is needed.
  const understated = { ...smallRelease({ bytes: 1 }), unpackedBytes: 1 };
  await t.rejects(installRelease(understated), { code: "ERR_LIBTORCH", message: /^the disk was full while/ });
  spawnSync("mount", ["-o", "remount,size=20m", disk]);
  await installRelease(smallRelease());
  t.ok(existsSync(join(disk, library)));
});
