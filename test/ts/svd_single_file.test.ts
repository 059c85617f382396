import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import { type Test, test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { writeVideoCheckpoint } from "../support/video_checkpoint.js";
import { videoRequest, writeVideoModel } from "../support/video_model.js";

/** A folder whose configs say what a file's tensors can't: heads of 64 numbers, and OpenCLIP's epsilon. */
function writeFolder(name: string): string {
  const base = writeVideoModel(name);
  const changes: [string, object][] = [
    ["unet", { num_attention_heads: [1, 1] }],
    ["image_encoder", { layer_norm_eps: 1e-5 }],
  ];
  for (const [part, changed] of changes) {
    const path = join(base, part, "config.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), ...changed }));
  }
  return base;
}

async function open(t: Test, base: string): Promise<Pipeline> {
  const pipe = await Pipeline.load({ base, device: "cpu", dtype: "fp32" });
  t.teardown(() => pipe.close());
  return pipe;
}

test("the authors' one file makes the folder's film, to the bit", async (t) => {
  const folder = writeFolder("svd-file");
  for (const [file, frames] of [
    ["svd_xt.safetensors", 25],
    ["svd.safetensors", 14],
  ] as const) {
    const path = join("build/fixtures/svd-single-file", file);
    writeVideoCheckpoint(folder, path, 1, [false, true]);
    t.match(await inspectPath(path), { kind: "ldm-video", option: "--base", argument: path });
    const pipe = await open(t, path);
    t.equal(pipe.family, "svd");
    t.equal(pipe.describe().options.frames, frames);
    const [fromFile, fromFolder] = [
      await pipe.sample(videoRequest()),
      await (await open(t, folder)).sample(videoRequest()),
    ];
    t.ok(Buffer.from(fromFile.frames).equals(Buffer.from(fromFolder.frames)), file);
  }
});
