// Slow: it loads small models more than a dozen times, and samples with them.
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type LoadOptions, Pipeline, type SampleRequest } from "cameo";
import { type Test, test } from "tap";
import { openAddon } from "#ts/addon.js";
import { assertSameTensors } from "../support/compare.js";
import { adapterTensors, crossAttentions, writeAdapter } from "../support/image_prompts.js";
import { sample } from "../support/parity.js";
import { writeSafetensors } from "../support/safetensors.js";
import { writeSmallModel } from "../support/small_model.js";
import { drawBytes, type Tensors } from "../support/tensors.js";

const picture = (seed: number, width = 21, height = 30) => ({
  data: drawBytes("picture", [height, width, 3], seed).data,
  width,
  height,
});
const request = { prompt: "a fox", frames: 2, width: 32, height: 32, steps: 4, seed: 7 };

async function open(t: Test, options: LoadOptions): Promise<Pipeline> {
  const pipe = await Pipeline.load({ device: "cpu", dtype: "fp32", ...options });
  t.teardown(() => pipe.close());
  return pipe;
}

const framesOf = async (pipe: Pipeline, changes: Partial<SampleRequest>) =>
  Buffer.from((await pipe.sample({ ...request, ...changes })).frames);

test("pictures count as far as they are told, where and when", async (t) => {
  const { base, motion } = writeSmallModel("ip_adapter");
  const folder = t.testdir();
  const without = await framesOf(await open(t, { base, motion }), {});
  for (const kind of ["plain", "plus", "full"] as const) {
    const pipe = await open(t, { base, motion, ipAdapter: writeAdapter(join(folder, kind), kind, base) });
    const frames = (changes: Partial<SampleRequest>) => framesOf(pipe, { ipImage: picture(1), ...changes });
    const whole = await frames({});
    t.notOk(whole.equals(without), `${kind}: the picture shows`);
    t.ok(
      (await frames({ ipScale: 0 })).equals(without),
      `${kind}: at 0 it is as without an adapter, to the bit`,
    );
    t.notOk((await frames({ ipImage: picture(2) })).equals(whole), "another picture");
    t.notOk((await frames({ ipImage: [picture(1), picture(2)] })).equals(whole), "two pictures");
    if (kind !== "plain") continue;
    t.ok((await frames({ ipScale: [{ from: 0, to: 0.5, scale: 1 }, { scale: 1 }] })).equals(whole));
    t.notOk((await frames({ ipScale: { to: 0.5 } })).equals(whole), "the first half of the steps");
    t.ok((await frames({ ipScale: { from: 0.5, to: 0.5 } })).equals(without), "no step");
    const none = { down_blocks: 0, mid_block: 0, up_blocks: 0 };
    t.ok((await frames({ ipScale: { blocks: none } })).equals(without), "no layer");
    const all = Object.fromEntries(crossAttentions(base).map(({ name }) => [name, 1]));
    t.ok(
      (await frames({ ipScale: { blocks: { ...none, ...all } } })).equals(whole),
      "every layer by its name",
    );
    const { ipImage, ipScale } = (await pipe.sample({ ...request, ipImage: picture(1), ipScale: 0.5 }))
      .request;
    t.same(ipScale, [{ scale: 0.5, blocks: {}, from: 0, to: 1 }]);
    t.equal((ipImage as unknown[]).length, 1);
  }
});

test("a subject's references and stills take pictures, guided or not", async (t) => {
  const { base, motion, subject } = writeSmallModel("ip_adapter_subject");
  const ipAdapter = writeAdapter(t.testdir(), "plus", base);
  const reference = picture(3, 32, 32);
  const starring = await open(t, { base, motion, subject, ipAdapter });
  const whole = await framesOf(starring, { reference, ipImage: picture(1) });
  t.notOk((await framesOf(starring, { reference, ipImage: picture(2) })).equals(whole));
  t.equal(
    (await framesOf(starring, { reference, ipImage: picture(1), guidanceScale: 1 })).length,
    whole.length,
  );
  const still = await open(t, { base, ipAdapter });
  const frames = (seed: number) => framesOf(still, { frames: 1, ipImage: picture(seed) });
  t.notOk((await frames(1)).equals(await frames(2)));
  t.match(still.describe(), { imagePrompt: true, options: { ipScale: 1 } });
  t.same(
    still.describe().networks.map(({ name }) => name),
    ["text_encoder", "image_encoder", "ip_adapter", "vae", "unet"],
  );
});

const zeros = (name: string, ...shape: number[]): Tensors => ({
  [name]: { shape, data: new Float32Array(shape.reduce((product, size) => product * size)) },
});

/** The authors' names of a resampler and of attention as diffusers has them within a UNet. */
function inDiffusersNames(tensors: Tensors, base: string): Tensors {
  const layers = crossAttentions(base);
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) => {
      const [, number, part] = /^ip_adapter\.(\d+)\.(to_[kv]_ip)\.weight$/.exec(name) ?? [];
      const layer = layers[(Number(number) - 1) / 2];
      if (layer) return [[`${layer.name}.processor.${part}.0.weight`, tensor]];
      const ours = name
        .replace("image_proj.", "encoder_hid_proj.image_projection_layers.0.")
        .replace(".0.norm1.", ".ln0.")
        .replace(".0.norm2.", ".ln1.")
        .replace(/(layers\.\d+)\.0\.to_/, "$1.attn.to_")
        .replace(".to_out.weight", ".to_out.0.weight")
        .replace(/(layers\.\d+)\.1\.0\./, "$1.ff.0.")
        .replace(/(layers\.\d+)\.1\.1\./, "$1.ff.1.net.0.proj.")
        .replace(/(layers\.\d+)\.1\.3\./, "$1.ff.1.net.2.");
      if (!ours.includes(".to_kv.")) return [[ours, tensor]];
      const [rows = 0, columns = 0] = tensor.shape;
      return ["to_k", "to_v"].map((half, i) => {
        const data = tensor.data.slice((i * rows * columns) / 2, ((i + 1) * rows * columns) / 2);
        return [ours.replace("to_kv", half), { shape: [rows / 2, columns], data }];
      });
    }),
  );
}

test("an adapter is the same by diffusers' names, and in its folder", async (t) => {
  const { base, motion } = writeSmallModel("ip_adapter_names");
  const folder = t.testdir();
  const file = writeAdapter(folder, "plus", base);
  const saved = join(folder, "saved.safetensors");
  writeSafetensors(saved, inDiffusersNames(adapterTensors("plus", base), base));
  const latents = async (ipAdapter: string) => {
    await using pipe = await Pipeline.load({ base, motion, ipAdapter, device: "cpu", dtype: "fp32" });
    return await sample(t, pipe, { ...request, ipImage: picture(1) });
  };
  const expected = await latents(file);
  for (const path of [saved, folder]) assertSameTensors(t, await latents(path), expected, path);
  const published = join(folder, "published");
  mkdirSync(join(published, "models"), { recursive: true });
  renameSync(file, join(published, "models", "ip-adapter-plus.safetensors"));
  renameSync(join(folder, "image_encoder"), join(published, "models", "image_encoder"));
  assertSameTensors(t, await latents(published), expected, published);
});

test("what doesn't go together is refused before anything is computed", async (t) => {
  const { base, motion } = writeSmallModel("ip_adapter_wrong");
  const folder = t.testdir({ others: {} });
  const ipAdapter = writeAdapter(folder, "plain", base);
  const invalid = (message: RegExp) => ({ code: "ERR_INVALID_OPTION", message });
  const mismatch = (message: RegExp) => ({ code: "ERR_WEIGHTS_MISMATCH", message });
  const plain = await open(t, { base, motion });
  await t.rejects(
    plain.sample({ ...request, ipImage: picture(1) }),
    invalid(/^ipImage: .* load one with the option ipAdapter$/),
  );
  const pipe = await open(t, { base, motion, ipAdapter });
  await t.rejects(pipe.sample(request), invalid(/^ipImage is missing: this pipeline has an adapter/));
  await t.rejects(
    pipe.sample({ ...request, ipImage: picture(1), ipScale: { blocks: { "down_blocks.9": 1 } } }),
    invalid(/^ipScale: blocks: .*"down_blocks\.9"; there are down_blocks\.0\.attentions\.0, /),
  );

  const load = (options: LoadOptions) => Pipeline.load({ base, motion, device: "cpu", ...options });
  const imageEncoder = join(folder, "image_encoder");
  await t.rejects(load({ imageEncoder }), invalid(/^imageEncoder: .* with `ipAdapter`$/));
  const write = (name: string, tensors: Tensors) => {
    const path = join(folder, "others", name);
    writeSafetensors(path, tensors);
    return path;
  };
  const tensors = adapterTensors("plain", base);
  await t.rejects(
    load({ ipAdapter: write("alone.safetensors", tensors) }),
    invalid(/^imageEncoder is missing: .*alone\.safetensors has no folder image_encoder beside it/),
  );
  const own = { imageEncoder };
  const text = crossAttentions(base)[0]?.text ?? 0;
  await t.rejects(
    load({
      ipAdapter: write("bigger.safetensors", {
        ...tensors,
        ...zeros("image_proj.proj.weight", 4 * text, 99),
      }),
      ...own,
    }),
    mismatch(/it reads 99 numbers of an image encoder, and .* gives 10; name the encoder/),
  );
  const forXl = {
    ...tensors,
    ...zeros("image_proj.proj.weight", 8192, 10),
    ...zeros("image_proj.norm.weight", 2048),
  };
  await t.rejects(
    load({ ipAdapter: write("xl.safetensors", forXl), ...own }),
    mismatch(
      /it is an IP-Adapter for SDXL \(plain, 4 tokens a picture\), and this model's text has \d+ numbers/,
    ),
  );
  const { "ip_adapter.1.to_k_ip.weight": _, ...less } = tensors;
  await t.rejects(
    load({ ipAdapter: write("less.safetensors", less), ...own }),
    mismatch(/missing parameters \(1\): "ip_adapter\.1\.to_k_ip\.weight"/),
  );
  const { "image_proj.proj.weight": _weight, "image_proj.proj.bias": _bias, ...others } = tensors;
  const faceId = {
    ...others,
    ...zeros("image_proj.proj.0.weight", 16, 8),
    ...zeros("image_proj.proj.2.weight", 4 * text, 16),
  };
  await t.rejects(
    load({ ipAdapter: write("face.safetensors", faceId), ...own }),
    mismatch(/IP-Adapter FaceID, which needs InsightFace's identity/),
  );
  await t.rejects(
    load({ ipAdapter: join(base, "vae/diffusion_pytorch_model.safetensors"), ...own }),
    mismatch(/an IP-Adapter was expected; this is a VAE \(diffusers names\), for --vae$/),
  );
  await t.rejects(load({ lora: ipAdapter }), mismatch(/this is an IP-Adapter .*, for --ip-adapter$/));
  await t.rejects(load({ ipAdapter: folder, motion: ipAdapter }), mismatch(/for --ip-adapter$/));
  writeAdapter(folder, "plus", base);
  await t.rejects(load({ ipAdapter: folder }), {
    code: "ERR_WEIGHTS_FORMAT",
    message:
      /several adapters in it; name one: "ip-adapter-plain\.safetensors", "ip-adapter-plus\.safetensors"/,
  });
});

test("inspect says what an adapter and its encoder are, and what takes them", async (t) => {
  const { base } = writeSmallModel("ip_adapter_inspect");
  const folder = t.testdir();
  const addon = openAddon({ cuda: false });
  const inspect = async (path: string) => JSON.parse(await addon.inspect(path));
  for (const [kind, words] of [
    ["plain", "(plain, 4 tokens a picture)"],
    ["plus", "(plus, 3 tokens a picture)"],
    ["full", "(full: all parts of a picture)"],
  ] as const) {
    const file = writeAdapter(folder, kind, base);
    const { description, ...rest } = await inspect(file);
    t.match(rest, { kind: "ip-adapter", option: "--ip-adapter", argument: file });
    t.ok(description.endsWith(words), description);
  }
  const encoder = join(folder, "image_encoder");
  t.match(await inspect(encoder), { kind: "clip-vision", option: "--image-encoder", argument: encoder });
  const halves = await inspect("test/fixtures/image_prompts/halves.bin");
  t.match(halves, { kind: "ip-adapter", tensors: 3 });
  t.same(halves.keys.map(({ name }: { name: string }) => name).sort(), [
    "image_proj.norm.weight",
    "image_proj.proj.weight",
    "ip_adapter.1.to_k_ip.weight",
  ]);
});
