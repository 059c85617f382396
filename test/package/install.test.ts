// Slow: it packs and installs the package.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import t from "tap";
import { locateLibtorch } from "#ts/libtorch/index.js";
import { bareEnvironment, installLibtorchPackage, npm, pack } from "../support/package.js";
import { writeSmallModel } from "../support/small_model.js";

const model = writeSmallModel("package");
const paths = Object.fromEntries(Object.entries(model).map(([name, path]) => [name, resolve(path)]));
const { tarball, files } = pack({ prebuild: true });
const folder = t.testdir();
const env = bareEnvironment(folder);
const environmentLibtorch: NodeJS.ProcessEnv = { ...env, CAMEO_LIBTORCH: locateLibtorch().folder };

/** Loads a model, makes a video and prints how many bytes its frames have. */
const sample = `
  const pipe = await Pipeline.load(${JSON.stringify({ ...paths, device: "cpu" })});
  const reference = { data: new Uint8Array(64 * 64 * 3), width: 64, height: 64 };
  const size = { frames: 2, width: 64, height: 64 };
  const video = await pipe.sample({ prompt: "a man", reference, ...size, steps: 1, seed: 1 });
  await video.save(process.argv[2]);
  await pipe.close();
  console.log(video.frames.length);`;
const frameBytes = `${2 * 64 * 64 * 3}\n`;

/** A user's project that has installed the tarball. */
function install(name: string, flags: string[] = [], from = tarball): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), "{}");
  writeFileSync(join(project, "sample.mjs"), `import { Pipeline } from "cameo";${sample}`);
  writeFileSync(
    join(project, "sample.cjs"),
    `const { Pipeline } = require("cameo"); (async () => {${sample}})();`,
  );
  const quick = ["--no-audit", "--no-fund", "--prefer-offline", "--omit=optional"];
  npm(["install", ...quick, ...flags, from], project, env);
  return project;
}

function run(project: string, args: string[], variables = environmentLibtorch) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: project,
    env: variables,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const cli = "node_modules/cameo/dist/cli/main.js";

t.test("has what users need and no more", async (t) => {
  for (const needed of ["README.md", "LICENSE", "CMakeLists.txt", "binding.gyp", "native/build.mjs"])
    t.ok(files.includes(needed), needed);
  for (const needed of [
    "native/platform.cmake",
    "dist/index.js",
    "dist/index.d.ts",
    "weights/troupe/model.json",
    "examples/critter.png",
  ])
    t.ok(files.includes(needed), needed);
  const extra =
    /^(test|ts|build|bench|scripts|\.)|tsbuildinfo$|^weights\/troupe\/(world|recipes|measure|ablation)/;
  t.same(
    files.filter((file) => extra.test(file)),
    [],
  );
});

t.test("installs without compiler, cmake, Python and libtorch, and says what is missing", async (t) => {
  const project = install("ein Ordner für Ωμέγα");
  const { status, stdout } = run(project, [cli, "doctor"], env);
  t.equal(status, 1);
  t.match(stdout, /^missing libtorch .*run `npx cameo libtorch install`/m);
  // Newer npm asks before it runs a package's scripts, and so may not have.
  const script = run(join(project, "node_modules/cameo"), ["native/build.mjs", "--install"], env);
  t.equal(script.status, 0);
  t.match(script.stderr, /^cameo is installed, but: .*`npx cameo libtorch install`/);
  t.notOk(existsSync(join(project, "node_modules/cameo/build")), "nothing was compiled");

  await installLibtorchPackage(join(project, "node_modules"));
  const found = run(project, [cli, "libtorch", "path", "--json"], env);
  t.match(JSON.parse(found.stdout), { source: "package", version: "2.11.0" });
  t.match(run(project, ["sample.mjs", "out.apng"], env), { status: 0, stdout: frameBytes });
  t.ok(existsSync(join(project, "out.apng")));
});

t.test("works with --ignore-scripts, with import and with require", async (t) => {
  const project = install("scriptless", ["--ignore-scripts"]);
  t.match(run(project, ["sample.mjs", "esm.apng"]), { status: 0, stdout: frameBytes });
  t.match(run(project, ["sample.cjs", "cjs.apng"]), { status: 0, stdout: frameBytes });
});

t.test("works where its folder can't be written", async (t) => {
  const project = join(folder, "read-only");
  cpSync(join(folder, "scriptless"), project, { recursive: true });
  const mount = (...args: string[]) => spawnSync("mount", args).status === 0;
  // Permissions don't hold back root, who runs tests in containers; a read-only mount does.
  const mounted = mount("--bind", project, project) && mount("-o", "remount,bind,ro", project);
  t.teardown(() => mounted && spawnSync("umount", ["--lazy", project]));
  if (!mounted && spawnSync("chmod", ["-R", "a-w", project]).status !== 0) throw new Error("chmod failed");
  t.teardown(() => mounted || spawnSync("chmod", ["-R", "u+w", project]));
  t.throws(() => copyFileSync("package.json", join(project, "new.json")), "it really can't be written");
  const out = join(folder, "read-only.apng");
  t.match(run(project, ["sample.mjs", out]), { status: 0, stdout: frameBytes });
});

const skip = process.env.CAMEO_SOURCE_BUILD ? false : "takes minutes: CAMEO_SOURCE_BUILD=1 compiles";

t.test("compiles where no prebuilt addon came with it", { skip }, async (t) => {
  // npm's own run of the script may wait for an approval.
  const project = install("from source", ["--ignore-scripts"], pack({ prebuild: false }).tarball);
  const cameo = join(project, "node_modules/cameo");
  const tools = { ...environmentLibtorch, PATH: process.env.PATH };
  const missing = run(project, ["sample.mjs", "none.apng"]);
  t.match(missing, { status: 1, stderr: /npm rebuild cameo/ });
  t.match(run(cameo, ["native/build.mjs", "--install"]), { status: 1, stderr: /^cameo: cmake is missing/m });
  t.match(run(cameo, ["native/build.mjs", "--install"], tools), { status: 0 });
  t.ok(existsSync(join(cameo, "build/Release/cameo.node")));
  t.notOk(existsSync(join(cameo, ".cmake/release")), "object files are not kept");
  t.match(run(project, ["sample.mjs", "out.apng"]), { status: 0, stdout: frameBytes });
});
