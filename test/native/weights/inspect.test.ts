import { join } from "node:path";
import t, { type Test } from "tap";
import type { Inspection } from "#ts/inspection.js";
import { writeSafetensors } from "../../support/safetensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const inspect = (path: string) => runWeights<Inspection>("inspect", { path }).details;

function write(path: string, names: readonly string[]): void {
  const tensor = { shape: [2], data: new Float32Array([1, 2]) };
  writeSafetensors(path, Object.fromEntries(names.map((name) => [name, tensor])));
}

const motionBlock = "down_blocks.0.motion_modules.0";
const unet = ["conv_in.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight"];
const attention = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight";
const kinds: [string, string | null, string[]][] = [
  ["unet", null, unet],
  ["vae", "--vae", ["encoder.conv_in.weight", "decoder.conv_out.weight"]],
  ["cogvideox-vae", null, ["encoder.conv_in.conv.weight", "decoder.norm_out.norm_layer.weight"]],
  ["wan-vae", "--vae", ["encoder.middle.0.residual.0.gamma", "decoder.head.0.gamma"]],
  [
    "wan-vae",
    null,
    ["encoder.conv_in.weight", "encoder.mid_block.attentions.0.to_qkv.weight", "decoder.conv_out.weight"],
  ],
  [
    "clip-text",
    null,
    ["text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.0.mlp.fc1.bias"],
  ],
  [
    "motion-adapter",
    "--motion",
    [`${motionBlock}.norm.weight`, `${motionBlock}.transformer_blocks.0.attn1.to_q.weight`],
  ],
  ["subject", "--subject", [...unet, attention, `${motionBlock}.norm.weight`]],
  ["subject", "--subject", [attention]],
  [
    "ldm-checkpoint",
    "--base",
    ["model.diffusion_model.input_blocks.0.0.weight", "cond_stage_model.transformer.final_layer_norm.bias"],
  ],
  [
    "ldm-part",
    null,
    ["model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight"],
  ],
  ["ldm-2", null, ["model.diffusion_model.out.0.weight", "cond_stage_model.model.ln_final.weight"]],
  [
    "ldm-video",
    "--base",
    [
      "model.diffusion_model.input_blocks.1.0.time_stack.in_layers.0.weight",
      "conditioner.embedders.0.open_clip.model.visual.proj",
    ],
  ],
  [
    "ldm-xl",
    null,
    ["model.diffusion_model.out.0.weight", "conditioner.embedders.0.transformer.final_layer_norm.bias"],
  ],
  ["ldm-vae", "--vae", ["encoder.conv_in.weight", "encoder.mid.attn_1.q.weight", "decoder.conv_out.weight"]],
  [
    "animatediff-original",
    "--motion",
    [`${motionBlock}.temporal_transformer.transformer_blocks.0.attention_blocks.0.pos_encoder.pe`],
  ],
  ["lora", null, ["lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight"]],
  ["motion-lora", null, [`${motionBlock}.transformer_blocks.0.attn1.to_q.lora_A.weight`]],
  ["unknown", null, ["layer.weight"]],
];

for (const [kind, option, names] of kinds) {
  t.test(`${kind} (${names.length} keys) goes with ${option}`, async (t) => {
    const path = join(t.testdir(), "w.safetensors");
    write(path, names);
    const inspection = inspect(path);
    t.equal(inspection.kind, kind);
    t.equal(inspection.option, option);
    t.equal(inspection.argument, option && path);
    const isOfFolder = ["unet", "clip-text"].includes(kind);
    if (isOfFolder) t.match(inspection.reason, "belongs into a folder, beside its config.json");
    t.equal(inspection.format, "safetensors");
    t.same(inspection.files, [path]);
    t.equal(inspection.tensors, names.length);
    t.equal(inspection.parameters, 2 * names.length);
    t.same(inspection.dtypes, { fp32: names.length });
    t.same(inspection.keys?.map(({ name }) => name).sort(), [...names].sort());
    t.same(inspection.keys?.[0], { name: inspection.keys?.[0]?.name, dtype: "fp32", shape: [2] });
  });
}

function makePipeline(t: Test): string {
  const folder = t.testdir({
    "model_index.json": '{"_class_name": "StableDiffusionPipeline"}',
    unet: { "config.json": '{"_class_name": "UNet2DConditionModel"}' },
    vae: { "config.json": '{"_class_name": "AutoencoderKL"}' },
  });
  write(join(folder, "unet/diffusion_pytorch_model.safetensors"), unet);
  write(join(folder, "vae/diffusion_pytorch_model.safetensors"), [
    "encoder.conv_in.weight",
    "decoder.conv_out.weight",
  ]);
  return folder;
}

t.test("a pipeline's folder is its components together", async (t) => {
  const folder = makePipeline(t);
  const { kind, option, tensors, parameters, files, components } = inspect(folder);
  t.match(
    { kind, option, tensors, parameters },
    { kind: "pipeline", option: "--base", tensors: 5, parameters: 10 },
  );
  t.equal(files.length, 2);
  t.same(Object.keys(components ?? {}).sort(), ["unet", "vae"]);
  t.match(components?.vae, { kind: "vae", path: join(folder, "vae"), tensors: 2 });
  const vae = join(folder, "vae");
  const file = join(vae, "diffusion_pytorch_model.safetensors");
  for (const path of [vae, file]) t.match(inspect(path), { kind: "vae", option: "--base", argument: folder });
});

t.test("another folder is an error that says so", async (t) => {
  const path = t.testdir({ "a.txt": "" });
  throwsTyped(t, () => inspect(path), "ERR_WEIGHTS_FORMAT", path, "without model_index.json");
});
