import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Test, test } from "tap";
import { bareNode } from "../support/environment.js";
import { fuzz, type Limits } from "../support/fuzz/drive.js";
import { type Input, inputsOf, kinds, shares } from "../support/fuzz/inputs.js";

/** Reads inputs a, b and c with a program that does `atB` at b, before it has read it. */
async function fuzzWith(t: Test, atB: string, limits: Partial<Limits> = {}, expected?: Input["expected"]) {
  const program = `
    const [folder] = process.argv.slice(1);
    for (const name of require("node:fs").readdirSync(folder).sort()) {
      let outcome = "ERR_MEDIA";
      if (name === "b") { ${atB} }
      require("node:fs").writeSync(1, name + " " + outcome + "\\n");
    }`;
  const [command, ...node] = bareNode;
  const reader = { command, args: [...node, "-e", program], env: process.env };
  const folder = t.testdir();
  async function* inputs(): AsyncGenerator<Input> {
    for (const name of ["a", "b", "c"]) {
      const input = { name, content: Buffer.from(name) };
      yield name === "b" && expected ? { ...input, expected } : input;
    }
  }
  const kept = join(folder, "kept");
  const report = await fuzz("film", inputs(), {
    reader,
    limits: { megabytes: 2000, seconds: 60, ...limits },
    folder: join(folder, "work"),
    kept,
  });
  return { report, kept };
}

test("what a reader does wrong is found, its input kept, and the rest read", async (t) => {
  for (const [wrong, why, limits, expected] of [
    ["process.abort();", /ended with SIGABRT/],
    ["process.exit(3);", /ended with 3/],
    ['outcome = "undefined";', /the error is undefined/],
    ['outcome = "ERR_MEDIA, in several lines";', /in several lines/],
    ['outcome = "read";', /it is read/, {}, "refused"],
    ["", /it is refused/, {}, "read"],
    ["for (;;);", /took more than 0.5 s/, { seconds: 0.5 }],
    ["Buffer.alloc(9e8, 1); for (;;);", /it took \d+ MB/, { megabytes: 500 }],
  ] as [string, RegExp, Partial<Limits>?, Input["expected"]?][]) {
    const { report, kept } = await fuzzWith(t, wrong, limits, expected);
    t.strictSame(
      report.failures.map(({ name }) => name),
      ["b"],
      wrong,
    );
    t.match(report.failures[0]?.why, why);
    t.ok(report.read + report.refused >= 2, `${wrong} a and c are read`);
    t.equal(readFileSync(join(kept, "b"), "utf8"), "b");
    t.notOk(existsSync(join(kept, "a")));
  }
});

test("where nothing is wrong nothing is reported", async (t) => {
  const { report, kept } = await fuzzWith(t, "");
  t.match(report, { read: 0, refused: 3, failures: [] });
  t.notOk(existsSync(kept));
});

async function namesAndBytes(t: Test, kind: (typeof kinds)[number], seed: number): Promise<string[]> {
  const inputs: string[] = [];
  for await (const { name, content } of inputsOf(kind, { seed, count: 40, folder: t.testdir() })) {
    const files = Buffer.isBuffer(content) ? { "": content } : content;
    inputs.push(
      `${name}: ${Object.entries(files)
        .map(([path, file]) => path + file.toString("base64"))
        .join()}`,
    );
  }
  return inputs;
}

test("inputs are the same for the same seed, and others for another", async (t) => {
  for (const kind of kinds) {
    const first = await namesAndBytes(t, kind, 1);
    t.equal(first.length, 40);
    t.strictSame(await namesAndBytes(t, kind, 1), first, kind);
    const drawn = (inputs: string[]) => inputs.map((input) => input.replace(/^\S+ /, "")).slice(-20);
    t.notSame(drawn(await namesAndBytes(t, kind, 2)), drawn(first), kind);
  }
});

test("shares add up", (t) => {
  t.strictSame(shares(10, 3), [3, 3, 4]);
  t.strictSame(
    shares(2, 7).reduce((sum, share) => sum + share),
    2,
  );
  t.end();
});
