// Lint, format and type checks, and a look at the tree: `npm run check`; `npm run format` mends what can be mended.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { fix: { type: "boolean" } } });

const clangFormatVersion = "18.1.8";
const largestFile = 5_000_000;
/** The model that ships is there on purpose, and stays small enough for a package. */
const isWeights = (file) => /^weights\/.*\.(safetensors|gguf)$/.test(file);
const mostWeights = 28_000_000;

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: "inherit" }).status === 0;
}

function runPackage(path, ...args) {
  return run(process.execPath, [join(root, "node_modules", ...path.split("/")), ...args]);
}

function trackedFiles(...patterns) {
  const { stdout } = spawnSync("git", ["ls-files", "-z", ...patterns], { cwd: root, encoding: "utf8" });
  return stdout.split("\0").filter((file) => file && existsSync(join(root, file)));
}

/** Of one version for everybody, because versions disagree; Python's package of it is kept in the cache. */
function clangFormat() {
  const cache = process.env.CAMEO_CACHE || process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(cache, "cameo", `clang-format-${clangFormatVersion}`);
  const binary = join(folder, "clang_format", "data", "bin", "clang-format");
  const pip = ["-m", "pip", "install", "--quiet", "--target", folder, `clang-format==${clangFormatVersion}`];
  if (!existsSync(binary) && !run("python3", pip)) {
    console.error("check: clang-format comes with Python's pip: `apt install python3-pip`");
    return undefined;
  }
  return binary;
}

function checkCpp() {
  const binary = clangFormat();
  const sources = trackedFiles("*.cc", "*.h", "*.cu").filter((file) => !file.includes("third_party/"));
  return (
    binary !== undefined && run(binary, [...(options.fix ? ["-i"] : ["--dry-run", "-Werror"]), ...sources])
  );
}

function checkTree() {
  const sizes = new Map(trackedFiles().map((file) => [file, statSync(join(root, file)).size]));
  const large = [...sizes.keys()].filter((file) => sizes.get(file) > largestFile && !isWeights(file));
  for (const file of large) console.error(`check: ${file} is larger than 5 MB`);
  const weights = [...sizes].reduce((sum, [file, size]) => sum + (isWeights(file) ? size : 0), 0);
  if (weights > mostWeights) console.error("check: the weights in weights/ are larger than 28 MB together");
  return large.length === 0 && weights <= mostWeights;
}

const biome = options.fix ? ["check", "--write"] : ["check", "--error-on-warnings"];
const checks = {
  "TypeScript and JSON style": () => runPackage("@biomejs/biome/bin/biome", ...biome),
  "C++ style": checkCpp,
  types: () => runPackage("typescript/bin/tsc", "-b"),
  tree: checkTree,
};

for (const [name, check] of Object.entries(checks)) {
  const ok = check();
  console.error(`check: ${name}: ${ok ? "ok" : "FAILED"}`);
  if (!ok) process.exitCode = 1;
}
