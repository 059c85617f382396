// Slow: it runs the command line again and again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { cameo, events } from "../../support/command.js";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

test("--version and --help", async (t) => {
  t.match(await cameo(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await cameo(["--help"]);
  t.match(help, { code: 0, stderr: "" });
  for (const command of ["demo", "sample", "plot", "inspect", "doctor", "bench", "models", "libtorch"])
    t.match(help.stdout, `  ${command} `);
});

test("every command has help, with examples where there are flags to combine", async (t) => {
  for (const command of ["demo", "sample", "plot", "inspect", "doctor", "bench", "models", "libtorch"]) {
    const { code, stdout } = await cameo([command, "--help"]);
    t.equal(code, 0);
    t.match(stdout, `Usage: cameo ${command}`);
  }
  const { stdout } = await cameo(["sample", "--help"]);
  t.match(stdout, /\n {2}\$ cameo sample --base .*\n/);
});

test("without a command it shows the help, as wrong usage", async (t) => {
  const { code, stdout, stderr } = await cameo([]);
  t.equal(code, 2);
  t.equal(stdout, "");
  t.match(stderr, /^Usage: cameo /);
});

test("wrong commands and flags are one line and exit code 2", async (t) => {
  const wrong: [string[], RegExp][] = [
    [["smaple"], /^cameo: unknown command 'smaple' \(Did you mean sample\?\)\n$/],
    [["--verson"], /^cameo: unknown option '--verson' \(Did you mean --version\?\)\n$/],
    [["libtorch", "instal"], /^cameo: unknown command 'instal' \(Did you mean install\?\)\n$/],
    [["doctor", "--x"], /^cameo: unknown option '--x'\n$/],
  ];
  for (const [args, message] of wrong) {
    const { code, stderr } = await cameo(args);
    t.equal(code, 2);
    t.match(stderr, message);
  }
});

test("--json says on stdout what is wrong, too", async (t) => {
  const result = await cameo(["sample", "--json"]);
  t.equal(result.code, 2);
  t.strictSame(events(result), [
    {
      event: "error",
      code: "ERR_INVALID_OPTION",
      message: "required option '-o, --output <file>' not specified",
    },
  ]);
});

const inspect = ["inspect", "weights/troupe/subject.safetensors", "--keys"];

test("work goes on when nobody reads what it says", async (t) => {
  const output = join(t.testdir({}), "out.webp");
  const demo = ["demo", "--steps", "1", "--frames", "2", "-o", output];
  for (const unread of ["stdout", "stderr"] as const) {
    const child = spawn(process.execPath, ["dist/cli/main.js", ...demo], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const other = unread === "stdout" ? child.stderr : child.stdout;
    let text = "";
    other.on("data", (part) => {
      text += part;
    });
    child[unread].destroy();
    const [code] = await once(child, "close");
    t.equal(code, 0, `${unread}: ${text}`);
    t.ok(existsSync(output));
    if (unread === "stderr") t.equal(text, `${output}\n`);
  }
});

const full = "/dev/full";
const skip = existsSync(full) ? false : `there is no ${full}`;

test("output that can't be written is a failure, in one line", { skip }, async (t) => {
  for (const args of [["--version"], inspect, ["sample", "--help"]]) {
    const stdio = ["ignore", openSync(full, "w"), "pipe"] as const;
    const child = spawn(process.execPath, ["dist/cli/main.js", ...args], { stdio: [...stdio] });
    let stderr = "";
    child.stderr?.on("data", (part) => {
      stderr += part;
    });
    const [code] = await once(child, "close");
    t.equal(code, 1, args.join(" "));
    t.equal(stderr, "cameo: the output can't be written: the disk is full\n", args.join(" "));
  }
});
