import { readFileSync } from "node:fs";
import { test } from "tap";
import { cameo, events } from "../../support/command.js";

const { version } = JSON.parse(readFileSync("package.json", "utf8"));

test("--version and --help", async (t) => {
  t.match(await cameo(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await cameo(["--help"]);
  t.match(help, { code: 0, stderr: "" });
  for (const command of ["sample", "plot", "inspect", "doctor", "bench", "libtorch"])
    t.match(help.stdout, `  ${command} `);
});

test("every command has help, with examples where there are flags to combine", async (t) => {
  for (const command of ["sample", "plot", "inspect", "doctor", "bench", "libtorch"]) {
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
      message: "required option '-p, --prompt <text>' not specified",
    },
  ]);
});
