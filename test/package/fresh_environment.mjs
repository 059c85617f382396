// The package as a new user has it: packs it, installs the tarball into an empty folder, and makes a video there. HOME
// and npm's cache are empty, and PATH has node and a shell: no compiler, no cmake, no Python.
//
//     npm run prebuild && npm run compile && node test/package/fresh_environment.mjs [--libtorch TARBALL] [--keep]
//
// --libtorch  `npm run pack:libtorch`'s tarball, installed beside it; else libtorch is where CAMEO_LIBTORCH or this
//             clone has it
// --keep      leaves the folder, and says where it is
//
// Prints how long each phase took; the exit code is 1 where one failed.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { values: options } = parseArgs({
  options: { libtorch: { type: "string" }, keep: { type: "boolean", default: false } },
});
const libtorchTarball = options.libtorch && resolve(options.libtorch);
const machine = `${process.platform}-${process.arch}`;

function fail(message) {
  console.error(`fresh environment: ${message}`);
  process.exit(1);
}

if (!existsSync(join(root, "prebuilds", machine)))
  fail(`there is no prebuilds/${machine}: run \`npm run prebuild\` first`);
process.chdir(root);
const { bareEnvironment, npm } = await import(join(root, "build/test/support/package.js")).catch(() => {
  return fail("the tests are not compiled: run `npx tsc -b` first");
});
const { locateLibtorch } = await import(join(root, "dist/libtorch/index.js"));

const folder = mkdtempSync(join(tmpdir(), "cameo-fresh-"));
const project = join(folder, "project");
const env = { ...bareEnvironment(folder), npm_config_cache: join(folder, "npm-cache") };
if (!libtorchTarball) env.CAMEO_LIBTORCH = locateLibtorch().folder;

/** Does one phase, and prints a line about what came of it. */
function phase(name, work) {
  const start = performance.now();
  const outcome = work();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${name.padEnd(8)} ${seconds.padStart(7)} s  ${outcome}`);
}

const megabytes = (file) => `${(statSync(file).size / 1e6).toFixed(1)} MB`;

function cameo(...args) {
  const command = join(project, "node_modules", ".bin", "cameo");
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: project, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`cameo ${args[0]}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
  return stdout;
}

function pack() {
  npm(["pack", "--silent", "--pack-destination", folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  return join(folder, tarball);
}

function makeVideo() {
  cameo("demo", "--quiet");
  const video = join(project, "out.mp4");
  const head = Buffer.alloc(12);
  readSync(openSync(video, "r"), head);
  if (head.toString("latin1", 4, 8) !== "ftyp") throw new Error("out.mp4 is no MP4 file");
  return `out.mp4, ${(statSync(video).size / 1000).toFixed(0)} kB`;
}

try {
  let tarball;
  phase("pack", () => {
    tarball = pack();
    return megabytes(tarball);
  });
  phase("install", () => {
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), "{}");
    npm(
      ["install", "--no-audit", "--no-fund", tarball, ...(libtorchTarball ? [libtorchTarball] : [])],
      project,
      env,
    );
    if (existsSync(join(project, "node_modules/cameo/build"))) throw new Error("the addon was compiled");
    return `${readdirSync(join(project, "node_modules")).length} packages and scopes`;
  });
  phase("libtorch", () => {
    const { source, version } = JSON.parse(cameo("libtorch", "path", "--json"));
    return `${version} (${source})`;
  });
  phase("doctor", () => cameo("doctor").match(/^.*run cpu.*$/m)?.[0] ?? "");
  phase("video", makeVideo);
} catch (error) {
  console.error(`fresh environment: ${error.message}`);
  process.exitCode = 1;
} finally {
  if (options.keep) console.log(folder);
  else rmSync(folder, { recursive: true });
}
