// Slow: it computes seventeen networks.
import t from "tap";
import { testCases } from "../../support/cases.js";
import { compare } from "../../support/compare.js";
import { drawCase, readCase, runProbe } from "../../support/probes.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";

testCases("models", "unet");

function scaled({ shape, data }: Tensor, factor: number): Tensor {
  return { shape, data: data.map((value) => value * factor) };
}

function difference(actual: Tensors, expected: Tensors): number {
  const outputs = Object.entries(expected);
  return Math.max(...outputs.map(([name, { data }]) => compare(actual[name]?.data ?? [], data).largest));
}

t.test("the fixture notices when any one weight is 2 % off", async (t) => {
  const { probe, config, tolerance, ...drawn } = readCase("test/fixtures/models/unet-motion-mid-block");
  const inputs = drawCase(drawn);
  const right = runProbe(probe, config, inputs);
  for (const [name, tensor] of Object.entries(inputs)) {
    if (!name.startsWith("weights.")) continue;
    const wrong = runProbe(probe, config, { ...inputs, [name]: scaled(tensor, 1.02) });
    t.ok(difference(wrong, right) > tolerance, name);
  }
});

t.test("deep features are taken from the evaluation before", async (t) => {
  const { probe, config, ...drawn } = readCase("test/fixtures/models/unet-pisa-2");
  const inputs = drawCase(drawn);
  const { sample } = inputs;
  if (!sample) throw new Error("the fixture has no sample");
  const whole = runProbe(probe, config, inputs);
  const changed = scaled(sample, 0.9);
  const before = runProbe(probe, config, { ...inputs, sample: changed });
  const layers = 2;
  for (let cached = 1; cached <= layers; ++cached) {
    const withCache = { ...config, cache_layers: cached };
    const same = runProbe(probe, withCache, { ...inputs, sample_before: sample });
    t.equal(difference(same, whole), 0, `${cached} layers: the same input, the same output`);
    const mixed = runProbe(probe, withCache, { ...inputs, sample_before: changed });
    t.ok(difference(mixed, whole) > 1e-3, `${cached} layers: the features are those of the sample before`);
    t.ok(difference(mixed, before) > 1e-3, `${cached} layers: the outermost layers read the sample`);
  }
});

t.test("subjects and strengths say which layers' frames see which references", async (t) => {
  const { probe, config, ...drawn } = readCase("test/fixtures/models/unet-pisa-still");
  const inputs = drawCase(drawn);
  const { references } = inputs;
  if (!references) throw new Error("the fixture has no references");
  const frames = (more: object, regions: Tensors = {}, by = 1) => {
    const given = { ...inputs, references: scaled(references, by), ...regions };
    const { frames } = runProbe(probe, { ...config, ...more }, given);
    return { frames } as Tensors;
  };
  const plain = frames({});
  t.equal(difference(frames({ subjects: [1] }), plain), 0, "one subject everywhere");
  t.equal(difference(frames({ strengths: [[1], [1]] }), plain), 0, "strength 1");
  // Without motion modules nothing but PISA brings references to frames.
  const nothing = { "region.0": { shape: [1, 1, 4, 6], data: new Float32Array(24) } };
  const corner = { "region.0": { shape: [1, 1, 4, 6], data: new Float32Array(24).fill(1, 0, 1) } };
  const without = frames({ strengths: [[0]] });
  t.ok(difference(without, plain) > 1e-3, "strength 0");
  t.ok(difference(frames({ strengths: [[0]] }, {}, 2), without) < 1e-6, "another reference");
  t.ok(difference(frames({ subjects: [1] }, nothing), without) < 1e-6, "a region of nothing");
  const inCorner = frames({ subjects: [1] }, corner);
  t.ok(difference(inCorner, without) > 1e-3, "a region of one position");
  const deep = frames({ strengths: [[0], [1]] });
  t.ok(difference(deep, without) > 1e-3 && difference(deep, plain) > 1e-3, "the deeper level alone");

  t.throws(() => frames({ subjects: [1], words: [true] }), /a text for each subject with words/);
  t.throws(() => frames({ subjects: [2] }), /the subjects have 2 references, the request 1/);
  t.throws(() => frames({ strengths: [[1, 1]] }), /2 strengths for 1 references/);
  t.throws(() => frames({ strengths: [[-1]] }), /a reference's strength must be 0 or more/);
  t.throws(() => frames({ subjects: [1], token_merging: 0.5 }, corner), /don't go with token merging/);
});

t.test("words are for the rows after the first ones, and for references where these read text", async (t) => {
  const { probe, config, ...drawn } = readCase("test/fixtures/models/unet-pisa-still");
  const inputs = drawCase(drawn);
  const { text, sample } = inputs;
  if (!text || !sample) throw new Error("the fixture has no text");
  const [rows = 0, tokens = 0, channels = 0] = text.shape;
  const words = drawInput("words", { shape: [1, tokens + 2, channels] }, 1);
  const run = (more: object, regions: Tensors = {}) =>
    runProbe(probe, { ...config, subjects: [1], ...more }, { ...inputs, ...regions });
  const plain = run({});
  const unread = { words: [true], first_row: rows };
  const region = (size: number) => ({
    "words.0": words,
    "region.0": { shape: [1, 1, 4, 6], data: new Float32Array(24).fill(1, 0, size) },
  });
  t.equal(difference(run(unread, { "words.0": words }), plain), 0, "no row reads them");
  const deaf = { reference_cross_attention: false };
  const none = difference(run({ ...deaf, words: [true] }, { "words.0": words }), run(deaf));
  t.equal(none, 0, "references that read no text");
  t.ok(difference(run({ words: [true] }, { "words.0": words }), plain) > 1e-3, "references that do");
  t.ok(
    difference(run({ ...deaf, words: [true] }, region(24)), run(deaf)) > 1e-3,
    "positions do all the same",
  );
});
