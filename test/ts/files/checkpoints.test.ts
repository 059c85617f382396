import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { gguf, tensorInfo } from "../../support/fuzz/gguf.js";
import {
  drawCheckpoint,
  type LayoutCase,
  layoutCases,
  partOf,
  writeLayoutFolder,
} from "../../support/layouts.js";
import { sample } from "../../support/parity.js";
import { png } from "../../support/pictures.js";
import { writeSafetensors } from "../../support/safetensors.js";
import { drawWeight, type Tensors } from "../../support/tensors.js";

const layout = layoutCases["two-blocks"] as LayoutCase;
const request: SampleRequest = {
  prompt: "a fox",
  ...{ width: 32, height: 32, steps: 2, seed: 5, guidanceScale: 3 },
};
const computing = { device: "cpu", dtype: "fp32" } as const;

async function latentsOf(t: Test, options: Parameters<typeof Pipeline.load>[0], more: object = {}) {
  await using pipe = await Pipeline.load({ ...computing, ...options });
  const { latents } = await sample(t, pipe, { ...request, ...more });
  return { latents, description: pipe.describe() };
}

/** A checkpoint, and the folder that it was made of. */
function write(t: Test, layout: LayoutCase, extra: Tensors = {}) {
  const place = t.testdir();
  const [file, folder] = [join(place, "model.safetensors"), join(place, "folder")];
  const checkpoint = drawCheckpoint(layout);
  writeSafetensors(file, { ...checkpoint, ...extra });
  writeLayoutFolder(folder, layout, checkpoint);
  return { place, checkpoint, folder, file, tokenizer: join(folder, "tokenizer") };
}

const numbers = (count: number) => ({ shape: [count], data: new Float32Array(count).fill(1) });

t.test("a checkpoint in one file is the folder that it was made of", async (t) => {
  const { file, folder, tokenizer } = write(t, layout, {
    betas: numbers(1000),
    "model_ema.diffusion_modelinput_blocks00weight": numbers(3),
    "cond_stage_model.transformer.text_model.embeddings.position_ids": numbers(77),
    "first_stage_model.loss.logvar": numbers(1),
  });
  const { latents, description } = await latentsOf(t, { base: file, tokenizer });
  t.same(latents, (await latentsOf(t, { base: folder })).latents);
  t.equal(description.family, "stable-diffusion");
  t.equal(description.scheduler, "pndm");
  t.match(description.networks.find(({ name }) => name === "unet")?.files, [
    { path: file, format: "safetensors" },
  ]);
});

t.test("text encoders without text_model. and linear attention of the VAE are read, too", async (t) => {
  const { file, checkpoint, folder, tokenizer } = write(t, layout);
  const other = Object.entries(checkpoint).map(([name, { shape, data }]) => [
    name.replace("transformer.text_model.", "transformer."),
    { shape: name.includes(".attn_1.") ? shape.filter((size, i) => i < 2 || size > 1) : shape, data },
  ]);
  writeSafetensors(file, Object.fromEntries(other));
  t.same(
    (await latentsOf(t, { base: file, tokenizer })).latents,
    (await latentsOf(t, { base: folder })).latents,
  );
});

t.test("a whole checkpoint as GGUF is read as well", async (t) => {
  const { place, checkpoint, folder, tokenizer } = write(t, layout);
  const blocks: Buffer[] = [];
  let offset = 0;
  const tensors = Object.entries(checkpoint).map(([name, { shape, data }]) => {
    const info = tensorInfo({ name, dims: [...shape].reverse(), offset });
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    blocks.push(bytes, Buffer.alloc(-bytes.length & 31));
    offset += (bytes.length + 31) & ~31;
    return info;
  });
  const file = join(place, "model.gguf");
  writeFileSync(file, gguf({ tensors, data: Buffer.concat(blocks) }));
  const { latents } = await latentsOf(t, { base: file, tokenizer });
  t.same(latents, (await latentsOf(t, { base: folder })).latents);
});

t.test("a checkpoint of 9 channels paints a part of a picture, and asks for what it needs", async (t) => {
  const { file, tokenizer, checkpoint } = write(t, layout);
  const conv = "model.diffusion_model.input_blocks.0.0.weight";
  const [out = 0] = checkpoint[conv]?.shape ?? [];
  writeSafetensors(file, { ...checkpoint, [conv]: drawWeight(conv, [out, 9, 3, 3], 7) });
  await using pipe = await Pipeline.load({ ...computing, base: file, tokenizer });
  t.equal(pipe.family, "inpainting");
  t.ok("mask" in pipe.describe().options);
  t.notOk("imageGuidanceScale" in pipe.describe().options);
  const picture = (values: number[]) => png({ width: 32, height: 32, bits: 8, values }, 3);
  const image = picture([200, 100, 50]);
  const masks = [picture([255, 255, 255]), picture([...new Array(48).fill(255), ...new Array(48).fill(0)])];
  const framesOf = async (mask: Buffer | undefined) =>
    (await pipe.sample({ ...request, image, mask })).frames;
  t.notSame(await framesOf(masks[0]), await framesOf(masks[1]));
  const code = "ERR_INVALID_OPTION";
  await t.rejects(pipe.sample(request), {
    code,
    message: /^image is missing: this model paints the white part/,
  });
  await t.rejects(pipe.sample({ ...request, image }), {
    code,
    message: /^mask is missing: this model paints/,
  });
});

t.test("a checkpoint of 8 channels edits pictures", async (t) => {
  const { file, tokenizer } = write(t, layoutCases.edits as LayoutCase);
  await using pipe = await Pipeline.load({ ...computing, base: file, tokenizer });
  t.equal(pipe.family, "instruct-pix2pix");
});

t.test("what a checkpoint predicts is said by the option or by its marks", async (t) => {
  const { file, folder, tokenizer } = write(t, layout);
  const plain = (await latentsOf(t, { base: file, tokenizer })).latents;
  const said = (await latentsOf(t, { base: file, tokenizer, prediction: "v_prediction" })).latents;
  t.notSame(said, plain);
  t.same(said, (await latentsOf(t, { base: folder, prediction: "v_prediction" })).latents);
  const marked = write(t, layout, { v_pred: { shape: [0], data: new Float32Array(0) } });
  t.same((await latentsOf(t, { base: marked.file, tokenizer: marked.tokenizer })).latents, said);
});

t.test("a VAE alone stands in for the base's, under either names or in a checkpoint", async (t) => {
  const { place, file, folder, checkpoint } = write(t, layout);
  const own = await latentsOf(t, { base: folder });
  const originals = Object.entries(checkpoint).filter(([name]) => name.startsWith("first_stage_model."));
  const original = join(place, "vae-original.safetensors");
  writeSafetensors(
    original,
    Object.fromEntries(originals.map(([name, tensor]) => [name.slice("first_stage_model.".length), tensor])),
  );
  const ours = join(place, "vae.safetensors");
  writeSafetensors(ours, partOf(layout, checkpoint, "vae"));
  for (const vae of [original, ours, file, join(folder, "vae")]) {
    const { latents, description } = await latentsOf(t, { base: folder, vae });
    t.same(latents, own.latents);
    const { files } = description.networks.find(({ name }) => name === "vae") ?? { files: [] };
    t.equal(files[0]?.path, vae.endsWith("vae") ? join(vae, "diffusion_pytorch_model.safetensors") : vae);
  }
});

const wrong: [string, (tensors: Tensors) => Tensors, { code: string; message: RegExp }][] = [
  [
    "without a VAE",
    (tensors) => without(tensors, "first_stage_model."),
    { code: "ERR_WEIGHTS_FORMAT", message: /comes without a VAE; name one with `vae`/ },
  ],
  [
    "without a text encoder",
    (tensors) => without(tensors, "cond_stage_model."),
    {
      code: "ERR_WEIGHTS_MISMATCH",
      message: /a Stable Diffusion checkpoint was expected; this is a part of/,
    },
  ],
  [
    "with a hole in its UNet",
    (tensors) => without(tensors, "model.diffusion_model.middle_block.0."),
    { code: "ERR_WEIGHTS_MISMATCH", message: /missing parameters.*mid_block\.resnets\.0/ },
  ],
  [
    "with a layer that no Stable Diffusion 1.5 has",
    (tensors) => ({ ...tensors, "model.diffusion_model.label_emb.0.0.weight": numbers(4) }),
    { code: "ERR_WEIGHTS_MISMATCH", message: /unknown keys.*model\.diffusion_model\.label_emb/ },
  ],
  [
    "whose blocks are of different lengths",
    (tensors) => without(tensors, "model.diffusion_model.output_blocks.3."),
    { code: "ERR_WEIGHTS_FORMAT", message: /is built as no Stable Diffusion 1\.5 model's is/ },
  ],
  [
    "of Stable Diffusion 2",
    (tensors) => ({ ...tensors, "cond_stage_model.model.ln_final.weight": numbers(4) }),
    { code: "ERR_WEIGHTS_MISMATCH", message: /this is a Stable Diffusion 2 checkpoint/ },
  ],
];

function without(tensors: Tensors, start: string): Tensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !name.startsWith(start)));
}

for (const [what, change, error] of wrong) {
  t.test(`a checkpoint ${what} is refused by what it is`, async (t) => {
    const { file, checkpoint, tokenizer } = write(t, layout);
    writeSafetensors(file, change(checkpoint));
    await t.rejects(Pipeline.load({ ...computing, base: file, tokenizer }), error);
  });
}

t.test("a text encoder of other tokens than CLIP's asks for its tokenizer", async (t) => {
  const { file } = write(t, layout);
  const message = /knows 547 tokens where CLIP's knows 49408: name the folder .* with `tokenizer`/;
  await t.rejects(Pipeline.load({ ...computing, base: file }), { code: "ERR_WEIGHTS_MISMATCH", message });
});
