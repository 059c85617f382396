import { rmSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { openAddon } from "#ts/addon.js";
import { widenInput, writeSmallModel } from "../support/small_model.js";

const image = { data: new Uint8Array(3 * 64 * 48).map((_, i) => i % 251), width: 64, height: 48 };
const request = { prompt: "make it red", image, frames: 2, width: 40, height: 32, steps: 2, seed: 7 };

/** Without model_index.json, as the UNet says enough. */
function writeEditor(name: string) {
  const paths = writeSmallModel(name);
  widenInput(paths.base, 8);
  rmSync(join(paths.base, "model_index.json"));
  return paths;
}

async function open(t: Test, paths: object, options: object = {}): Promise<Pipeline> {
  const pipe = await Pipeline.load({ ...paths, device: "cpu", dtype: "fp32", ...options });
  t.teardown(() => pipe.close());
  return pipe;
}

test("a picture is edited, however guided, in tiles and in little memory", async (t) => {
  const { base, motion } = writeEditor("editor");
  const pipe = await open(t, { base, motion });
  t.match(JSON.parse(await openAddon({ cuda: false }).inspect(base)), { option: "--base", argument: base });
  t.match(pipe.describe(), {
    family: "instruct-pix2pix",
    required: ["image"],
    options: { imageGuidanceScale: 1.5 },
  });
  const frames = async (changes: Partial<SampleRequest> = {}) =>
    Buffer.from((await pipe.sample({ ...request, ...changes })).frames);
  const plain = await frames();
  t.equal(plain.length, 2 * 40 * 32 * 3);
  t.notOk((await frames({ guidanceScale: 1 })).equals(plain));
  t.ok(
    (await frames({ imageGuidanceScale: 0.5 })).equals(await frames({ guidanceScale: 1 })),
    "both mean no guidance",
  );
  t.notOk((await frames({ image: { ...image, data: new Uint8Array(image.data.length) } })).equals(plain));
  for (const changes of [
    { guidanceRange: [0.5, 1] as const },
    { cacheInterval: 2 },
    { vaeTiling: true },
    { scheduler: "heun" },
  ])
    t.equal((await frames(changes)).length, plain.length);
  const { networks } = pipe.describe();
  const weights = 4 * networks.reduce((sum, { parameters }) => sum + parameters, 0);
  // Enough for one of the three branches and for the VAE.
  const small = await open(t, { base, motion }, { maxMemory: weights + 128 * 2 ** 20 + 300_000 });
  const long = { ...request, frames: 16 };
  const [apart, together] = [(await small.sample(long)).frames, (await pipe.sample(long)).frames];
  t.ok(apart.every((value, i) => Math.abs(value - (together[i] as number)) <= 1));
  await t.rejects(small.sample({ ...long, width: 640 }), { code: "ERR_OUT_OF_MEMORY" });
});

test("a picture is needed by the model that edits, and refused by others", async (t) => {
  const { base, motion, subject } = writeEditor("editor_wrong");
  const pipe = await open(t, { base, motion });
  const { image: _, ...without } = request;
  await t.rejects(pipe.sample(without), {
    code: "ERR_INVALID_OPTION",
    message: /^image is missing: this model edits/,
  });
  await t.rejects(pipe.sample({ ...request, reference: image }), {
    code: "ERR_INVALID_OPTION",
    message: /^reference: /,
  });
  await t.rejects(Pipeline.load({ base, motion, subject, device: "cpu" } as never), {
    code: "ERR_INVALID_OPTION",
    message: /^subject: a model that edits a picture takes no subject; leave it out$/,
  });
  const still = await open(t, { base });
  await t.rejects(still.sample(request), { code: "ERR_INVALID_OPTION", message: /^frames: 2 / });
  t.equal((await still.sample({ ...request, frames: 1 })).frames.length, 40 * 32 * 3);
});
