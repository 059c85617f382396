// Slow: it runs the scripts.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { allCommands, scriptOf } from "../support/documented_commands.js";
import { bareNode } from "../support/environment.js";
import { writeSmallModel } from "../support/small_model.js";

const out = "build/fixtures/scripts";
const films = join(out, "films");
const { base, motion = "", subject = "" } = writeSmallModel("scripts");
const smallModel = ["--base", base, "--motion", motion, "--subject", subject];

/** But for those of recipes, which are made in test/examples/recipes.test.ts. */
const sheets = ["films", "inpainting", "subjects"];

/** How each script is run, as small as can be, in this order; or where else it is, by which words. */
const runs: Record<string, string[] | { in: string; words: string }> = {
  "scripts/check-release.mjs": { in: "test/docs/release.test.ts", words: "scripts/check-release.mjs" },
  "scripts/check.mjs": { in: ".ci/run", words: "npm run check" },
  "scripts/cli-docs.mjs": ["--check"],
  "scripts/fuzz-asan.mjs": ["--inputs", "140", "--without-sanitizers"],
  "scripts/gpu-day.sh": { in: "test/bench/gpu_day.test.ts", words: "scripts/gpu-day.sh" },
  "scripts/gpu-load.py": { in: "test/bench/gpu_day.test.ts", words: "scripts/gpu-load.py" },
  "scripts/pack-libtorch.mjs": { in: "test/support/package.ts", words: "scripts/pack-libtorch.mjs" },
  "scripts/page.mjs": [],
  "scripts/prepare.mjs": { in: "package.json", words: "node scripts/prepare.mjs" },
  "scripts/sampler-names.mjs": ["--check"],
  "scripts/screenshots.mjs": ["--out", join(out, "pictures"), "--seeds", "1", "--steps", "1"],
  "scripts/sheets.mjs": [join(out, "sheets"), "--steps", "2", ...sheets.flatMap((name) => ["--only", name])],
  "scripts/setup.mjs": { in: "package.json", words: "node scripts/setup.mjs --tests" },
  "scripts/test.mjs": ["ts/duration"],
  "bench/memory.mjs": [...smallModel, "--size", "16", "--frames", "1", "--steps", "1", "--times", "1"],
  "build/weights/troupe/world/draw.js": [join(out, "world"), "--clips", "2", "--size", "64"],
  "build/weights/troupe/measure/sample.js": [films, "--cases", "1", "--drawn"],
  "build/weights/troupe/measure/films.js": [films, join(out, "page")],
  "build/weights/troupe/measure/less_work.js": ["--help"],
  "build/weights/troupe/ablation/run.js": ["--help"],
};

/** As a shell has it: what a test runner tells its tests isn't for them. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("TAP")),
);

function run(...[program, ...args]: readonly [string, ...string[]]) {
  return spawnSync(program, args, { encoding: "utf8", env: environment });
}

const documented = new Set(allCommands.flatMap(({ words }) => scriptOf(words) ?? []));
const ours = readdirSync("scripts").map((name) => `scripts/${name}`);

test("every script that is ours or is documented is run", (t) => {
  const scripts = new Set([
    ...ours,
    ...[...documented].filter((script) => /^(scripts|bench|build)\//.test(script)),
  ]);
  for (const script of scripts) t.ok(script in runs, `${script}: say above how it is run`);
  t.end();
});

for (const [script, how] of Object.entries(runs)) {
  if (!Array.isArray(how)) {
    test(`${script} is run in ${how.in}`, (t) => {
      t.ok(readFileSync(how.in, "utf8").includes(how.words));
      t.end();
    });
    continue;
  }
  const chrome = process.env.CHROME_PATH ?? "/usr/bin/chromium";
  const skip =
    script.includes("screenshots") && run(chrome, "--version").status !== 0 && "there is no browser";
  test(`${script} ${how.join(" ")} runs`, { skip }, (t) => {
    const { status, stdout, stderr } = run(...bareNode, script, ...how);
    t.equal(status, 0, `${stdout}${stderr}`);
    t.end();
  });
}

test("the fast tier is all files but those that say that they are slow", (t) => {
  const list = (...args: string[]) =>
    run(...bareNode, "scripts/test.mjs", "--list", ...args)
      .stdout.trim()
      .split("\n");
  const all = list();
  const slow = all.filter((file) => readFileSync(join("test", file), "utf8").startsWith("// Slow: "));
  t.ok(slow.length > 0 && slow.length < all.length / 2, `${slow.length} of ${all.length}`);
  t.strictSame(
    list("--fast"),
    all.filter((file) => !slow.includes(file)),
  );
  t.strictSame(list("--fast", "ts/duration"), ["ts/duration.test.ts"]);
  t.end();
});

test("Python's scripts start, or lack a package that is not the project's", (t) => {
  const scripts = [...documented].filter((script) => script.endsWith(".py"));
  t.ok(scripts.length > 2);
  for (const script of scripts) {
    const parsed = run("python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())", script);
    t.equal(parsed.status, 0, `${script}: ${parsed.stderr}`);
    const { stderr } = run("python3", "-B", script, "--help");
    const lacks =
      /ModuleNotFoundError: No module named '(numpy|torch|transformers|diffusers|safetensors|PIL)/;
    t.ok(!stderr.includes("Traceback") || lacks.test(stderr), `${script}: ${stderr}`);
  }
  t.end();
});
