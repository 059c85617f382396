// Slow: it runs the recipes.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import { readVideoMetadata } from "#ts/media/index.js";
import { bareNode } from "../support/environment.js";

/** The recipes, with what each leaves in its folder, in the order in which it says so. */
const recipes: Record<string, string[]> = {
  "chain.mjs": ["chain-picture.png", "chain-film.mp4", "chain.mp4"],
  "customise.mjs": ["customise/clips/0.mp4", "customise/clips/1.mp4", "customise.mp4"],
  "image-to-video.mjs": ["image-to-video.mp4"],
  "interpolate.mjs": ["interpolate.mp4"],
  "mask.mjs": ["mask-before.mp4", "mask.mp4"],
  "render.mjs": ["render-before.webp", "render.mp4"],
  "storyboard.mjs": ["storyboard-before.webp", "storyboard.mp4"],
  "stylise.mjs": ["stylise-before.mp4", "stylise.mp4"],
  "text-and-image.mjs": ["text-and-image-critter.mp4", "text-and-image-critter-2.mp4"],
  "text-to-video.mjs": ["text-to-video.mp4"],
  "upscale.mjs": ["upscale.mp4"],
};

const folder = "build/fixtures/recipes";
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
const lacks = (recipe: string) => recipe === "interpolate.mjs" && !hasFfmpeg && "there is no ffmpeg";

function start(script: string, args: string[]) {
  const [command, ...node] = bareNode;
  return spawn(command, [...node, script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

async function run(script: string, args: string[]) {
  const child = start(script, args);
  const out = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (text) => {
      out[name] += text;
    });
  const [code] = await once(child, "close");
  return { code, ...out };
}

t.test("docs/recipes.md has every recipe, and they are all run here", async (t) => {
  const page = readFileSync("docs/recipes.md", "utf8");
  const shared = readdirSync("examples").filter(
    (name) =>
      name.endsWith(".mjs") && readFileSync(join("examples", name), "utf8").includes(' from "./recipe.mjs"'),
  );
  t.same(shared.sort(), Object.keys(recipes));
  for (const recipe of shared) t.ok(page.includes(`(../examples/${recipe})`), recipe);
});

for (const [recipe, files] of Object.entries(recipes)) {
  t.test(`${recipe} makes what it says`, { skip: lacks(recipe) }, async (t) => {
    const { code, stdout, stderr } = await run(`examples/${recipe}`, [folder, "--steps", "2"]);
    t.equal(code, 0, stderr);
    const paths = files.map((name) => join(folder, name));
    t.same(stdout.trim().split("\n"), paths);
    // Drawings by hand say nothing.
    for (const path of paths.filter((path) => !path.endsWith("-before.webp")))
      t.match(await readVideoMetadata(path), { software: /^cameo / }, path);
  });
}

t.test("the documentation's sheets of them are made of these films", async (t) => {
  const args = ["--only", "recipes", "--only", "length", "--recipes", folder, "--steps", "2"];
  const { code, stdout, stderr } = await run("scripts/sheets.mjs", [folder, ...args]);
  t.equal(code, 0, stderr);
  const made = ["recipes.webp", "length.webp"].map((name) => `${join(folder, name)}\n`);
  t.equal(stdout, made.join(""), "no recipe was run again");
});

/** While what it says the signal comes, of each kind of work. */
const interrupted = {
  "text-to-video.mjs": "denoise",
  "upscale.mjs": "decode",
  "interpolate.mjs": "denoise",
  "customise.mjs": "train",
};

for (const [recipe, phase] of Object.entries(interrupted)) {
  t.test(`${recipe} ends at Ctrl-C while it says ${phase}`, { skip: lacks(recipe) }, async (t) => {
    const folder = t.testdir();
    const child = start(`examples/${recipe}`, [folder, "--steps", "4"]);
    t.teardown(() => child.kill("SIGKILL"));
    const closed = once(child, "close");
    let errors = "";
    for await (const line of createInterface({ input: child.stderr })) {
      if (line.startsWith(phase)) child.kill("SIGINT");
      else if (!/^[a-z]+ \d+\/\d+$/.test(line)) errors += line;
    }
    t.same([await closed, errors], [[130, null], ""]);
    t.notOk(existsSync(join(folder, recipe.replace(".mjs", ".mp4"))));
  });
}
