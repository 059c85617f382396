import { existsSync } from "node:fs";
import { Pipeline } from "cameo";
import { test } from "tap";
import { cameo, events } from "../support/command.js";
import { writeModel } from "../support/model_folder.js";
import { writeWan } from "../support/wan_model.js";

const scheduler = { _class_name: "DDIMScheduler" };
const { base, motion = "" } = writeModel("build/fixtures/memory-plan", {
  motion: "motion",
  subject: null,
  scheduler,
});
const model = { base, motion, device: "cpu", dtype: "fp32" } as const;
const request = { prompt: "a cat", width: 40, height: 32, frames: 8, steps: 2 };

/** What the kernels need beside tensors. */
const kernels = 2 ** 27;

test("a plan says what the weights and the largest tensors need", async (t) => {
  await using pipe = await Pipeline.load(model);
  const plan = await pipe.plan(request);
  const { networks } = pipe.describe();
  const numbers = networks.reduce((sum, { parameters }) => sum + parameters, 0);
  t.equal(plan.weights, 4 * numbers);
  t.equal(plan.total, plan.weights + Math.max(plan.denoiser, plan.decoder));
  t.notOk(plan.branchesApart || plan.vaeTiling);
  const alone = await pipe.plan({ ...request, guidanceScale: 1 });
  t.equal(plan.denoiser - kernels, 2 * (alone.denoiser - kernels), "both halves of guidance");

  const maxMemory = plan.weights + Math.max(alone.denoiser, plan.decoder);
  const tight = await pipe.plan(request, { maxMemory });
  t.ok(tight.branchesApart);
  t.equal(tight.denoiser, alone.denoiser);
  t.ok(tight.total <= maxMemory);
  const refused = pipe.plan(request, { maxMemory: plan.weights });
  await t.rejects(refused, { code: "ERR_OUT_OF_MEMORY", message: /^maxMemory: / });

  const ofGpu = await pipe.plan(request, { device: "cuda", maxMemory: 2 * plan.total });
  t.equal(ofGpu.weights, 4 * Math.max(...networks.map(({ parameters }) => parameters)), "one at a time");
  const wrong = pipe.plan(request, { device: "tpu" as "cuda" });
  await t.rejects(wrong, { code: "ERR_INVALID_OPTION", message: /^device: 'tpu' is not allowed/ });
  await t.rejects(pipe.plan({ ...request, frames: 0 }), { code: "ERR_INVALID_OPTION", message: /^frames/ });
});

test("a model without its weights has the same plan, and makes nothing", async (t) => {
  for (const options of [
    model,
    { base: writeWan("memory-plan-wan"), device: "cpu", dtype: "bf16" } as const,
  ]) {
    await using whole = await Pipeline.load(options);
    await using headers = await Pipeline.load({ ...options, headersOnly: true });
    const asked = { prompt: "a cat", width: 48, height: 32, frames: 5 };
    t.strictSame(await headers.plan(asked), await whole.plan(asked));
    const { networks } = whole.describe();
    t.strictSame(
      headers.describe().networks.map(({ name, parameters }) => [name, parameters]),
      networks.map(({ name, parameters }) => [name, parameters]),
    );
    const refused = { code: "ERR_INVALID_OPTION", message: /^headersOnly: / };
    await t.rejects(headers.sample(asked), refused);
    await t.rejects(headers.stream(asked), refused);
    await t.rejects(headers.setLora([]), refused);
  }
});

test("a file that doesn't fit is found without its weights", async (t) => {
  const other = writeModel("build/fixtures/memory-plan-other", {
    motion: "motion",
    subject: null,
    scheduler,
  });
  const headers = Pipeline.load({ ...model, vae: other.motion ?? "", headersOnly: true });
  await t.rejects(headers, { name: "CameoError" });
});

test("cameo sample --dry-run says it and writes nothing", async (t) => {
  const output = `${t.testdir()}/cat.mp4`;
  const ask = ["sample", "--base", base, "--motion", motion, "--prompt", "a cat", "--size", "40x32"];
  const { code, stdout, stderr } = await cameo([...ask, "-o", output, "--dry-run", "--device", "cpu"]);
  t.equal(code, 0, stderr);
  t.match(stdout, /^memory {5}\d.* of the processor in (fp32|bf16), by an estimate\nweights /);
  const json = await cameo([
    ...ask,
    "-o",
    output,
    "--dry-run",
    "--device",
    "cuda",
    "--max-memory",
    "8GB",
    "--json",
  ]);
  t.match(events(json), [{ event: "plan", family: "animatediff", dtype: "bf16", vaeTiling: false }]);
  t.notOk(existsSync(output));
});
