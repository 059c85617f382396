import { type AnyRequest, Pipeline, type SampleRequest } from "cameo";
import t from "tap";
import { assertClose, assertSameTensors } from "../support/compare.js";
import { sample } from "../support/parity.js";
import type { Tensor } from "../support/tensors.js";
import {
  type WanShownFilm,
  wanShownRequest,
  wanWindowsExpected,
  wanWindowsRequest,
  writeWanShown,
} from "../support/wan_shown_model.js";

const films: WanShownFilm[] = ["vace", "image", "both"];
const open = (film: WanShownFilm) =>
  Pipeline.load({ base: writeWanShown(`wan-windows-${film}`, film), device: "cpu", dtype: "fp32" });
const [vace, image, both] = (await Promise.all(films.map(open))) as [Pipeline, Pipeline, Pipeline];
const pipes = { vace, image, both };
t.teardown(() => Promise.all([vace.close(), image.close(), both.close()]));

const bytesOf = (tensor?: Pick<Tensor, "data">) => Buffer.from(tensor?.data ?? []);

/** Of latents after each step those after the last one. */
function last({ shape, data }: Tensor): Tensor {
  const size = shape.slice(1).reduce((product, side) => product * side, 1);
  return { shape: [1, ...shape.slice(1)], data: data.slice(-size) };
}

t.test("windows are what diffusers' transformer makes of each, blended", async (t) => {
  for (const film of films) {
    const made = await sample(t, pipes[film], wanWindowsRequest(film));
    const { latents } = wanWindowsExpected(film);
    assertClose(t, last(made.latents as Tensor), latents, 1e-4, film);
    t.equal(made.frames?.shape[0], 13);
    const { context, ...atOnce } = wanWindowsRequest(film);
    const whole = await sample(t, pipes[film], atOnce);
    t.notOk(bytesOf(whole.frames).equals(bytesOf(made.frames)), `${film}: all at once it is another film`);
  }
});

t.test("a window as long as the film changes nothing", async (t) => {
  for (const film of films) {
    t.ok("context" in pipes[film].describe().options, film);
    const { context, ...atOnce } = wanWindowsRequest(film);
    const whole = await sample(t, pipes[film], atOnce);
    for (const length of [13, 17]) {
      const one = await sample(t, pipes[film], { ...atOnce, context: { length } });
      assertSameTensors(t, one, whole, `${film}, ${length}`);
    }
  }
});

t.test("a window sees what is known of its own latents", async (t) => {
  const made = await sample(t, both, { ...wanWindowsRequest("both"), steps: 1 });
  const [known, input] = [made.image_latents, made.unet_in_0] as [Tensor, Tensor];
  t.same(
    [known.shape, input.shape],
    [
      [1, 16, 4, 4, 4],
      [2, 36, 3, 4, 4],
    ],
  );
  const seen = Array.from(
    { length: 16 * 48 },
    (_, i) => input.data[(20 + Math.floor(i / 48)) * 48 + (i % 48)],
  );
  const own = seen.map((_, i) => known.data[Math.floor(i / 48) * 64 + (i % 48)]);
  t.same(seen, own, "the first window has the latents of the film up to its own end");
});

t.test("windows may move, and loop", async (t) => {
  for (const schedule of ["uniform", "looped"] as const) {
    const request = { ...wanWindowsRequest("vace"), context: { length: 9, overlap: 4, schedule } };
    const film = async (changes: Partial<SampleRequest>) =>
      Buffer.from((await vace.sample({ ...request, ...changes } as SampleRequest)).frames);
    const first = await film({});
    t.ok((await film({})).equals(first), `${schedule}: the same request makes the same film`);
    t.notOk((await film({ reference: [] })).equals(first), `${schedule}: references count`);
    t.notOk((await film({ conditioningScale: 0 })).equals(first), `${schedule}: what is shown counts`);
  }
});

const refused: [WanShownFilm, object, RegExp][] = [
  ["vace", { context: { length: 10 } }, /^context\.length: 10 is not allowed; .* of which 9 and 13 are/],
  ["image", { context: { length: 6 } }, /^context\.length: 6 is not allowed; .* of which 5 and 9 are/],
  ["both", { context: { length: 9, overlap: 9 } }, /^context: .* an overlap that is less/],
  ["image", { frames: 65, context: undefined }, /^frames: 65 .* at most 61; the option context has more$/],
  ["image", { frames: 69, context: { length: 65 } }, /^context\.length: 65 .* at most 61$/],
  ["vace", { frames: 69, context: { length: 57 } }, /^context\.length: 57 .* at most 53$/],
];

t.test("windows that can't be are refused by name", async (t) => {
  for (const [film, changes, message] of refused) {
    const { video, mask, ...request } = wanWindowsRequest(film);
    const wrong = { ...request, ...changes } as AnyRequest;
    await t.rejects(pipes[film].sample(wrong), { code: "ERR_INVALID_OPTION", message }, String(message));
  }
});

t.test("a film has more frames than the model has places for", async (t) => {
  for (const film of films) {
    const { video, mask, ...request } = wanWindowsRequest(film);
    const made = await pipes[film].sample({ ...request, steps: 1, frames: 69, context: { length: 53 } });
    t.equal(made.frames.length, 69 * 16 * 16 * 3, film);
  }
});

t.test("the denoiser's memory is a window's, however long the film is", async (t) => {
  for (const film of films) {
    const { context, ...request } = wanShownRequest(film, 53);
    const bytes = async (changes: Partial<SampleRequest>) =>
      (await pipes[film].plan({ ...request, ...changes } as SampleRequest)).denoiser;
    const whole = await bytes({});
    const { video, mask, ...unshown } = request;
    const long = { ...unshown, frames: 1001, context: { length: 53 } } as SampleRequest;
    t.equal((await pipes[film].plan(long)).denoiser, whole, film);
    t.ok((await bytes({ context: { length: 9 } })) < whole, film);
  }
});
