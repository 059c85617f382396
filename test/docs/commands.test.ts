// Slow: it samples and trains by every command that is shown.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { test } from "tap";
import { usageError } from "../support/command_line.js";
import {
  allCommands as all,
  type DocumentedCommand,
  inBlocks,
  inHelp,
  inProse,
  scriptOf,
} from "../support/documented_commands.js";
import { writeExampleFolder } from "../support/example_folder.js";
import { filesOf } from "../support/hub_files.js";
import { HubServer } from "../support/hub_server.js";
import { fencedBlocks } from "../support/markdown.js";
import { shellCommands } from "../support/shell.js";

/** Programs of others, whose options are theirs to check. */
const others = [
  "pip",
  "python",
  "git",
  "for",
  "done",
  "unzip",
  "ffmpeg",
  "ffprobe",
  "docker",
  "apt",
  "tar",
  "mkdir",
  "gh",
];
const npmCommands = [
  "audit",
  "ci",
  "install",
  "install-scripts",
  "pack",
  "publish",
  "rebuild",
  "start",
  "test",
  "uninstall",
  "version",
];

/** The manifest that a document's `npm run` is about. */
function scriptsFor(place: string): Record<string, string> {
  const document = place.replace(/:\d+$/, "");
  const own = join(dirname(document), "package.json");
  const manifest = existsSync(own) ? own : "package.json";
  return JSON.parse(readFileSync(manifest, "utf8")).scripts ?? {};
}

function wrong({ words, place }: DocumentedCommand): string | undefined {
  const [program = "", ...args] = words;
  if (program === "cameo") return usageError(args);
  if (program === "npm" && args[0] === "run") {
    return scriptsFor(place)[args[1] ?? ""] ? undefined : `npm has no script ${args[1]}`;
  }
  if (program === "npm") return npmCommands.includes(args[0] ?? "") ? undefined : `npm has no ${args[0]}`;
  const script = scriptOf(words);
  if (script) {
    return [".", "examples"].some((folder) => existsSync(join(folder, script))) ? undefined : `no ${script}`;
  }
  return others.includes(program) ? undefined : `${program} is not known`;
}

test("every command in the documentation is one", (t) => {
  t.ok(inBlocks.length > 20 && inHelp.length > 10 && inProse.length > 10);
  for (const command of all)
    t.equal(wrong(command), undefined, `${command.place}: ${command.words.join(" ")}`);
  t.end();
});

test("a wrong command is found", (t) => {
  for (const line of [
    "cameo smaple",
    "cameo sample --prompt x -o x.mp4 --frame 3",
    "cameo sample --frames 3",
    "npm run nothing",
    "node scripts/nothing.mjs",
    "camoe sample",
  ])
    for (const words of shellCommands(line)) t.ok(wrong({ words, place: "README.md:1" }), line);
  t.end();
});

test("every recipe that is trained is there, or among the examples", (t) => {
  const recipes = all.flatMap(({ words }) =>
    words.filter((word) => /\.jsonc?$/.test(word) && words[1] === "train"),
  );
  t.ok(recipes.length > 0);
  for (const recipe of recipes)
    t.ok(existsSync(recipe) || existsSync(join("examples/train", basename(recipe))), recipe);
  t.end();
});

test("blocks say what they are, and none hides a command", (t) => {
  const known = ["", "cjs", "js", "json", "sh", "text", "ts"];
  for (const { language, text, place } of fencedBlocks()) {
    t.ok(known.includes(language), `${place}: ${language}`);
    if (language !== "sh") t.notMatch(text, /^(npx |npm |cameo [a-z]+ |node )/m, place);
  }
  t.end();
});

/** The different commands that the documentation shows in full, without the program's name. */
function complete(command: string): string[][] {
  const shown = all.filter(({ words }) => words[1] === command && !words.includes("..."));
  const lines = new Set(
    shown.map(({ words: [program, ...args], place }) => {
      if (program !== "cameo") throw new Error(`${place}: ${program} runs ${command}`);
      return JSON.stringify(args);
    }),
  );
  return [...lines].map((line) => JSON.parse(line));
}

function cameo(folder: string, args: readonly string[]) {
  return spawnSync(process.execPath, [resolve("dist/cli/main.js"), ...args], {
    cwd: folder,
    encoding: "utf8",
  });
}

/** The same, while this process answers for the hub. */
async function cameoWithHub(folder: string, args: readonly string[], hub: HubServer) {
  const env = { ...process.env, ...hub.environment(join(folder, "huggingface")) };
  const child = spawn(process.execPath, [resolve("dist/cli/main.js"), ...args], { cwd: folder, env });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  child.stdout.resume();
  const [status] = await once(child, "close");
  return { status, stderr };
}

test("the sampling that is shown works, with small models in the places of the large ones", async (t) => {
  const folder = await writeExampleFolder("docs-commands");
  await using hub = await HubServer.start();
  hub.add("SG161222/Realistic_Vision_V5.1_noVAE", filesOf(join(folder, "sd15")));
  hub.add("guoyww/animatediff-motion-adapter-v1-5-3", filesOf(join(folder, "motion-adapter")));
  const commands = complete("sample");
  t.ok(commands.length > 2);
  for (const args of commands) {
    const line = args.join(" ");
    const ships = !args.includes("--base");
    const isVideo = ships || args.includes("--motion");
    const small = [
      ...["--steps", "2"],
      ...(ships ? [] : ["--size", "64x64"]),
      ...(isVideo && !args.includes("--video") && !args.includes("--frames") ? ["--frames", "2"] : []),
    ];
    const isVace = args.some((arg) => arg.includes("VACE"));
    const subject = ships || isVace || args.includes("--subject") || !args.includes("--reference");
    t.ok(subject, `${line} names a subject model for its reference`);
    const { status, stderr } = await cameoWithHub(folder, [...args, ...small], hub);
    t.equal(status, 0, `${line}: ${stderr}`);
    const isMade = existsSync(join(folder, args[args.indexOf("-o") + 1] ?? ""));
    t.equal(isMade, !args.includes("--dry-run"), line);
  }
});

test("the demo that is shown works, in an empty folder", async (t) => {
  const folder = t.testdir({});
  const commands = complete("demo");
  t.ok(commands.length > 1);
  for (const args of commands) {
    const { status, stdout, stderr } = cameo(folder, [...args, "--steps", "1", "--frames", "2"]);
    t.equal(status, 0, `${args.join(" ")}: ${stderr}`);
    t.ok(existsSync(join(folder, stdout.trim())), args.join(" "));
  }
});

test("the training that is shown works, and the curves of its runs", async (t) => {
  const folder = await writeExampleFolder("docs-training");
  const resumed = ["train", "people.jsonc", "--resume"];
  for (const args of [["train", "people.jsonc"], resumed]) {
    t.ok(
      complete("train").some((shown) => shown.join() === args.join()),
      args.join(" "),
    );
    const { status, stderr } = cameo(folder, args);
    t.equal(status, 0, `${args.join(" ")}: ${stderr}`);
  }
  for (const args of complete("plot")) {
    for (const run of args.filter((arg) => arg.startsWith("runs/"))) {
      if (run !== "runs/new") cpSync(join(folder, "runs/new"), join(folder, run), { recursive: true });
    }
    const { status, stderr } = cameo(folder, args);
    t.equal(status, 0, `${args.join(" ")}: ${stderr}`);
  }
});

test("what is shown of the machine and of libtorch works", (t) => {
  for (const args of [...complete("doctor"), ["libtorch", "path"]]) {
    const { status, stdout, stderr } = cameo(".", args);
    t.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`);
  }
  t.end();
});
