import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, Pipeline } from "cameo";
import { type Test, test } from "tap";
import { openAddon } from "#ts/addon.js";
import type { Inspection } from "#ts/inspection.js";
import { shippedModel } from "#ts/shipped_model/index.js";
import { cameo } from "../../support/command.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";

const shipped = shippedModel();
const inspected = async (path: string) =>
  JSON.parse(await openAddon({ cuda: false }).inspect(path)) as Inspection;
const { components } = await inspected(shipped.base);
const base = { name: "troupe/base", fingerprint: components?.unet?.fingerprint };
const { keys = [] } = await inspected(join(shipped.base, "unet"));
const query = keys.find(({ name }) => name.endsWith(".attn1.to_q.weight"));
const module = query?.name.replace(/\.weight$/, "");
const [out = 0, columns = 0] = query?.shape ?? [];
const adapters: Tensors = {
  [`${module}.lora_A.weight`]: drawInput("A", { shape: [2, columns] }, 1),
  [`${module}.lora_B.weight`]: drawInput("B", { shape: [out, 2] }, 2),
};
const whole: Tensors = { [`${module}.weight`]: drawInput("W", { shape: [out, columns] }, 3) as Tensor };

function write(t: Test, tensors: Tensors, origins?: object): string {
  const path = join(t.testdir(), "trained.safetensors");
  writeSafetensors(path, tensors, origins && { trained_on: JSON.stringify(origins) });
  return path;
}

/** The paths of what is in the UNet, those of the model that ships by their place in it. */
async function filesWith(options: LoadOptions): Promise<string[]> {
  await using pipe = await Pipeline.load({ ...options, device: "cpu" });
  const files = pipe.describe().networks.find(({ name }) => name === "unet")?.files ?? [];
  return files.map(({ path }) => path.replace(/^.*troupe\//, ""));
}

const weights = "diffusion_pytorch_model.gguf";
const beneath = [`base/unet/${weights}`, `motion/${weights}`];

test("adapters without a base are laid over all of the model that ships", async (t) => {
  for (const origins of [
    undefined,
    { base, subject: { name: "troupe/subject.safetensors", fingerprint: "" } },
  ]) {
    const path = write(t, adapters, origins);
    t.strictSame(await filesWith({ subject: path }), [...beneath, "subject.safetensors", path]);
  }
  await using pipe = await Pipeline.load({ subject: write(t, adapters), device: "cpu" });
  t.strictSame(pipe.describe().defaults, shipped.defaults);
});

test("adapters that were trained without a subject are laid over none", async (t) => {
  const path = write(t, adapters, { base });
  t.strictSame(await filesWith({ subject: path }), [...beneath, path]);
});

test("whole matrices are laid over its base and motion modules", async (t) => {
  for (const origins of [undefined, { base }]) {
    const path = write(t, whole, origins);
    t.strictSame(await filesWith({ subject: path }), [...beneath, path]);
  }
});

test("motion modules without a base are laid over its base", async (t) => {
  t.strictSame(await filesWith({ motion: shipped.motion }), beneath);
});

test("what was trained on another base asks for that", async (t) => {
  const path = write(t, adapters, { base: { name: "sd15", fingerprint: "0123456789abcdef" } });
  await t.rejects(Pipeline.load({ subject: path, device: "cpu" }), {
    code: "ERR_INVALID_OPTION",
    message: `base is missing: ${path} was trained on the base "sd15"; give that model's folder as base`,
  });
});

test("a file that can't be read is named", async (t) => {
  await t.rejects(Pipeline.load({ subject: "not/there.bin" }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /not\/there/,
  });
});

test("the command line takes a LoRA alone", async (t) => {
  const subject = write(t, adapters);
  const output = join(t.testdirName, "out.png");
  const request = [
    "--reference",
    "examples/critter.png",
    "--prompt",
    "a critter",
    "--steps",
    "1",
    "--frames",
    "1",
  ];
  const { code, stderr } = await cameo(["sample", "--subject", subject, ...request, "-o", output]);
  t.equal(code, 0, stderr);
  t.ok(readFileSync(output).length > 0);
  t.ok(Object.keys(readSafetensors(subject)).length > 0);
});
