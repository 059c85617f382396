import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "tap";
import { checkRequest, completeRequest } from "#ts/options/sample.js";
import { description } from "../../support/description.js";

const schedulerOf = (scheduler: unknown) =>
  completeRequest({ prompt: "", reference: "a.png", scheduler: scheduler as string }, description).scheduler;

test("what is no scheduler is refused before a model is loaded, and says why", (t) => {
  const folder = t.testdir({
    "array.json": "[]",
    "null.json": "null",
    "text.json": "steps: 5",
    "large.json": " ".repeat(4_000_001),
    // Quadratic where each quote is tried as the start of a string: it would take many minutes.
    "open.json": `"${'\\"'.repeat(300_000)}`,
  });
  const fifo = join(folder, "fifo.json");
  execFileSync("mkfifo", [fifo]);
  const wrong: [scheduler: unknown, message: RegExp][] = [
    ["", /must be "ddim", .*, the path of a scheduler_config\.json or what is in one$/],
    [" ddim", /must be "ddim"/],
    ["DDIM", /must be "ddim"/],
    [pathToFileURL(join(folder, "array.json")), /must be "ddim"/],
    [[], /must be "ddim"/],
    [folder, /it is not a file; name a scheduler_config\.json$/],
    [fifo, /it is not a file/],
    ["/dev/zero", /it is not a file/],
    [join(folder, "none.json"), /it can't be read; is it there\?$/],
    ["a\0.json", /it can't be read/],
    [join(folder, "large.json"), /it has 4000001 bytes, too many/],
    [join(folder, "text.json"), /it is not valid JSON$/],
    [join(folder, "open.json"), /it is not valid JSON$/],
    [join(folder, "array.json"), /it is not an object/],
    [join(folder, "null.json"), /it is not an object/],
  ];
  for (const [scheduler, message] of wrong) {
    const check = () => checkRequest({ prompt: "", scheduler: scheduler as string });
    t.throws(check, { code: "ERR_INVALID_OPTION", message: /^scheduler\b/ });
    t.throws(check, { message });
  }
  t.end();
});

test("a config has what JSON can say, and infinite numbers", (t) => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  for (const eta of [1n, () => 1, Symbol("x"), new Map(), new Float32Array(3), cyclic, [undefined]]) {
    const check = () => checkRequest({ prompt: "", scheduler: { _class_name: "DDIMScheduler", eta } });
    t.throws(check, {
      code: "ERR_INVALID_OPTION",
      message: /^scheduler\.eta: .* is not allowed; it must be a number/,
    });
  }
  const given = {
    eta: Number.NaN,
    lambda_min_clipped: Number.NEGATIVE_INFINITY,
    a: [null, { b: true }],
    c: undefined,
  };
  t.strictSame(schedulerOf(given), { eta: "NaN", lambda_min_clipped: "-Infinity", a: [null, { b: true }] });
  t.end();
});

test("a complete request has a config of its own, as it was when it was asked", (t) => {
  const path = join(
    t.testdir({ "scheduler_config.json": '{"lambda_min_clipped":-Infinity,"a":"NaN"}' }),
    "scheduler_config.json",
  );
  const ofFile = schedulerOf(path);
  writeFileSync(path, "{}");
  t.strictSame(ofFile, { lambda_min_clipped: "-Infinity", a: "NaN" });
  const given = { _class_name: "DDIMScheduler", trained_betas: [0.1, 0.2] };
  const ofObject = schedulerOf(given);
  given.trained_betas[0] = 9;
  t.strictSame(ofObject, { _class_name: "DDIMScheduler", trained_betas: [0.1, 0.2] });
  for (const scheduler of [ofFile, ofObject]) t.strictSame(structuredClone(scheduler), scheduler);
  t.end();
});
