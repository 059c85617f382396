import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import {
  assertFrames,
  assertNumbers,
  type CaseFile,
  parityFolder,
  readCase,
  requestOf,
  sample,
  skipWithout,
} from "../support/parity.js";
import { readSafetensors } from "../support/safetensors.js";

interface ControlRun {
  name: string;
  controlnets: { index: number; scale: number; guidance_start: number; guidance_end: number }[];
}

const several = parityFolder("animatediff-controlnet-a");

t.test("ControlNets are what diffusers makes of them", skipWithout(several), async (t) => {
  const file = readCase(several);
  const expected = readSafetensors(join(several, "expected.safetensors"));
  for (const { name, controlnets } of file.runs as unknown as ControlRun[]) {
    const pipe = await Pipeline.load({
      base: join(several, "sd15-small"),
      motion: join(several, "motion-adapter"),
      controls: controlnets.map(({ index }) => join(several, `controlnet-${index}`)),
      device: "cpu",
      dtype: "fp32",
    });
    t.teardown(() => pipe.close());
    const actual = await sample(t, pipe, {
      ...requestOf(file, file),
      frames: file.frames,
      longPrompt: "cut",
      controls: controlnets.map(({ index, scale, guidance_start: from, guidance_end: to }) => ({
        frames: join(several, `control-${index}`),
        ...{ scale, from, to },
      })),
    });
    assertNumbers(t, actual.latents, expected[`${name}/latents`], `${name}: latents`);
    assertFrames(t, actual, expected[`${name}/frames`]);
  }
});

interface FilmFile extends CaseFile {
  strength: number;
  controlnet_scales: number[];
  control_guidance_start: number[];
  control_guidance_end: number[];
}

const filmed = parityFolder("video-to-video-a");

t.test("a film leads to another by ControlNets as in diffusers", skipWithout(filmed), async (t) => {
  const file = readCase(filmed) as FilmFile;
  const expected = readSafetensors(join(filmed, "expected.safetensors"));
  const pipe = await Pipeline.load({
    base: join(filmed, "sd15-small"),
    motion: join(filmed, "motion-adapter"),
    controls: [1, 2].map((index) => join(filmed, `controlnet-${index}`)),
    device: "cpu",
    dtype: "fp32",
  });
  t.teardown(() => pipe.close());
  const actual = await sample(t, pipe, {
    ...requestOf(file, file),
    video: join(filmed, "film"),
    strength: file.strength,
    controls: file.controlnet_scales.map((scale, i) => ({
      ...{ frames: join(filmed, `control-${i + 1}`), scale },
      ...{ from: file.control_guidance_start[i], to: file.control_guidance_end[i] },
    })),
  });
  assertNumbers(t, actual.latents, expected["two-controlnets/latents"], "latents");
  assertFrames(t, actual, expected["two-controlnets/frames"]);
});

interface SparseRun {
  name: string;
  frame_indices: number[];
  scale: number;
}

const sparse = parityFolder("sparsectrl-a");

t.test("SparseCtrl is what diffusers makes of it", skipWithout(sparse), async (t) => {
  const file = readCase(sparse);
  const expected = readSafetensors(join(sparse, "expected.safetensors"));
  for (const { name, frame_indices: frames, scale } of file.runs as unknown as SparseRun[]) {
    const pipe = await Pipeline.load({
      base: join(sparse, "sd15-small"),
      motion: join(sparse, "motion-adapter"),
      controls: join(sparse, `sparsectrl-${name}`),
      device: "cpu",
      dtype: "fp32",
    });
    t.teardown(() => pipe.close());
    const actual = await sample(t, pipe, {
      ...requestOf(file, file as CaseFile),
      frames: file.frames,
      keyframeScale: scale,
      keyframes: Object.fromEntries(
        frames.map((frame, i) => [frame, join(sparse, name, `${String(i).padStart(3, "0")}.png`)]),
      ),
    });
    assertNumbers(t, actual.keyframe_conditions, expected[`${name}/controlnet_cond`], `${name}: conditions`);
    assertNumbers(t, actual.latents, expected[`${name}/latents`], `${name}: latents`);
    assertFrames(t, actual, expected[`${name}/frames`]);
  }
});
