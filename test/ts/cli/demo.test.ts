// Slow: it samples with the model that ships.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Test, test } from "tap";
import { bareEnvironment, npm } from "../../support/package.js";

const main = resolve("dist/cli/main.js");
const picture = resolve("examples/critter.png");
const short = ["--steps", "1", "--frames", "2"];

function run(folder: string, command: string, args: string[]) {
  return spawnSync(command, args, { cwd: folder, encoding: "utf8" });
}

function emptyFolder(t: Test, parent: string): string {
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "cameo demo "));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("makes a video in any folder, of the picture that comes with it", async (t) => {
  const folder = emptyFolder(t, tmpdir());
  const { status, stdout, stderr } = run(folder, process.execPath, [main, "demo", ...short]);
  t.equal(status, 0, stderr);
  t.equal(stdout, "out.mp4\n");
  t.strictSame(readdirSync(folder), ["out.mp4"]);
  t.equal(readFileSync(join(folder, "out.mp4")).toString("latin1", 4, 8), "ftyp");
  t.notMatch(stderr, "warning", "the model knows the picture");
});

test("is what cameo sample makes of that picture, and takes its options", async (t) => {
  const folder = emptyFolder(t, tmpdir());
  const demo = run(folder, process.execPath, [main, "demo", ...short, "--quiet", "-o", "demo.apng"]);
  t.strictSame([demo.status, demo.stderr], [0, ""]);
  const given = ["--reference", picture, "--prompt", "a critter runs on a beach", "--seed", "42"];
  const sample = run(folder, process.execPath, [main, "sample", ...given, ...short, "-o", "sample.apng"]);
  t.equal(sample.status, 0, sample.stderr);
  const made = (name: string) => readFileSync(join(folder, name));
  t.ok(made("demo.apng").equals(made("sample.apng")));
  const wrong = run(folder, process.execPath, [main, "demo", "--steps", "0"]);
  t.equal(wrong.status, 2);
  t.match(wrong.stderr, /^cameo: --steps: 0 is not allowed/);
  t.equal(
    run(folder, process.execPath, [main, "demo", "--base", "sd15"]).status,
    2,
    "it is of the model that ships",
  );
});

test("ends with a command that works as it is typed", async (t) => {
  const folder = emptyFolder(t, "build/demo");
  const { status, stderr } = run(folder, process.execPath, [main, "demo", ...short]);
  t.equal(status, 0, stderr);
  const [next = "", studio] = [...stderr.matchAll(/^ {2}(npx cameo .*)$/gm)].map(([, line]) => line);
  t.equal(studio, "npx cameo studio");
  const ended = run(folder, "sh", ["-c", `${next} ${short.join(" ")}`]);
  t.equal(ended.status, 0, ended.stderr);
  t.equal(ended.stdout, "out2.mp4\n");
});

test("npx runs a clone's own program at once: nothing is fetched or built", async (t) => {
  const folder = t.testdir({});
  // No compiler, no Python, no cache of npm, no network.
  const env = {
    ...bareEnvironment(folder),
    npm_config_cache: join(folder, "npm"),
    npm_config_offline: "true",
  };
  for (const cwd of [".", "examples", "build"]) {
    const { stdout, stderr } = npm(["exec", "--", "cameo", "--version"], cwd, env);
    t.match(stdout, /^\d+\.\d+\.\d+$/m, stderr);
  }
});
