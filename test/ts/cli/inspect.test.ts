// Slow: it runs the command line again and again.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { cameo } from "../../support/command.js";
import { writeModel } from "../../support/model_folder.js";
import { writeSafetensors } from "../../support/safetensors.js";

const scheduler = { _class_name: "DDIMScheduler" };
const paths = writeModel("build/fixtures/inspect", { motion: "motion", subject: "subject", scheduler });
const subject = paths.subject ?? "";

test("says what a file is, which option takes it, and its first keys", async (t) => {
  const { code, stdout } = await cameo(["inspect", subject]);
  t.equal(code, 0);
  const lines = stdout.split("\n");
  t.match(lines[0], `${subject}: `);
  t.match(lines[1], `loads with  --subject ${subject}`);
  t.match(stdout, /^ {2}format {6}safetensors, 1 file$/m);
  t.match(stdout, /^ {2}size {8}\d+ tensors, [\d.]+ [kM] parameters, [\d.]+ [KM]iB$/m);
  t.match(stdout, /^ {2}types {7}\d+ fp32$/m);
  t.match(stdout, /^ {4}\S+\.weight {2}fp32 \[[\d, ]+\]$/m);
  t.match(stdout, /and \d+ more; --keys lists them all\n$/);
});

test("lists every key when asked to, as text or JSON", async (t) => {
  const { stdout: json } = await cameo(["inspect", subject, "--json"]);
  const inspection = JSON.parse(json);
  t.match(inspection, { path: subject, option: "--subject", format: "safetensors" });
  t.equal(inspection.keys.length, inspection.tensors);
  const { stdout } = await cameo(["inspect", subject, "--keys"]);
  for (const { name } of inspection.keys) t.ok(stdout.includes(`    ${name}  `), name);
});

test("sums a folder up by its networks", async (t) => {
  const { code, stdout } = await cameo(["inspect", paths.base]);
  t.equal(code, 0);
  t.match(stdout, `loads with  --base ${paths.base}`);
  for (const network of ["unet", "vae", "text_encoder"]) t.match(stdout, new RegExp(`^${network}: `, "m"));
});

test("what a file says of itself can't drive the terminal", async (t) => {
  const path = join(t.testdir(), "x.safetensors");
  writeSafetensors(path, { "a\u001b[2J\nb": { shape: [1], data: new Float32Array(1) } });
  const { stdout } = await cameo(["inspect", path]);
  t.match(stdout, "a\uFFFD[2J\uFFFDb  fp32 [1]");
  t.notOk(stdout.includes("\u001b"));
});

test("fails on what is no weight file", async (t) => {
  const path = join(t.testdir(), "x.safetensors");
  writeFileSync(path, "no");
  for (const wrong of [path, "not/there", t.testdirName]) {
    const { code, stderr } = await cameo(["inspect", wrong]);
    t.equal(code, 1);
    t.match(stderr, /^cameo: [^\n]+\n$/);
  }
  t.equal((await cameo(["inspect"])).code, 2);
});
