import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import type { Inspection } from "#ts/inspection.js";
import { assertClose } from "../../support/compare.js";
import {
  adapter,
  type Form,
  kohya,
  type Layer,
  oldProcessor,
  originalMotion,
  originalName,
  product,
  runLoras,
} from "../../support/loras.js";
import { fixtures } from "../../support/probes.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { elements, type Tensors } from "../../support/tensors.js";
import { runWeights } from "../../support/weights.js";

const attention = "unet.down_blocks.0.attentions.0.transformer_blocks.0";
const text = "text_encoder.text_model.encoder.layers.0";
const motion = "unet.down_blocks.0.motion_modules.0.transformer_blocks.0";

const matrices: Layer[] = [
  { name: `${attention}.attn1.to_q`, shape: [4, 4] },
  { name: `${attention}.attn1.to_out.0`, shape: [4, 4] },
  { name: `${attention}.attn2.to_k`, shape: [4, 6] },
];
const layers: Layer[] = [
  ...matrices,
  { name: `${attention}.ff.net.0.proj`, shape: [32, 4] },
  { name: "unet.down_blocks.0.attentions.0.proj_in", shape: [4, 4, 1, 1] },
  { name: "unet.down_blocks.0.downsamplers.0.conv", shape: [4, 4, 3, 3] },
  { name: "unet.up_blocks.1.upsamplers.0.conv", shape: [4, 4, 3, 3] },
  { name: "unet.down_blocks.1.resnets.0.conv_shortcut", shape: [8, 4, 1, 1] },
  { name: "unet.down_blocks.1.resnets.0.time_emb_proj", shape: [8, 16] },
  { name: "unet.mid_block.resnets.0.conv1", shape: [8, 8, 3, 3] },
  { name: `${text}.self_attn.q_proj`, shape: [6, 6] },
  { name: `${text}.mlp.fc1`, shape: [8, 6] },
];
const motions: Layer[] = ["attn1.to_q", "attn1.to_out.0", "attn2.to_v"].map((name) => ({
  name: `${motion}.${name}`,
  shape: [4, 4],
}));

/** Layers of a UNet with Stable Diffusion 1's blocks, by the names that they were given first. */
const original: Record<string, string> = {
  input_blocks_0_0: "conv_in",
  time_embed_0: "time_embedding.linear_1",
  time_embed_2: "time_embedding.linear_2",
  input_blocks_1_1_proj_in: "down_blocks.0.attentions.0.proj_in",
  input_blocks_1_1_transformer_blocks_0_attn1_to_q:
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q",
  input_blocks_2_1_transformer_blocks_0_ff_net_0_proj:
    "down_blocks.0.attentions.1.transformer_blocks.0.ff.net.0.proj",
  input_blocks_3_0_op: "down_blocks.0.downsamplers.0.conv",
  input_blocks_4_0_in_layers_2: "down_blocks.1.resnets.0.conv1",
  input_blocks_4_0_emb_layers_1: "down_blocks.1.resnets.0.time_emb_proj",
  input_blocks_4_0_out_layers_3: "down_blocks.1.resnets.0.conv2",
  input_blocks_4_0_skip_connection: "down_blocks.1.resnets.0.conv_shortcut",
  input_blocks_11_0_in_layers_2: "down_blocks.3.resnets.1.conv1",
  middle_block_1_transformer_blocks_0_attn2_to_out_0:
    "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0",
  middle_block_2_in_layers_2: "mid_block.resnets.1.conv1",
  output_blocks_2_1_conv: "up_blocks.0.upsamplers.0.conv",
  output_blocks_5_1_transformer_blocks_0_attn2_to_k:
    "up_blocks.1.attentions.2.transformer_blocks.0.attn2.to_k",
  output_blocks_5_2_conv: "up_blocks.1.upsamplers.0.conv",
  output_blocks_11_0_skip_connection: "up_blocks.3.resnets.2.conv_shortcut",
  out_2: "conv_out",
};
const originalOf = new Map(Object.entries(original).map(([theirs, ours]) => [`unet.${ours}`, theirs]));
const originals: Layer[] = [...originalOf.keys()].map((name) => ({ name, shape: [3, 5] }));

/** What shows how such a UNet is built. */
const blocks: Layer[] = [0, 1, 2, 3].flatMap((block) => [
  ...[0, 1].map((i) => ({ name: `unet.down_blocks.${block}.resnets.${i}.conv1`, shape: [3, 5] })),
  ...[0, 1, 2].map((i) => ({ name: `unet.up_blocks.${block}.resnets.${i}.conv1`, shape: [3, 5] })),
  { name: `unet.${block < 3 ? "down" : "up"}_blocks.${block}.attentions.0.proj_in`, shape: [3, 5] },
  ...(block === 1 || block === 2
    ? [{ name: `unet.up_blocks.${block}.attentions.0.proj_in`, shape: [3, 5] }]
    : []),
]);

/** Each with another rank and alpha. */
const strengths = (i: number): Form => ({ rank: 2 + (i % 2), alpha: 1 + i });

interface Written {
  names: "kohya" | "peft" | "diffusers";
  description: string;
  layers: Layer[];
  keys: (layer: string) => [down: string, up: string, mid: string, alpha: string];
  beside?: Layer[];
  form?: (index: number, layer: Layer) => Form;
}

const written: Record<string, Written> = {
  "kohya's": { names: "kohya", description: "a LoRA (kohya names)", layers, keys: kohya, form: strengths },
  "kohya's without alphas": { names: "kohya", description: "a LoRA (kohya names)", layers, keys: kohya },
  "LyCORIS' kernels in Tucker form": {
    names: "kohya",
    description: "a LoRA (kohya names)",
    layers: layers.filter(({ shape }) => shape[2] === 3),
    keys: kohya,
    form: () => ({ rank: 2, alpha: 3, mid: 3 }),
  },
  "1x1 kernels stored as matrices, matrices as 1x1 kernels": {
    names: "kohya",
    description: "a LoRA (kohya names)",
    layers: layers.filter(({ shape }) => shape[2] !== 3),
    keys: kohya,
    form: (_, { shape }) => ({ rank: 2, alpha: 1, isKernel: shape.length === 2 }),
  },
  "kohya's with the layers' original": {
    names: "kohya",
    description: "a LoRA (kohya names)",
    layers: originals,
    keys: (layer) => kohya(`unet.${originalOf.get(layer)}`),
    beside: blocks,
  },
  "kohya's of motion modules with their original": {
    names: "kohya",
    description: "a motion LoRA (kohya names)",
    layers: motions,
    keys: (layer) => kohya(originalName(layer)),
  },
  "the domain adapter's": {
    names: "diffusers",
    description: "a LoRA (diffusers names)",
    layers: matrices,
    keys: (layer) => oldProcessor(layer, "module."),
  },
  "AnimateDiff's motion LoRA": {
    names: "diffusers",
    description: "a motion LoRA (original names)",
    layers: motions,
    keys: originalMotion,
  },
  "diffusers' motion LoRA": {
    names: "diffusers",
    description: "a motion LoRA (diffusers names)",
    layers: motions,
    keys: (layer) => oldProcessor(layer, "unet."),
  },
};

for (const [what, { names, description, layers, keys, form = () => ({ rank: 2 }), beside }] of Object.entries(
  written,
)) {
  t.test(`${what} names are read, and add the product by hand`, async (t) => {
    const tensors: Tensors = {};
    const expected: Tensors = {};
    for (const [i, layer] of layers.entries()) {
      const made = adapter(layer, form(i, layer));
      expected[`${layer.name}.weight`] = product(layer, made);
      const [down, up, mid, alpha] = keys(layer.name);
      for (const [name, tensor] of Object.entries({
        [down]: made.down,
        [up]: made.up,
        [mid]: made.mid,
        [alpha]: made.alpha,
      }))
        if (tensor !== undefined) tensors[name] = tensor;
    }
    const path = join(t.testdir(), "lora.safetensors");
    writeSafetensors(path, tensors);
    assertAdds(t, path, expected, names, description, beside);
  });
}

/** What diffusers and PEFT write, and what they make of it: test/fixtures/make/lora.py. */
const released: [string, string, string, string][] = [
  ["diffusers", "diffusers.safetensors", "diffusers", "a LoRA (diffusers names)"],
  ["diffusers-old", "diffusers-old.safetensors", "diffusers", "a LoRA (diffusers names)"],
  ["peft", "peft/adapter_model.safetensors", "peft", "a LoRA (PEFT names)"],
];
const expectedOf = (name: string) => readSafetensors(join(fixtures, "lora", `${name}.expected.safetensors`));

for (const [name, file, names, description] of released) {
  t.test(`${name} files add what the reference adds`, async (t) =>
    assertAdds(t, join(fixtures, "lora", file), expectedOf(name), names, description),
  );
}

t.test("PEFT's tensors with the adapter's name in theirs and no config add the plain product", async (t) => {
  const tensors = readSafetensors(join(fixtures, "lora/peft/adapter_model.safetensors"));
  const named = Object.entries(tensors).map(([name, tensor]) => [
    name.replace(/(lora_[AB])/, "$1.default"),
    tensor,
  ]);
  const path = join(t.testdir(), "bare.safetensors");
  writeSafetensors(path, Object.fromEntries(named));
  const thirds = Object.entries(expectedOf("peft")).map(([name, { shape, data }]) => [
    name,
    { shape, data: Float32Array.from(data, (value) => value / 3) },
  ]);
  assertAdds(t, path, Object.fromEntries(thirds), "peft", "a LoRA (PEFT names)");
});

t.test("PEFT's wrapper may stand behind a network's name", async (t) => {
  const layer: Layer = { name: `${text}.mlp.fc1`, shape: [8, 6] };
  const { down, up } = adapter(layer, { rank: 2 });
  const path = join(t.testdir(), "wrapped.safetensors");
  const name = layer.name.replace("text_encoder.text_model.", "text_encoder.base_model.model.");
  writeSafetensors(path, { [`${name}.lora_A.weight`]: down, [`${name}.lora_B.weight`]: up });
  assertAdds(
    t,
    path,
    { [`${layer.name}.weight`]: product(layer, { down, up }) },
    "peft",
    "a LoRA (PEFT names)",
  );
});

t.test("what PEFT's config beside a file says and can't be merged is refused by name", async (t) => {
  const folder = join(t.testdir(), "peft");
  mkdirSync(folder);
  cpSync(join(fixtures, "lora/peft/adapter_model.safetensors"), join(folder, "adapter_model.safetensors"));
  writeFileSync(join(folder, "adapter_config.json"), '{"use_dora": true, "r": 2}');
  const { errors } = runLoras(expectedOf("peft"), [[{ path: join(folder, "adapter_model.safetensors") }]]);
  t.match(errors[0], { code: "ERR_WEIGHTS_FORMAT", message: /adapter_config\.json: it has use_dora "true"/ });
});

function layersOf(layers: readonly Layer[]): Tensors {
  const zeros = ({ name, shape }: Layer) => [
    `${name}.weight`,
    { shape, data: new Float32Array(elements(shape)) },
  ];
  return Object.fromEntries(layers.map(zeros));
}

function assertAdds(
  t: Test,
  path: string,
  expected: Tensors,
  names: string,
  description: string,
  beside: Layer[] = [],
): void {
  const { sets, errors, descriptions } = runLoras({ ...layersOf(beside), ...expected }, [[{ path }]]);
  t.equal(errors[0], null);
  for (const [parameter, tensor] of Object.entries(expected)) {
    assertClose(t, sets[0]?.[parameter], tensor, 1e-6, parameter);
  }
  t.match(descriptions[0], [{ path, scale: 1, names }]);
  const { details } = runWeights<Inspection>("inspect", { path });
  t.match(details, { description, option: "--lora", argument: path });
}
