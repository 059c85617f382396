import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { convert, Pipeline } from "cameo";
import t, { type Test } from "tap";
import { assertSameTensors } from "../../support/compare.js";
import {
  drawCheckpoint,
  type LayoutCase,
  layoutCases,
  partOf,
  parts,
  weightsFile,
  writeLayoutFolder,
} from "../../support/layouts.js";
import { readMetadata, readSafetensors, writeSafetensors } from "../../support/safetensors.js";
import { writeSmallModel } from "../../support/small_model.js";

function write(t: Test, layout: LayoutCase) {
  const place = t.testdir();
  const paths = { place, file: join(place, "model.safetensors"), folder: join(place, "folder") };
  const checkpoint = drawCheckpoint(layout);
  writeSafetensors(paths.file, checkpoint, { title: "mine" });
  writeLayoutFolder(paths.folder, layout, checkpoint);
  return { ...paths, checkpoint };
}

for (const [name, layout] of Object.entries(layoutCases)) {
  t.test(`${name}: one file and diffusers' folder become one another, byte by byte`, async (t) => {
    const { place, file, folder, checkpoint } = write(t, layout);
    const made = join(place, "made");
    const { kind, target, files } = await convert(file, made);
    t.match({ kind, target }, { kind: "ldm-checkpoint", target: "diffusers" });
    t.ok(files.every(existsSync));
    for (const part of parts) {
      assertSameTensors(t, readSafetensors(weightsFile(made, part)), partOf(layout, checkpoint, part), part);
    }
    for (const from of [made, folder]) {
      const back = join(place, `back-${from === made}.safetensors`);
      await convert(from, back);
      assertSameTensors(t, readSafetensors(back), checkpoint);
      t.equal(readMetadata(back).title, from === made ? "mine" : undefined);
    }
    t.equal(readMetadata(weightsFile(made, "unet")).title, "mine");
  });
}

t.test("a converted folder loads, with its tokenizer", async (t) => {
  const { place, file, folder } = write(t, layoutCases["two-blocks"] as LayoutCase);
  await convert(file, join(place, "made"));
  const tokenizer = join(folder, "tokenizer");
  await using pipe = await Pipeline.load({ base: join(place, "made"), tokenizer, device: "cpu" });
  t.equal(pipe.family, "stable-diffusion");
});

t.test("progress goes to the last tensor, and an end in the middle leaves nothing", async (t) => {
  const { place, file, checkpoint } = write(t, layoutCases["two-blocks"] as LayoutCase);
  const steps: number[] = [];
  await convert(file, join(place, "whole"), { onProgress: ({ step }) => steps.push(step) });
  t.equal(steps.at(-1), Object.keys(checkpoint).length);
  const before = readdirSync(place);
  const stop = new AbortController();
  const options = { signal: stop.signal, onProgress: () => stop.abort() };
  await t.rejects(convert(file, join(place, "part"), options), { code: "ERR_ABORTED" });
  t.same(readdirSync(place), before);
});

t.test("says what it does not convert, and leaves nothing", async (t) => {
  const { place, file, folder } = write(t, layoutCases["two-blocks"] as LayoutCase);
  const small = writeSmallModel("convert");
  const refused: [Parameters<typeof convert>, { code: string; message: RegExp }][] = [
    [[file, folder], { code: "ERR_INVALID_OPTION", message: /folder" is there already; give another name$/ }],
    [
      [folder, join(place, "out")],
      { code: "ERR_INVALID_OPTION", message: /"out" is to be one file.*\.safetensors$/ },
    ],
    [
      [file, join(place, "out"), { to: "orignal" as never }],
      { code: "ERR_INVALID_OPTION", message: /^to: "orignal" is not a layout; did you mean "original"\?$/ },
    ],
    [
      [small.base, join(place, "out.safetensors")],
      {
        code: "ERR_WEIGHTS_MISMATCH",
        message: /the original layout can't say that its UNet has .* diffusers' layout$/,
      },
    ],
    [
      [small.subject as string, join(place, "out")],
      {
        code: "ERR_INVALID_OPTION",
        message: /VideoMaker subject\), which has no other layout to convert to$/,
      },
    ],
    [[join(place, "nothing"), join(place, "out")], { code: "ERR_WEIGHTS_FORMAT", message: /nothing/ }],
  ];
  const before = readdirSync(place);
  for (const [given, error] of refused) {
    await t.rejects(convert(...given), {
      ...error,
      message: new RegExp(error.message.source.replace('^"', '"')),
    });
  }
  t.same(readdirSync(place), before);
});
