import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { openAddon } from "#ts/addon.js";
import { assertClose, assertSameTensors } from "../../support/compare.js";
import { drawControl, writeControl } from "../../support/control_folder.js";
import { drawCheckpoint, type LayoutCase, layoutCases, writeLayoutFolder } from "../../support/layouts.js";
import { sample } from "../../support/parity.js";
import { readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";
import { drawBytes, drawWeight, type Tensors } from "../../support/tensors.js";

const computing = { device: "cpu", dtype: "fp32" } as const;
const sizes = { width: 32, height: 32 };
const picture = { data: drawBytes("picture", [32, 32, 3], 1).data, ...sizes };
const request: SampleRequest = { prompt: "a fox", ...sizes, steps: 2, seed: 5, guidanceScale: 3 };

async function tensorsOf(t: Test, load: Parameters<typeof Pipeline.load>[0], more: Partial<SampleRequest>) {
  await using pipe = await Pipeline.load({ ...computing, ...load });
  return await sample(t, pipe, { ...request, ...more });
}

const inspect = async (path: string) => JSON.parse(await openAddon({ cuda: false }).inspect(path));

/** A ControlNet for a base, in the original names and in diffusers'; both have the same numbers. */
function bothNames({ unet, pairs }: LayoutCase, halvings: number) {
  const [original, ours]: [Tensors, Tensors] = [{}, {}];
  const add = (theirs: string, name: string, shape: number[]) => {
    original[theirs] = ours[name] = drawWeight(name, shape, 3);
  };
  const ldm = "model.diffusion_model.";
  for (const [theirs, name, shape] of pairs) {
    if (/^unet\/(conv_in|time_embedding|down_blocks|mid_block)\./.test(name))
      add(theirs.slice(ldm.length), name.slice("unet/".length), shape);
  }
  const convolution = (theirs: string, name: string, out: number, input: number, kernel = 3) => {
    add(`${theirs}.weight`, `${name}.weight`, [out, input, kernel, kernel]);
    add(`${theirs}.bias`, `${name}.bias`, [out]);
  };
  const channels = unet.block_out_channels as number[];
  const layers = unet.layers_per_block as number;
  const hint = Array.from({ length: halvings + 1 }, (_, i) => 3 + i);
  const widths = [3, ...hint.flatMap((n, i) => (i < halvings ? [n, n] : [n])), channels[0] as number];
  for (let i = 0; i + 1 < widths.length; i++) {
    const last = i + 2 === widths.length;
    const place = i === 0 ? "conv_in" : last ? "conv_out" : `blocks.${i - 1}`;
    const [input = 0, out = 0] = widths.slice(i);
    convolution(`input_hint_block.${2 * i}`, `controlnet_cond_embedding.${place}`, out, input);
  }
  const skips = [channels[0] as number];
  channels.forEach((n, i) => {
    skips.push(...Array<number>(layers + (i + 1 < channels.length ? 1 : 0)).fill(n));
  });
  skips.forEach((n, i) => {
    convolution(`zero_convs.${i}.0`, `controlnet_down_blocks.${i}`, n, n, 1);
  });
  const deepest = channels.at(-1) as number;
  convolution("middle_block_out.0", "controlnet_mid_block", deepest, deepest, 1);
  const config = {
    _class_name: "ControlNetModel",
    ...unet,
    in_channels: 4,
    attention_head_dim: 8,
    conditioning_embedding_out_channels: hint,
  };
  return { original, ours, config };
}

for (const name of ["two-blocks", "four-blocks-linear"]) {
  t.test(`${name}: a ControlNet is the same in all its layouts`, async (t) => {
    const layout = layoutCases[name] as LayoutCase;
    const place = t.testdir();
    const checkpoint = drawCheckpoint(layout);
    const base = join(place, "base");
    writeLayoutFolder(base, layout, checkpoint);
    const halvings = (layout.vae.block_out_channels as number[]).length - 1;
    const { original, ours, config } = bothNames(layout, halvings);
    const folder = join(place, "folder");
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeSafetensors(join(folder, "diffusion_pytorch_model.safetensors"), ours);
    const prefixed = Object.entries(original).map(([name, tensor]) => [`control_model.${name}`, tensor]);
    const files: Record<string, Tensors> = {
      renamed: ours,
      original: Object.fromEntries(prefixed),
      bare: original,
      "with-base": { ...checkpoint, ...Object.fromEntries(prefixed) },
    };
    const controls = { controls: [{ frames: [picture] }] };
    const expected = await tensorsOf(t, { base, controls: folder }, controls);
    t.match(await inspect(folder), { kind: "controlnet", option: "--control-model", argument: folder });
    for (const [file, tensors] of Object.entries(files)) {
      const path = join(place, `${file}.safetensors`);
      writeSafetensors(path, tensors);
      assertSameTensors(t, await tensorsOf(t, { base, controls: path }, controls), expected, file);
      t.match(await inspect(path), {
        description: "a ControlNet, for a base whose text has 24 channels",
        option: "--control-model",
        argument: path,
      });
    }
  });
}

const small = writeSmallModel("files-controls");

for (const kind of ["sparse-latents", "sparse-pixels"] as const) {
  t.test(`${kind}: SparseCtrl is the same in diffusers' folder and in its own file`, async (t) => {
    const place = t.testdir({ own: {} });
    const folder = writeControl(join(place, "folder"), kind);
    const weights = readSafetensors(join(folder, "diffusion_pytorch_model.safetensors"));
    const own = Object.entries(weights).flatMap(([name, tensor]) => {
      const inner = name
        .replace(/(motion_modules\.\d+)\./, "$1.temporal_transformer.")
        .replace(".attn1.", name.includes("motion_modules") ? ".attention_blocks.0." : ".attn1.")
        .replace(/(temporal_transformer.*)\.norm1\./, "$1.norms.0.")
        .replace(/(temporal_transformer.*)\.norm3\./, "$1.ff_norm.");
      return name.endsWith(".pos_embed.pe") ? [] : [[`controlnet.module.${inner}`, tensor]];
    });
    const file = join(place, "own", "sparse.safetensors");
    writeSafetensors(file, Object.fromEntries(own));
    writeFileSync(join(place, "own", "config.json"), JSON.stringify(drawControl(kind).config));
    const load = { base: small.base, motion: small.motion as string };
    const asked = { frames: 3, keyframes: { 1: picture } };
    const [actual, expected] = [file, folder].map((controls) => tensorsOf(t, { ...load, controls }, asked));
    // The file has no table of positions: these are computed.
    assertClose(t, (await actual)?.latents, (await expected)?.latents, 1e-5, "latents");
    t.match(await inspect(file), { kind: "sparse-control", option: "--control-model" });
  });
}

t.test("ControlNets for other bases, and what is only a difference, are refused", async (t) => {
  const place = t.testdir();
  const { weights } = drawControl("controlnet");
  const wide = (width: number) =>
    Object.fromEntries(
      Object.entries(weights).map(([name, { shape, data }]) => {
        const isText = /attn2\.to_[kv]\.weight$/.test(name);
        const [rows = 0] = shape;
        return [
          name,
          isText ? { shape: [rows, width], data: new Float32Array(rows * width) } : { shape, data },
        ];
      }),
    );
  const path = join(place, "control.safetensors");
  for (const [width, name] of [
    [1024, "Stable Diffusion 2"],
    [2048, "Stable Diffusion XL"],
  ] as const) {
    writeSafetensors(path, wide(width));
    t.match(await inspect(path), {
      option: null,
      description: new RegExp(`for ${name}, which no option takes`),
    });
  }
  writeSafetensors(path, wide(768));
  t.match(await inspect(path), { option: "--control-model", description: /for Stable Diffusion 1.5$/ });
  writeFileSync(
    join(place, "config.json"),
    JSON.stringify({ ...drawControl("controlnet").config, cross_attention_dim: 768 }),
  );
  await t.rejects(Pipeline.load({ ...computing, base: small.base, controls: path }), {
    code: "ERR_WEIGHTS_MISMATCH",
    message:
      /it was made for another base model: it reads text of 768 channels, and the text encoder gives 12$/,
  });
  writeSafetensors(path, { ...weights, difference: { shape: [1], data: new Float32Array(1) } });
  await t.rejects(Pipeline.load({ ...computing, base: small.base, controls: path }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /difference to a base/,
  });
});
