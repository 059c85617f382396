import { cpSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import type { Inspection } from "#ts/inspection.js";
import { cameo } from "../../support/command.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { runWeights } from "../../support/weights.js";

const model = writeSmallModel("origins");
const subject = model.subject ?? "";
const unet = join(model.base, "unet", "diffusion_pytorch_model.safetensors");
const fingerprintOf = (path: string) => runWeights<Inspection>("inspect", { path }).details.fingerprint ?? "";

t.test("a fingerprint is of the numbers, whatever type and order they are stored in", async (t) => {
  const tensors = readSafetensors(unet);
  const [half, turned, changed] = ["half", "turned", "changed"].map((name) =>
    join(t.testdir(), `${name}.safetensors`),
  ) as [string, string, string];
  runWeights("write", { path: half, dtype: "fp16" }, tensors);
  t.equal(fingerprintOf(half), fingerprintOf(unet));
  writeSafetensors(turned, Object.fromEntries(Object.entries(tensors).reverse()));
  t.equal(fingerprintOf(turned), fingerprintOf(unet));
  const [first] = Object.values(tensors);
  if (first) first.data[0] = 3;
  writeSafetensors(changed, tensors);
  t.not(fingerprintOf(changed), fingerprintOf(unet));
  t.match(fingerprintOf(unet), /^[0-9a-f]{16}$/);
});

/** The subject's file with these metadata. */
function saying(t: { testdir: () => string }, trained_on: unknown): string {
  const path = join(t.testdir(), "subject.safetensors");
  const text = typeof trained_on === "string" ? trained_on : JSON.stringify(trained_on);
  writeSafetensors(path, readSafetensors(subject), { trained_on: text });
  return path;
}

async function warningsWith(subject: string): Promise<string[]> {
  await using pipe = await Pipeline.load({ ...model, subject, device: "cpu" });
  return pipe.describe().warnings;
}

const other = { name: "another", fingerprint: "0123456789abcdef" };

t.test("a subject that was trained on another base is loaded with a warning", async (t) => {
  const path = saying(t, { base: other });
  const [warning, ...more] = await warningsWith(path);
  t.match(warning, `${path} was trained on the base "another" and is used with another one, "origins/base"`);
  t.same(more, []);
  const request = ["--prompt", "a", "--reference", "examples/critter.png", "--steps", "1", "--frames", "1"];
  const paths = ["--base", model.base, "--motion", model.motion ?? "", "--subject", path];
  const output = join(dirname(path), "out.png");
  const { stderr } = await cameo(["sample", ...paths, ...request, "--size", "32x32", "-o", output]);
  t.match(stderr, /^cameo: warning: .* was trained on the base "another"/m);
});

t.test("there is none where all is right, or nothing is known", async (t) => {
  const right = { base: { name: "x", fingerprint: fingerprintOf(unet) }, motion: other };
  for (const origins of [
    right,
    {},
    { base: { name: "x", fingerprint: "" } },
    { base: 1 },
    "{",
    "[]",
    "null",
  ]) {
    t.same(await warningsWith(saying(t, origins)), [], JSON.stringify(origins));
  }
});

t.test("a model of the Hugging Face hub is called as its repository is", async (t) => {
  const path = saying(t, { base: other });
  const folder = join(t.testdirName, "models--owner--name", "snapshots", "0123456789".repeat(4));
  cpSync(model.base, folder, { recursive: true });
  await using pipe = await Pipeline.load({ ...model, base: folder, subject: path, device: "cpu" });
  t.match(pipe.describe().warnings[0], 'with another one, "owner/name"');
});

t.test("what the names of a copied model say is its folder's name alone", async (t) => {
  const path = saying(t, { base: other });
  const folder = join(t.testdirName, "renamed");
  cpSync(model.base, folder, { recursive: true });
  await using pipe = await Pipeline.load({
    ...model,
    base: `${folder}/`,
    subject: path,
    device: "cpu",
  });
  t.match(pipe.describe().warnings[0], 'with another one, "renamed":');
  t.ok(readFileSync(join(folder, "model_index.json")).length > 0);
});
