// Reads damaged weight files, configs, tokenizers, pictures and films by the thousand, the same for the same seed: what the
// native half reads under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer, the rest in processes of Node.
// All of it must be read or refused with a typed error, in bounded time and memory.
//
//   node scripts/fuzz-asan.mjs [--inputs N] [--seed S] [--kinds zip,film] [--without-sanitizers]
//
// --inputs              how many, of all kinds together (default: 10000)
// --seed                of what is drawn (default: 1)
// --kinds               only these: safetensors, zip, pickle, gguf, config, tokenizer, picture, film
// --without-sanitizers  the native readers as the tests' addon has them, which takes no build
//
// The readers with sanitizers are built in build/asan-fuzz. Inputs at which something is wrong are kept in build/fuzz/kept.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findGenerator } from "../native/toolchain.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    kinds: { type: "string" },
    "without-sanitizers": { type: "boolean" },
  },
});
process.chdir(root);

function mustRun(command, ...args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    console.error(
      `fuzz: ${command} ${error ? `can't be started: ${error.message}` : `ended with ${status}`}`,
    );
    process.exit(1);
  }
}

mustRun(process.execPath, join("scripts", "setup.mjs"), "--tests");
const support = join(root, "build", "test", "support", "fuzz");
const { inputsOf, kinds, nativeKinds, shares } = await import(join(support, "inputs.js"));
const { fuzz } = await import(join(support, "drive.js"));

/** Builds the native readers. libtorch is not instrumented: containers that cross its border look overflown. */
async function sanitizedReader() {
  const { locateLibtorch } = await import(join(root, "dist", "libtorch", "index.js"));
  const { libraryFolders } = await import(join(root, "dist", "libtorch", "platform.js"));
  const libtorch = locateLibtorch().folder;
  const folder = join(root, "build", "asan-fuzz");
  const generator = findGenerator();
  const settings = {
    CAMEO_FUZZ_LAYERS: join(root, ".cmake", "release", "libcameo_core.a"),
    CAMEO_LIBTORCH: libtorch,
    CMAKE_BUILD_TYPE: "Debug",
    CMAKE_CXX_FLAGS_DEBUG: "-O1 -g1",
  };
  const definitions = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`);
  mustRun("cmake", "-S", root, "-B", folder, ...(generator ? ["-G", generator] : []), ...definitions);
  mustRun("cmake", "--build", folder, "--target", "cameo_fuzz", "--parallel", String(availableParallelism()));
  const asan = [
    ...["detect_leaks=1", "detect_odr_violation=0", "detect_container_overflow=0"],
    ...["max_allocation_size_mb=1024", `hard_rss_limit_mb=${limits.megabytes}`],
  ];
  return {
    command: join(folder, "cameo_fuzz"),
    args: [],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraryFolders(libtorch).join(delimiter),
      ASAN_OPTIONS: asan.join(":"),
      UBSAN_OPTIONS: "print_stacktrace=1",
    },
  };
}

const limits = { megabytes: 2500, seconds: 20 };
const chosen = options.kinds?.split(",") ?? kinds;
const unknown = chosen.find((kind) => !kinds.includes(kind));
const [inputs, seed] = [options.inputs, options.seed].map(Number);
if (unknown !== undefined || !Number.isInteger(inputs) || !Number.isInteger(seed)) {
  console.error(
    `fuzz: ${unknown ?? `${options.inputs} or ${options.seed}`} is not known; see the top of this file`,
  );
  process.exit(2);
}
const inNode = { command: process.execPath, args: [join(support, "reader.js")], env: process.env };
const sanitized = !options["without-sanitizers"] && chosen.some((kind) => nativeKinds.includes(kind));
const nativeReader = sanitized ? await sanitizedReader() : inNode;
const [work, kept] = ["work", "kept"].map((name) => join(root, "build", "fuzz", name));
rmSync(kept, { recursive: true, force: true });

let failed = 0;
const counts = shares(inputs, chosen.length);
for (const [i, kind] of chosen.entries()) {
  const start = performance.now();
  const reader = nativeKinds.includes(kind) ? nativeReader : inNode;
  const drawn = inputsOf(kind, { seed, count: counts[i], folder: join(work, "seeds") });
  const report = await fuzz(kind, drawn, { reader, limits, folder: join(work, kind), kept });
  for (const { name, why } of report.failures) console.log(`FAILED ${join(kept, name)}: ${why}`);
  failed += report.failures.length;
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const how = reader === inNode ? "in Node" : "with sanitizers";
  console.log(
    `${kind} ${how}: ${report.read} read, ${report.refused} refused, ${report.failures.length} failed; ${seconds} s, at most ${Math.round(report.megabytes)} MB`,
  );
}
rmSync(work, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : 0;
