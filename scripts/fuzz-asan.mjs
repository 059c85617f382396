// Reads the corpus of malformed weight files, and the fixtures, under AddressSanitizer, LeakSanitizer and
// UndefinedBehaviorSanitizer: `node scripts/fuzz-asan.mjs`. Builds what it needs in build/asan-fuzz.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, "build", "asan-fuzz");

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit", encoding: "utf8", ...options });
  if (result.error) throw result.error;
  return result;
}

function mustRun(command, ...args) {
  const { status } = run(command, args);
  if (status !== 0) process.exit(status ?? 1);
}

const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
mustRun(process.execPath, tsc, "-b");
const { locateLibtorch } = await import(join(root, "dist", "libtorch", "index.js"));
const { libraryFolders } = await import(join(root, "dist", "libtorch", "platform.js"));
const { weightCorpus } = await import(join(root, "build", "test", "support", "fuzz", "corpus.js"));
const libtorch = locateLibtorch().folder;

mustRun(
  "cmake",
  "-S",
  root,
  "-B",
  folder,
  "-DCAMEO_ASAN=ON",
  `-DCAMEO_LIBTORCH=${libtorch}`,
  "-DCMAKE_BUILD_TYPE=Debug",
);
mustRun("cmake", "--build", folder, "--target", "cameo_fuzz_weights");

/** Reads every file of a folder and gives what became of each. */
function fuzz(files) {
  const { status, stdout, stderr } = run(join(folder, "cameo_fuzz_weights"), [files], {
    stdio: "pipe",
    maxBuffer: 1 << 26,
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraryFolders(libtorch).join(delimiter),
      // libtorch is not instrumented: containers that cross its border look overflown, its symbols doubled.
      ASAN_OPTIONS:
        "detect_leaks=1:detect_odr_violation=0:detect_container_overflow=0:allocator_may_return_null=1",
      UBSAN_OPTIONS: "print_stacktrace=1",
    },
  });
  if (status !== 0) {
    console.error(
      `${stderr}\nfuzz: the reader ended with ${status} after:\n${stdout.split("\n").slice(-3).join("\n")}`,
    );
    process.exit(1);
  }
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
}

const corpus = join(folder, "corpus");
rmSync(corpus, { recursive: true, force: true });
mkdirSync(corpus);
for (const [name, file] of Object.entries(weightCorpus())) writeFileSync(join(corpus, name), file);
const outcomes = fuzz(corpus);
const read = outcomes.filter(([, outcome]) => outcome === "read").map(([name]) => name);

const fixtures = join(folder, "fixtures");
rmSync(fixtures, { recursive: true, force: true });
cpSync(join(root, "test", "fixtures", "weights"), fixtures, { recursive: true });
const whole = fuzz(fixtures).filter(([, outcome]) => outcome === "read");

console.log(
  `${outcomes.length} malformed files: ${outcomes.length - read.length} typed errors, ${read.length} read`,
);
console.log(`${whole.length} well-formed files read; no memory error, no leak, no undefined behaviour`);
if (read.length > 0) console.error(`fuzz: these were read: ${read.join(", ")}`);
process.exitCode = read.length > 0 ? 1 : 0;
