import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AnyRequest, Pipeline, type SampleRequest } from "cameo";
import t, { type Test } from "tap";
import { inspectPath } from "#ts/inspect_path.js";
import { cameo } from "../support/command.js";
import { assertClose } from "../support/compare.js";
import { assertFrames, sample } from "../support/parity.js";
import { png } from "../support/pictures.js";
import { writeReleased } from "../support/wan_released.js";
import {
  type WanShownFilm,
  wanShownExpected,
  wanShownRequest,
  writeWanShown,
} from "../support/wan_shown_model.js";

const place = { device: "cpu", dtype: "fp32" } as const;
const open = (film: WanShownFilm) => Pipeline.load({ base: writeWanShown(`wan-${film}`, film), ...place });
const [vace, image, both] = await Promise.all([open("vace"), open("image"), open("both")]);
t.teardown(() => Promise.all([vace.close(), image.close(), both.close()]));
const pipes = { vace, image, both };

t.test("what they are shown they make of it what diffusers makes", async (t) => {
  for (const [film, pipe] of Object.entries(pipes) as [WanShownFilm, Pipeline][]) {
    const expected = wanShownExpected(film);
    const actual = await sample(t, pipe, wanShownRequest(film));
    assertClose(t, actual.latents, expected.latents, 1e-4, `${film}: latents`);
    if (film === "vace") assertFrames(t, actual, expected.frames);
  }
});

t.test("times are cut to whole numbers where diffusers cuts them", async (t) => {
  const request = { ...wanShownRequest("image"), steps: 3, shift: 1 };
  t.same(Array.from((await sample(t, image, request)).timesteps?.data ?? []), [999, 667, 333]);
});

t.test("their authors' layout makes the same", async (t) => {
  const classes = { vace: "VaceWanModel", image: "WanModel", both: "WanModel" };
  for (const [film, name] of Object.entries(classes) as [WanShownFilm, string][]) {
    const base = writeWanShown(`wan-${film}-to-release`, film);
    const released = writeReleased(base, `build/fixtures/wan-${film}-released`, { _class_name: name });
    await using pipe = await Pipeline.load({ base: released, vae: join(base, "vae"), ...place });
    const scheduler = join(base, "scheduler/scheduler_config.json");
    const actual = await sample(t, pipe, { ...wanShownRequest(film), scheduler });
    assertClose(t, actual.latents, wanShownExpected(film).latents, 1e-4, film);
  }
  const inspection = await inspectPath("build/fixtures/wan-both-released");
  const kinds = Object.values(inspection.components ?? {}).map(({ kind }) => kind);
  t.same(new Set(kinds), new Set(["wan-released", "wan-text", "wan-clip"]));
});

t.test("they say what they take", async (t) => {
  const names = (pipe: Pipeline) => pipe.describe().networks.map(({ name }) => name);
  t.same(names(vace), ["text_encoder", "transformer", "vae", "vace"]);
  t.same(names(both), ["text_encoder", "transformer", "vae", "image_encoder", "image_projection"]);
  for (const pipe of [vace, image, both]) t.equal(pipe.family, "wan");
  t.match(vace.describe().options, {
    ...{ reference: [], conditioningScale: 1, video: null, mask: null, image: null, lastImage: null },
    negativePrompt: "",
  });
  t.match(both.describe().options, { image: null, lastImage: null });
  t.notOk("lastImage" in image.describe().options);
  t.notOk("conditioningScale" in image.describe().options);
});

t.test("cameo inspect knows them", async (t) => {
  for (const [film, kind] of [
    ["vace", "vace"],
    ["image", "wan"],
  ] as const) {
    const base = writeWanShown(`wan-${film}-inspected`, film);
    const inspection = await inspectPath(base);
    t.match(inspection, { option: "--base", argument: base, family: "wan" }, String(inspection.reason));
    t.equal(inspection.components?.transformer?.kind, kind);
  }
});

const bytesOf = async (pipe: Pipeline, request: AnyRequest) =>
  Buffer.from((await pipe.sample(request)).frames);

async function counts(t: Test, pipe: Pipeline, request: SampleRequest, changes: Partial<SampleRequest>[]) {
  const first = await bytesOf(pipe, request);
  for (const change of changes) {
    const changed = await bytesOf(pipe, { ...request, ...change } as SampleRequest);
    t.notOk(changed.equals(first), Object.keys(change).join());
  }
}

t.test("what a request shows counts, and can be left out", async (t) => {
  const request = wanShownRequest("vace");
  const { reference, video, mask, ...alone } = request;
  const [first, second] = reference as object[] as never[];
  await counts(t, vace, request, [
    ...[{ reference: [second, first] }, { reference: first }, { reference: [] }, { mask: undefined }],
    { conditioningScale: 0 },
  ] as Partial<SampleRequest>[]);
  const none = { ...alone, conditioningScale: 0 };
  const shown = { ...request, reference: [], conditioningScale: 0 };
  t.ok((await bytesOf(vace, shown)).equals(await bytesOf(vace, none)), "at a scale of 0 nothing counts");
  await counts(t, vace, alone, [{ image: first }, { lastImage: second }, { video }]);
  await counts(t, both, wanShownRequest("both"), [{ image: first }, { lastImage: first }]);
});

t.test("the command line takes references of a base that needs no subject", async (t) => {
  const base = writeWanShown("wan-vace-command", "vace");
  const picture = t.testdir({
    "a.png": png({ width: 16, height: 16, bits: 8, values: Array(768).fill(9) }, 2),
  });
  const output = join(picture, "out.png");
  const request = [
    "--reference",
    join(picture, "a.png"),
    "--prompt",
    "the sea",
    "--size",
    "16x16",
    "--frames",
    "1",
  ];
  const run = await cameo([
    "sample",
    "--base",
    base,
    ...request,
    "--steps",
    "1",
    "--seed",
    "1",
    "-o",
    output,
  ]);
  t.equal(run.code, 0, run.stderr);
});

const refused: [keyof typeof pipes, string, Partial<Record<string, unknown>>, RegExp][] = [
  ["image", "image", { image: undefined }, /image is missing: this model makes a film of a picture/],
  ["image", "lastImage", { lastImage: wanShownRequest("both").lastImage }, /lastImage: /],
  ["both", "lastImage", { lastImage: undefined }, /lastImage is missing: .* first picture and its last/],
  ["image", "reference", { reference: wanShownRequest("both").image }, /reference: /],
  ["image", "conditioningScale", { conditioningScale: 2 }, /conditioningScale: /],
  ["vace", "strength", { strength: 0.5 }, /strength: /],
  ["vace", "frames", { frames: 57, video: undefined, mask: undefined }, /frames: 57 .* at most 53/],
];

t.test("what they have no use for, or lack, is refused by name", async (t) => {
  for (const [film, name, changes, message] of refused) {
    const wrong = { ...wanShownRequest(film as WanShownFilm), ...changes } as AnyRequest;
    await t.rejects(pipes[film].sample(wrong), { code: "ERR_INVALID_OPTION", message }, `${film}: ${name}`);
  }
});

t.test("Wan 2.2 is refused by name", async (t) => {
  const base = writeWanShown("wan-newer", "image");
  for (const [fields, message] of [
    [{ transformer_2: ["diffusers", "WanTransformer3DModel"] }, /Wan 2\.2, with two transformers/],
    [{ expand_timesteps: true }, /Wan 2\.2, with a time for each latent/],
  ] as const) {
    const index = { _class_name: "WanImageToVideoPipeline", transformer_2: [null, null], ...fields };
    writeFileSync(join(base, "model_index.json"), JSON.stringify(index));
    await t.rejects(Pipeline.load({ base, ...place }), { code: "ERR_WEIGHTS_FORMAT", message });
  }
});

const mismatches: [WanShownFilm, object, string, RegExp][] = [
  ["vace", { vace_layers: [1] }, "ERR_WEIGHTS_FORMAT", /vace_layers/],
  ["vace", { vace_layers: [0, 2] }, "ERR_WEIGHTS_FORMAT", /vace_layers.* at most 1/],
  ["vace", { vace_layers: [0, 0.5] }, "ERR_WEIGHTS_FORMAT", /vace_layers/],
  ["vace", { vace_in_channels: 96 }, "ERR_WEIGHTS_MISMATCH", /see 96 channels, and of the VAE's latents 48/],
  ["image", { image_dim: 8 }, "ERR_WEIGHTS_MISMATCH", /reads 8 numbers of a picture's token, .* gives 6/],
  ["image", { image_dim: null }, "ERR_WEIGHTS_MISMATCH", /image_dim and added_kv_proj_dim go together/],
  ["image", { in_channels: 37 }, "ERR_WEIGHTS_MISMATCH", /37 input/],
];

t.test("parts that don't fit are refused before weights are read", async (t) => {
  for (const [film, changes, code, message] of mismatches) {
    const base = writeWanShown("wan-shown-mismatch", film, changes);
    await t.rejects(Pipeline.load({ base, ...place }), { code, message }, JSON.stringify(changes));
  }
});

t.test("bf16 is near", async (t) => {
  await using rough = await Pipeline.load({
    base: writeWanShown("wan-vace-bf16", "vace"),
    device: "cpu",
    dtype: "bf16",
  });
  const request = wanShownRequest("vace");
  assertClose(
    t,
    (await sample(t, rough, request)).latents,
    (await sample(t, vace, request)).latents as never,
    0.1,
    "latents",
  );
});
