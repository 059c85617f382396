#!/usr/bin/env node
// Builds the addon into build/Release/cameo.node: finds or fetches libtorch, runs CMake, puts the result in place.
//
//   node native/build.mjs [--install] [--tests]
//
// --install  as npm's install script: an addon that came with the package is taken as it is, unless npm was told
//            --build-from-source
// --tests    also build/test-addon/cameo_test.node, which the unit tests load
//
// CAMEO_WERROR=ON makes errors of warnings; CAMEO_JOBS is the number of compilers at a time. CAMEO_CUDA_INCLUDE is
// where the headers of CUDA and NCCL are (docs/distributed.md), CAMEO_NVCC is CUDA's compiler (docs/platforms.md), where
// CMake doesn't find them by itself.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findGenerator, MissingTool } from "./toolchain.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
/** Rather than an installed package, which has no TypeScript sources. */
const isClone = existsSync(join(root, "tsconfig.json"));

/** A fault of the machine, not of this script: shown as one line. */
class BuildError extends Error {}

/** Resolves when the command ended well. The terminal sends Ctrl-C to it too, so it is only waited for. */
async function run(command, args, failure) {
  const child = spawn(command, args, { cwd: root, stdio: "inherit" });
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (...end) => resolve(end));
  });
  if (interrupted || signal === "SIGINT") throw new BuildError("interrupted; run it again to go on");
  if (code !== 0) throw new BuildError(failure);
}

let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    interrupted = true;
  });
}

/** The compiled half of ts/libtorch; a clone has only its sources. */
async function libtorchModules() {
  const folder = join(root, "dist", "libtorch");
  if (!existsSync(join(folder, "index.js"))) {
    const typescript = dirname(require.resolve("typescript/package.json"));
    await run(
      process.execPath,
      [join(typescript, "bin", "tsc"), "-b", "ts"],
      "the TypeScript sources do not compile (see above)",
    );
  }
  const libtorch = await import(join(folder, "index.js"));
  return { ...libtorch, ...(await import(join(dirname(folder), "lock.js"))) };
}

/** What CAMEO_LIBTORCH names is taken as it is; what is found elsewhere must have the headers. */
async function libtorchFolder({ locateLibtorch, installLibtorch, reportTo }) {
  if (process.env.CAMEO_LIBTORCH) return locateLibtorch().folder;
  try {
    const { folder } = locateLibtorch();
    if (existsSync(join(folder, "include", "ATen", "ATen.h"))) return folder;
  } catch {
    // Not there yet.
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupt.abort());
  return installLibtorch({ signal: interrupt.signal, onProgress: reportTo(process.stderr) });
}

function jobs() {
  const gibibytes = totalmem() / 2 ** 30;
  return (
    Number(process.env.CAMEO_JOBS) || Math.max(1, Math.min(availableParallelism(), Math.floor(gibibytes / 2)))
  );
}

/** A reader never sees half an addon, and a process that has the old one loaded keeps it. */
function putInPlace(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  const temporary = `${to}.${process.pid}`;
  copyFileSync(from, temporary);
  renameSync(temporary, to);
}

/** Forgets what was compiled in another setting, and what a killed build left: it may be half written. */
function prepare(out, generator, abandoned) {
  const setting = JSON.stringify({ root, generator, compiler: process.env.CXX });
  const file = join(out, "cameo-setting.json");
  const same = existsSync(file) && readFileSync(file, "utf8") === setting;
  if (abandoned || !same) rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  writeFileSync(file, setting);
}

async function compile(libtorch, generator, out, tests) {
  const cmake = require.resolve("cmake-js/bin/cmake-js");
  const configure = ["configure", "--log-level", "error", "--directory", root, "--out", out];
  if (generator) configure.push("-G", generator);
  const settings = [
    `--CDCAMEO_LIBTORCH=${libtorch}`,
    `--CDCAMEO_TESTS=${tests ? "ON" : "OFF"}`,
    `--CDCAMEO_WERROR=${process.env.CAMEO_WERROR ?? "OFF"}`,
    `--CDCAMEO_CUDA_INCLUDE=${process.env.CAMEO_CUDA_INCLUDE ?? ""}`,
    ...(process.env.CAMEO_NVCC ? [`--CDCAMEO_NVCC=${process.env.CAMEO_NVCC}`] : []),
  ];
  const build = [
    "build",
    "--log-level",
    "error",
    "--directory",
    root,
    "--out",
    out,
    "--parallel",
    String(jobs()),
  ];
  await run(
    process.execPath,
    [cmake, ...configure, ...settings],
    "CMake could not configure the build (see above)",
  );
  await run(process.execPath, [cmake, ...build], "the C++ sources do not compile (see above)");
}

async function buildAddon({ install, tests }) {
  const generator = findGenerator();
  const modules = await libtorchModules();
  const libtorch = await libtorchFolder(modules);
  const out = join(root, ".cmake", "release");
  const onWait = () => console.error("cameo: another build is running in this folder; waiting for it");
  await modules.withLock(
    `${out}.lock`,
    async ({ abandoned }) => {
      prepare(out, generator, abandoned);
      await compile(libtorch, generator, out, tests);
      const built = join(out, "Release");
      putInPlace(join(built, "cameo.node"), join(root, "build", "Release", "cameo.node"));
      const cuda = join(built, "cameo_cuda.so");
      if (existsSync(cuda)) putInPlace(cuda, join(root, "build", "Release", "cameo_cuda.so"));
      if (tests)
        putInPlace(join(built, "cameo_test.node"), join(root, "build", "test-addon", "cameo_test.node"));
      // Nobody builds an installed package again; its object files are 400 MB.
      if (install && !isClone) rmSync(out, { recursive: true });
    },
    { onWait },
  );
}

const { values: options } = parseArgs({
  options: { install: { type: "boolean" }, tests: { type: "boolean" } },
});
/** Says what is missing beside an addon that is there; half a gigabyte is fetched only where someone asks for it. */
async function lookForLibtorch() {
  const { locateLibtorch } = await libtorchModules();
  try {
    locateLibtorch();
  } catch (error) {
    if (error.name !== "CameoError") throw error;
    console.error(`cameo is installed, but: ${error.message}`);
  }
}

/** In a clone, `npx cameo` has npm install the clone as a link before it runs it, where nothing is to be built. */
const isBeingRun = options.install && isClone && process.env.npm_command === "exec";
const prebuilt = join(root, "prebuilds", `${process.platform}-${process.arch}`);
const fromSource = ["true", "cameo"].includes(process.env.npm_config_build_from_source);
try {
  if (options.install && existsSync(prebuilt) && !fromSource) await lookForLibtorch();
  else if (!isBeingRun) await buildAddon(options);
} catch (error) {
  const known = error instanceof BuildError || error instanceof MissingTool;
  const expected = known || error.name === "CameoError" || error.name === "AbortError";
  console.error(`cameo: ${expected ? error.message : error.stack}`);
  process.exitCode = interrupted ? 130 : 1;
}
