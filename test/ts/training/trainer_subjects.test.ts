import { join } from "node:path";
import t from "tap";
import { train, writeTrainingSet } from "../../support/training_run.js";
import { paintClip, writeText } from "../data/helpers.js";

const set = await writeTrainingSet("trainer_subjects");

/** The set's clips, in each of which two subjects are said to be. */
async function listOfPairs(): Promise<string> {
  const folder = set.data.source;
  await paintClip(join(folder, "left.png"), [1, 64, 64], (_, x) => (x < 24 ? [255, 255, 255] : [0, 0, 0]));
  await paintClip(join(folder, "right.png"), [1, 64, 64], (_, x) => (x > 40 ? [255, 255, 255] : [0, 0, 0]));
  const rows = [0, 1].map((i) => {
    return { path: `${i}.webp`, caption: "two", subjects: [{ mask: "left.png" }, { mask: "right.png" }] };
  });
  return writeText(join(folder, "pairs.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
}

t.test("a run learns from clips of two subjects, by adapters", async (t) => {
  const references = { subjects: { count: 2 } };
  const data = { ...set.data, source: await listOfPairs(), frames: 2, references };
  const { events, error } = await train({ ...set, data, batch: 2, steps: 1, lora: { rank: 2 } });
  t.equal(error, undefined);
  const [first] = events;
  t.ok(first?.type === "step" && Number.isFinite(first.lossVideo) && Number.isFinite(first.lossReference));
});

t.test("motion modules have to have room for all references", async (t) => {
  const references = { count: 16, subjects: { count: 2 } };
  const data = { ...set.data, source: await listOfPairs(), references };
  const { error } = await train({ ...set, data, output: `${set.output}-full` });
  t.match(error, {
    code: "ERR_INVALID_OPTION",
    message: /^data\.frames: 4 is not allowed; .* 32 references/,
  });
});

t.test("how many subjects there are is checked", async (t) => {
  const wrong: [object, RegExp][] = [
    [
      { count: 1 },
      /^data\.references\.subjects\.count: 1 is not allowed; it must be a whole number from 2 to 16/,
    ],
    [
      { count: 2, grow: 1.5 },
      /^data\.references\.subjects\.grow: 1\.5 is not allowed; it must be a number from 0 to 1/,
    ],
    [{}, /^data\.references\.subjects\.count is missing; it must be a whole number from 2 to 16/],
  ];
  for (const [subjects, message] of wrong) {
    const { error } = await train({ ...set, data: { ...set.data, references: { subjects } } as never });
    t.match(error, { code: "ERR_INVALID_OPTION", message });
  }
});
