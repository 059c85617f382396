import { join } from "node:path";
import { convert, Pipeline } from "cameo";
import t from "tap";
import { assertSameTensors } from "../../support/compare.js";
import { adapter, type Form, kohya, type Layer, originalMotion } from "../../support/loras.js";
import { readMetadata, readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import type { Tensors } from "../../support/tensors.js";

const model = writeSmallModel("convert-lora");
const attention = "down_blocks.0.attentions.0.transformer_blocks.0";
const motion = "down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q";
const text = "text_model.encoder.layers.0.self_attn.q_proj";
const weights = {
  unet: readSafetensors(join(model.base, "unet/diffusion_pytorch_model.safetensors")),
  text_encoder: readSafetensors(join(model.base, "text_encoder/model.safetensors")),
  motion: readSafetensors(join(model.motion as string, "diffusion_pytorch_model.safetensors")),
};

/** Layers of every kind, with other ranks and alphas. */
const forms: [network: keyof typeof weights, layer: string, form: Form][] = [
  ["unet", `${attention}.attn1.to_q`, { rank: 2, alpha: 1 }],
  ["unet", `${attention}.attn2.to_out.0`, { rank: 3, alpha: 1.5 }],
  ["unet", `${attention}.ff.net.0.proj`, { rank: 2, alpha: 1 }],
  ["unet", "down_blocks.0.resnets.0.conv1", { rank: 2, alpha: 4 }],
  ["unet", "down_blocks.0.resnets.0.time_emb_proj", { rank: 1, alpha: 1 }],
  ["unet", "up_blocks.0.upsamplers.0.conv", { rank: 1, alpha: 3 }],
  ["text_encoder", text, { rank: 2, alpha: 1 }],
];

function kohyaFile(): Tensors {
  const tensors: Tensors = {};
  for (const [network, name, form] of forms) {
    const shape = weights[network][`${name}.weight`]?.shape as number[];
    const layer: Layer = { name: `${network}.${name}`, shape };
    const { down, up, alpha } = adapter(layer, form);
    const [downKey, upKey] = kohya(layer.name);
    Object.assign(tensors, { [downKey]: down, [upKey]: up });
    Object.assign(tensors, { [downKey.replace("lora_down.weight", "alpha")]: alpha });
  }
  return tensors;
}

t.test("a LoRA goes from kohya's names to PEFT's and back, byte by byte, and does the same", async (t) => {
  const place = t.testdir();
  const path = (name: string) => join(place, `${name}.safetensors`);
  const tensors = kohyaFile();
  writeSafetensors(path("kohya"), tensors, { ss_network_dim: "2" });
  const { kind, target } = await convert(path("kohya"), path("peft"));
  t.match({ kind, target }, { kind: "lora", target: "peft" });
  t.ok(Object.keys(readSafetensors(path("peft"))).every((name) => /\.lora_[AB]\.weight$/.test(name)));
  t.equal(readMetadata(path("peft")).ss_network_dim, "2");
  const config = JSON.parse(readMetadata(path("peft")).lora_adapter_metadata ?? "{}");
  t.match(config, { "text_encoder.r": 2, "text_encoder.lora_alpha": 1 });
  await convert(path("peft"), path("back"));
  assertSameTensors(t, readSafetensors(path("back")), tensors);
  await using pipe = await Pipeline.load({ base: model.base, device: "cpu", dtype: "fp32" });
  const framesWith = async (lora: string[]) => {
    await pipe.setLora(lora);
    return (await pipe.sample({ prompt: "a fox", steps: 2, seed: 1, width: 32, height: 32 })).frames;
  };
  const expected = await framesWith([path("kohya")]);
  t.same(await framesWith([path("peft")]), expected);
  t.notSame(await framesWith([]), expected);
});

t.test("an original motion LoRA becomes PEFT's without an alpha", async (t) => {
  const place = t.testdir();
  const layer = { name: `unet.${motion}`, shape: weights.motion[`${motion}.weight`]?.shape as number[] };
  const { down, up } = adapter(layer, { rank: 2 });
  const [downKey, upKey] = originalMotion(motion);
  writeSafetensors(join(place, "m.safetensors"), { [downKey]: down, [upKey]: up } as Tensors);
  await convert(join(place, "m.safetensors"), join(place, "p.safetensors"));
  t.same(Object.keys(readSafetensors(join(place, "p.safetensors"))), [
    `unet.${motion}.lora_A.weight`,
    `unet.${motion}.lora_B.weight`,
  ]);
  t.equal(readMetadata(join(place, "p.safetensors")).lora_adapter_metadata, undefined);
});

t.test("what PEFT's layout has no place for is refused by name, as another layout is", async (t) => {
  const place = t.testdir();
  const file = join(place, "k.safetensors");
  const conv = "down_blocks.0.resnets.0.conv1";
  const shape = weights.unet[`${conv}.weight`]?.shape as number[];
  const { down, up, mid } = adapter({ name: `unet.${conv}`, shape }, { rank: 2, mid: 2 });
  const [downKey, upKey] = kohya(`unet.${conv}`);
  const midKey = downKey.replace("lora_down", "lora_mid");
  writeSafetensors(file, { [downKey]: down, [upKey]: up, [midKey]: mid } as Tensors);
  const output = join(place, "out.safetensors");
  await t.rejects(convert(file, output), { code: "ERR_WEIGHTS_MISMATCH", message: /lora_mid.*no place for/ });
  await t.rejects(convert(file, output, { to: "original" }), {
    code: "ERR_INVALID_OPTION",
    message: /is no layout of a LoRA \(kohya names\); it must be "kohya" or "peft"$/,
  });
});

t.test("factors and alphas that are none are refused by name", async (t) => {
  const place = t.testdir();
  const file = join(place, "k.safetensors");
  const [down, up] = kohya("unet.down_blocks.0.resnets.0.conv1");
  const numbers = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5),
  });
  const alpha = down.replace("lora_down.weight", "alpha");
  const wrong: [Tensors, RegExp][] = [
    [{ [down]: numbers(), [up]: numbers(8, 2) }, /which are no factors of a product/],
    [{ [down]: numbers(2, 8), [up]: numbers(2) }, /which are no factors of a product/],
    [{ [down]: numbers(2, 8), [up]: numbers(8, 2), [alpha]: numbers(2) }, /alpha" is not one number/],
  ];
  for (const [tensors, message] of wrong) {
    writeSafetensors(file, tensors);
    await t.rejects(convert(file, join(place, "out.safetensors")), { code: /^ERR_/, message });
  }
});
