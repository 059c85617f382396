// Makes a clone ready to run: packages, compiled TypeScript, the studio's page, libtorch and the addon. Says nothing
// where nothing has to be done.
//
//   node scripts/setup.mjs [--tests] [--rebuild]
//
// --tests    also what the tests need
// --rebuild  run the build of the addon even where no source is newer than it
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({
  options: { tests: { type: "boolean" }, rebuild: { type: "boolean" } },
});

const cpp = /\.(cc|h|cu|cmake|def)$/;

function run(stage, command, args) {
  if (stage) console.error(`setup: ${stage}`);
  const { status, signal } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(signal === "SIGINT" ? 130 : (status ?? 1));
}

/** Modification time in ms; 0 where there is no such file. */
function age(...path) {
  return statSync(join(root, ...path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestBelow(pattern, ...path) {
  const folder = join(root, ...path);
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder, { recursive: true }).filter((file) => pattern.test(file));
  return Math.max(0, ...files.map((file) => age(...path, file)));
}

function packagesAreThere() {
  return age("node_modules", ".package-lock.json") >= age("package-lock.json");
}

const addon = ["build", "Release", "cameo.node"];
const testAddon = ["build", "test-addon", "cameo_test.node"];

function addonIsThere() {
  const sources = Math.max(age("CMakeLists.txt"), newestBelow(cpp, "native"));
  if (age(...addon) <= sources) return false;
  return !options.tests || age(...testAddon) > Math.max(sources, newestBelow(cpp, "test"));
}

/** What is edited while it builds may not be in it: it is as old as the beginning. */
function buildAddon() {
  const began = new Date();
  run("building the addon", process.execPath, [
    join(root, "native", "build.mjs"),
    ...(options.tests ? ["--tests"] : []),
  ]);
  for (const path of options.tests ? [addon, testAddon] : [addon])
    utimesSync(join(root, ...path), began, began);
}

function pageIsThere() {
  const sources = newestBelow(/\.(tsx?|html|css|svg)$/, "ts", "studio", "page");
  return age("dist", "studio", "page", "licences.txt") > Math.max(sources, age("scripts", "page.mjs"));
}

async function libtorchIsThere() {
  const { locateLibtorch } = await import(join(root, "dist", "libtorch", "index.js"));
  try {
    locateLibtorch();
    return true;
  } catch {
    return false;
  }
}

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 17)) {
  console.error(`setup: this is Node ${process.versions.node}, and cameo needs 20.17 or newer`);
  process.exit(1);
}
if (!packagesAreThere()) run("installing packages and building the addon (npm ci)", "npm", ["ci"]);
run(undefined, process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-b"]);
if (!pageIsThere()) run(undefined, process.execPath, [join(root, "scripts", "page.mjs")]);
if (options.rebuild || !addonIsThere() || !(await libtorchIsThere())) {
  buildAddon();
}
