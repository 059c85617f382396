import { join } from "node:path";
import { Pipeline, type RawImage, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { compare } from "../support/compare.js";
import { writeControl } from "../support/control_folder.js";
import { sample } from "../support/parity.js";
import { writeSmallModel } from "../support/small_model.js";
import { drawBytes, type Tensor, type Tensors } from "../support/tensors.js";

const folder = "build/fixtures/controls";
const model = writeSmallModel("controls");
const networks = {
  first: writeControl(join(folder, "first"), "controlnet", 3),
  second: writeControl(join(folder, "second"), "controlnet", 4),
  latents: writeControl(join(folder, "latents"), "sparse-latents"),
  pixels: writeControl(join(folder, "pixels"), "sparse-pixels"),
};

const sizes = { width: 40, height: 24 };
/** Noise, brighter or darker by the seed. */
function picture(seed: number): RawImage {
  const { data } = drawBytes("picture", [24, 40, 3], seed);
  return { data: data.map((value) => (value >> 1) + ((seed * 53) & 127)), ...sizes };
}
const film = (seed: number, frames = 3) => Array.from({ length: frames }, (_, i) => picture(seed + i));
const fewSteps: SampleRequest = { prompt: "a fox", ...sizes, frames: 3, steps: 2, seed: 1, guidanceScale: 4 };

type Paths = { motion?: string; subject?: string; controls?: string | string[] };

async function open(t: Test, paths: Paths, options: object = {}): Promise<Pipeline> {
  const pipe = await Pipeline.load({ base: model.base, ...paths, device: "cpu", dtype: "fp32", ...options });
  t.teardown(() => pipe.close());
  return pipe;
}

/** How far two results are apart, as a part of the largest value. */
const apart = (a: Tensors, b: Tensors) =>
  compare((a.latents as Tensor).data, (b.latents as Tensor).data).largest;
const exact = 1e-5;
const different = 1e-4;

t.test("ControlNets add up, each with its scale and its part of the steps", async (t) => {
  const { motion } = model as { motion: string };
  const request = { ...fewSteps, steps: 4 };
  const none = await open(t, { motion });
  const one = await open(t, { motion, controls: networks.first });
  const two = await open(t, { motion, controls: [networks.first, networks.second] });
  t.match(two.describe(), { controls: 2, keyframes: false, options: { structure: 0 } });
  t.match(
    two.describe().networks.map(({ name }) => name),
    ["text_encoder", "vae", "unet", "control.0", "control.1"],
  );
  const plain = await sample(t, none, request);
  const first = { frames: film(10) };
  const second = { frames: film(20) };
  const withFirst = await sample(t, one, { ...request, controls: [first] });
  t.ok(apart(withFirst, plain) > different, "it changes what comes out");
  t.equal(apart(await sample(t, one, { ...request, controls: [{ ...first, scale: 0 }] }), plain), 0);
  const onlyFirst = await sample(t, two, { ...request, controls: [first, { ...second, scale: 0 }] });
  t.equal(apart(onlyFirst, withFirst), 0, "one of two is that one");
  const both = await sample(t, two, { ...request, controls: [first, second] });
  t.ok(apart(both, withFirst) > different);
  const parts = await Promise.all(
    [
      { from: 0, to: 0.25 },
      { from: 0.5, to: 1 },
    ].map((part) => sample(t, one, { ...request, controls: [{ ...first, ...part }] })),
  );
  for (const part of parts) t.ok(apart(part, plain) > exact && apart(part, withFirst) > exact);
  const step = (tensors: Tensors, at: number) => {
    const { data, shape } = tensors.latents as { data: Float32Array; shape: number[] };
    const size = data.length / (shape[0] ?? 1);
    return data.slice(at * size, (at + 1) * size);
  };
  t.same(step(parts[1] as Tensors, 1), step(plain, 1), "before its part nothing is changed");
  t.same(step(parts[0] as Tensors, 0), step(withFirst, 0), "within it all is");
});

t.test("with a subject the references are left alone, and in windows frames have their own", async (t) => {
  const { motion, subject } = model as { motion: string; subject: string };
  const pipe = await open(t, { motion, subject, controls: networks.first });
  const starring = { ...fewSteps, reference: picture(5) };
  const controls = [{ frames: film(10) }];
  const whole = await sample(t, pipe, { ...starring, controls });
  t.ok(apart(await sample(t, pipe, { ...starring, controls: [{ frames: film(30) }] }), whole) > different);
  const long = { ...starring, frames: 6, context: { length: 3, overlap: 0 } };
  const windows = await sample(t, pipe, { ...long, controls: [{ frames: film(10, 6) }] });
  const swapped = [...film(10, 3), ...film(50, 3)];
  const other = await sample(t, pipe, { ...long, controls: [{ frames: swapped }] });
  const halves = ({ latents }: Tensors) => {
    const { data, shape } = latents as { data: Float32Array; shape: number[] };
    const frame = (shape[4] ?? 1) * (shape[5] ?? 1);
    return [0, 1].map((half) => data.filter((_, i) => Math.floor((i / frame) % 6 >= 3 ? 1 : 0) === half));
  };
  const [before, after] = [halves(windows), halves(other)];
  t.same(before[0], after[0], "a window has the conditions of its frames");
  t.notSame(before[1], after[1]);
});

t.test("kept features, little memory and branches apart change little", async (t) => {
  const { motion } = model as { motion: string };
  const controls = [{ frames: film(10), guess: true }];
  const pipe = await open(t, { motion, controls: networks.first });
  const asked = { ...fewSteps, steps: 4, controls };
  const plain = await sample(t, pipe, asked);
  const every = { ...asked, cacheInterval: 2 };
  const kept = await sample(t, pipe, every);
  t.ok(apart(kept, plain) > different, "features of the step before");
  const other = await sample(t, pipe, { ...every, controls: [{ frames: film(40), guess: true }] });
  t.ok(apart(other, kept) > different);
  const { networks: loaded } = pipe.describe();
  const weights = 4 * loaded.reduce((sum, { parameters }) => sum + parameters, 0);
  const small = await open(
    t,
    { motion, controls: networks.first },
    { maxMemory: weights + 128 * 2 ** 20 + 400_000 },
  );
  t.ok(apart(await sample(t, small, asked), plain) < exact, "branch by branch");
});

t.test("a ControlNet that guesses goes with the prompt alone", async (t) => {
  const pipe = await open(t, { controls: networks.first });
  const still = { ...fewSteps, frames: 1 };
  const controls = (guess: boolean, seed = 10) => [{ frames: film(seed, 1), guess }];
  const sure = await sample(t, pipe, { ...still, controls: controls(false) });
  const guessed = await sample(t, pipe, { ...still, controls: controls(true) });
  t.ok(apart(guessed, sure) > different);
  const unguided = { ...still, guidanceScale: 1 };
  const alone = await sample(t, pipe, { ...unguided, controls: controls(true) });
  t.ok(apart(await sample(t, pipe, { ...unguided, controls: controls(true, 30) }), alone) > different);
});

t.test("SparseCtrl makes a film of some frames", async (t) => {
  const { motion } = model as { motion: string };
  for (const kind of ["latents", "pixels"] as const) {
    const pipe = await open(t, { motion, controls: [networks.first, networks[kind]] });
    t.match(pipe.describe(), { controls: 1, keyframes: true });
    const asked = { ...fewSteps, controls: [{ frames: film(10), scale: 0 }] };
    const first = await sample(t, pipe, { ...asked, keyframes: { 0: picture(1) } });
    const last = await sample(t, pipe, { ...asked, keyframes: { 2: picture(1) } });
    const both = await sample(t, pipe, { ...asked, keyframes: { 0: picture(1), 2: picture(2) } });
    const none = await sample(t, pipe, { ...asked, keyframes: { 0: picture(1) }, keyframeScale: 0 });
    for (const [a, b] of [
      [first, last],
      [first, both],
      [first, none],
    ] as const)
      t.ok(apart(a, b) > different, kind);
    t.equal(apart(await sample(t, pipe, { ...asked, keyframes: { 0: picture(1) } }), first), 0, "as before");
  }
});

t.test("less structure is left, level by level", async (t) => {
  const pipe = await open(t, { controls: networks.first });
  const still = { ...fewSteps, frames: 1 };
  const of = (frames: RawImage[], structure: number) =>
    sample(t, pipe, { ...still, structure, controls: [{ frames }] });
  const all = await of(film(10, 1), 0);
  t.ok(apart(await of(film(10, 1), 2), all) > different);
  const grey = [{ ...picture(1), data: new Uint8Array(3 * 40 * 24).fill(90) }];
  t.ok(apart(await of(grey, 7), await of(grey, 0)) < exact, "there is no structure to lose");
});

t.test("edges are computed where a control asks for them", async (t) => {
  const pipe = await open(t, { controls: networks.first });
  const still = { ...fewSteps, frames: 1 };
  const grey = [{ ...picture(1), data: new Uint8Array(3 * 40 * 24).fill(90) }];
  const black = [{ ...picture(1), data: new Uint8Array(3 * 40 * 24) }];
  const canny = { compute: "canny" as const };
  const ofBlack = await sample(t, pipe, { ...still, controls: [{ frames: black }] });
  const ofGrey = await sample(t, pipe, { ...still, controls: [{ frames: grey, ...canny }] });
  t.equal(apart(ofGrey, ofBlack), 0, "no edges are black");
  const low = { ...canny, low: 5, high: 10 };
  const many = await sample(t, pipe, { ...still, controls: [{ frames: film(3, 1), ...low }] });
  t.ok(apart(many, ofBlack) > different);
});

t.test("guidance over time leads from frames by themselves to the film and beyond", async (t) => {
  const { motion, subject } = model as { motion: string; subject: string };
  const pipe = await open(t, { motion });
  const film = await sample(t, pipe, fewSteps);
  const at = (temporalGuidance: number, more: object = {}) =>
    sample(t, pipe, { ...fewSteps, ...more, temporalGuidance });
  t.ok(apart(await at(1), film) < exact, "1 is the film");
  t.ok(apart(await at(2), film) > different);
  const unguided = { guidanceScale: 1, frames: 1 };
  const [still] = [await open(t, {})];
  const scheduler = { _class_name: "DDIMScheduler", beta_schedule: "linear", clip_sample: false };
  const apartFrames = await at(0, { ...unguided, scheduler });
  const one = await sample(t, still, { ...fewSteps, ...unguided, scheduler });
  const numbers = one.latents as Tensor;
  t.ok(compare((apartFrames.latents as Tensor).data, numbers.data).largest < exact, "0 is what stills are");
  const starring = await open(t, { motion, subject });
  const withSubject = { ...fewSteps, reference: picture(5) };
  const plain = await sample(t, starring, withSubject);
  t.ok(apart(await sample(t, starring, { ...withSubject, temporalGuidance: 1 }), plain) < exact);
});

t.test("networks and frames that don't go together are refused, by their names", async (t) => {
  const { motion } = model as { motion: string };
  const load = (paths: Paths) => open(t, paths);
  await t.rejects(load({ motion, controls: [networks.latents, networks.pixels] }), {
    code: "ERR_INVALID_OPTION",
    message: /^controls: one SparseCtrl network/,
  });
  await t.rejects(load({ controls: networks.latents }), {
    code: "ERR_INVALID_OPTION",
    message: /needs motion/,
  });
  await t.rejects(load({ motion, controls: motion }), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /a MotionAdapter \(it goes with --motion\); the ControlNet was expected/,
  });
  await t.rejects(load({ motion: networks.first }), {
    message: /a ControlNet \(it goes with --control-model\)/,
  });
  const weights = join(networks.first, "diffusion_pytorch_model.safetensors");
  await t.rejects(load({ motion: weights }), { message: /this is a ControlNet, .*, for --control-model/ });
  const pipe = await load({ motion, controls: networks.first });
  await t.rejects(pipe.sample({ ...fewSteps, controls: [{ frames: film(1, 2) }] }), {
    code: "ERR_INVALID_OPTION",
    message: /^controls 1 has 2 frames and the request 3/,
  });
  const { frames, ...unsaid } = fewSteps;
  const video = await pipe.sample({ ...unsaid, controls: [{ frames: film(1, 2) }] });
  t.equal(video.request.frames, 2, "a film says how many frames there are");
});
