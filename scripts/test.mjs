// Runs the tests and reports on them: `npm test`, or `npm test -- tokenizer` for the files whose path has that in it.
// The last line is `N passed, N failed, N skipped`; a test is a `t.test(...)` at the top level of a file.
//
//   node scripts/test.mjs [--fast] [--list] [PART...]
//
// --fast  without the files that say at their top that they are slow, by a line "// Slow: " and why
// --list  names the files, and runs none
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tap = join(root, "node_modules", ".bin", "tap");
const counts = { passed: 0, failed: 0, skipped: 0 };

/** Files at a time: most of them wait for processes more than they compute. */
const jobs = 2;

/** What takes longer should say that it is slow. */
const slowSeconds = 60;

function isSlow(file) {
  return readFileSync(join(root, "test", file), "utf8").startsWith("// Slow: ");
}

/** By the sources, so that the compiled test of a source that is gone is not run. */
function testFiles(filters, fast) {
  return readdirSync(join(root, "test"), { recursive: true })
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .filter((file) => !fast || !isSlow(file))
    .sort();
}

const compiled = (file) => join("build", "test", file.replace(/\.ts$/, ".js"));
const source = (file) => relative(join("build", "test"), file).replace(/\.js$/, ".ts");

/** A reader of TAP, line by line: counts the tests of each file and prints files, failures and what they say. */
function reporter() {
  const path = [];
  let file = { passed: 0, failed: 0, skipped: 0 };
  let explain = false;
  let diagnosing = false;
  return (line) => {
    const [, indent, text] = line.match(/^( *)(.*)$/);
    const depth = indent.length / 4;
    if (diagnosing || (explain && text === "---")) {
      diagnosing = text !== "...";
      console.log(line);
    }
    const subtest = text.match(/^# Subtest: (.*)$/);
    if (subtest && !diagnosing) path[depth] = subtest[1];
    const point = text.match(/^(not )?ok \d+(?: - (.*?))?(?: # (.*?))?(?: \{)?$/);
    if (!point || diagnosing) return;
    const [, not, name = "", comment = ""] = point;
    const skipped = /^(SKIP|TODO)/i.test(comment);
    const isParent = path.length > depth;
    const failed = Boolean(not) && !skipped;
    explain = failed && (!isParent || (depth === 0 && file.failed === 0));
    if (failed && !isParent) console.log(`FAILED ${[...path, name].join(" > ")}`);
    path.length = depth;
    if (depth === 1) file[skipped ? "skipped" : failed ? "failed" : "passed"]++;
    if (depth > 0) return;
    // A file that failed without a failed test, such as one that crashed, counts as one.
    if (failed && file.failed === 0) file.failed = 1;
    const took = seconds(comment);
    const unmarked = took > slowSeconds && !isSlow(source(name)) ? ", and does not say that it is slow" : "";
    console.log(`${failed ? "FAILED" : "ok"} ${name} (${summary(file)}; ${took.toFixed(1)} s${unmarked})`);
    for (const key of Object.keys(counts)) counts[key] += file[key];
    file = { passed: 0, failed: 0, skipped: 0 };
  };
}

function seconds(comment) {
  return Number(comment.match(/time=([\d.]+)ms/)?.[1] ?? 0) / 1000;
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** The test class that tap generates, for the plugins of .taprc, into its own packages: it is gone when they are installed anew. */
function testClassIsThere() {
  const plugins = join(root, ".tap", "plugins");
  const age = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (age(plugins) > age(join(root, "node_modules", ".package-lock.json"))) return true;
  rmSync(plugins, { recursive: true, force: true });
  return spawnSync(tap, ["build"], { cwd: root }).status === 0;
}

async function runTap(files) {
  // Threads that spin while they wait make small networks many times slower on a machine with other work.
  const env = { OMP_WAIT_POLICY: "passive", ...process.env };
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn(tap, ["--reporter=tap", `--jobs=${jobs}`, ...files], { cwd: root, env, stdio });
  const closed = new Promise((resolve) => child.on("close", resolve));
  const report = reporter();
  for await (const line of createInterface({ input: child.stdout })) report(line);
  return closed;
}

const { values: options, positionals: filters } = parseArgs({
  options: { fast: { type: "boolean" }, list: { type: "boolean" } },
  allowPositionals: true,
});
const files = testFiles(filters, options.fast);
if (files.length === 0) {
  console.error(`no ${options.fast ? "fast " : ""}test file has ${filters.join(" or ")} in its path`);
  process.exit(2);
}
if (options.list) {
  for (const file of files) console.log(file);
  process.exit(0);
}
const code = testClassIsThere() ? await runTap(files.map(compiled)) : 1;
if (code !== 0 && counts.failed === 0) counts.failed = 1;
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
