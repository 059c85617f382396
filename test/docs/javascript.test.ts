// Slow: it runs the documentation's programs.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { bareNode } from "../support/environment.js";
import { writeExampleFolder } from "../support/example_folder.js";
import { fencedBlocks } from "../support/markdown.js";

const folder = await writeExampleFolder("docs-javascript");
const extensions: Record<string, string> = { js: ".mjs", cjs: ".cjs", ts: ".mts" };
const programs = Object.entries(extensions).flatMap(([language, extension]) =>
  fencedBlocks(language).map(({ text, place }, i) => ({ place, text, file: `${language}${i}${extension}` })),
);

/** The strictest that a reader may have set, but for what is about code that no one calls. */
const compilerOptions = {
  ...{ target: "es2022", module: "nodenext", moduleResolution: "nodenext", types: ["node"] },
  ...{ lib: ["es2023", "esnext.disposable", "dom"], strict: true, exactOptionalPropertyTypes: true },
  ...{ allowJs: true, checkJs: true, skipLibCheck: true, outDir: "compiled", rootDir: "." },
};

function run(args: string[], cwd: string) {
  const [command, ...node] = bareNode;
  const { status, stdout, stderr } = spawnSync(command, [...node, ...args], { cwd, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

test("every program in the documentation has the right types", (t) => {
  t.ok(programs.length > 1);
  for (const { text, file } of programs) writeFileSync(join(folder, file), text);
  const files = programs.map(({ file }) => file);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const { status, output } = run(["node_modules/typescript/bin/tsc", "-p", folder], ".");
  t.equal(status, 0, output);
  t.end();
});

for (const { place, file } of programs) {
  test(`the program at ${place} runs`, (t) => {
    // JavaScript as it stands: nothing that only the compiler makes of it may be needed.
    const program = file.endsWith(".mts") ? join("compiled", file.replace(".mts", ".mjs")) : file;
    const { status, output } = run([program], folder);
    t.equal(status, 0, output);
    t.end();
  });
}

test("they leave what they say", (t) => {
  for (const made of ["out.mp4", "runs/new/metrics.jsonl"]) t.ok(existsSync(join(folder, made)), made);
  t.end();
});
