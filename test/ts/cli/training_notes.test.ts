import t from "tap";
import { TrainingNotes } from "#ts/cli/training_notes.js";
import { CameoError } from "#ts/errors.js";
import type { SkipEvent, StepEvent } from "#ts/training/events.js";

function step(number: number, epoch: number, changes: Partial<StepEvent> = {}): StepEvent {
  return {
    ...{ type: "step", step: number, steps: 100, epoch, loss: 1, learningRate: 1, gradientNorm: 1 },
    ...{
      skipped: false,
      secondsPerStep: 1,
      samplesPerSecond: 1,
      waitShare: 0,
      memoryBytes: 1,
      etaSeconds: 1,
    },
    ...changes,
  } as StepEvent;
}

const skip = (name: string): SkipEvent => ({
  ...{ type: "skip", clip: `/data/${name}` },
  reason: new CameoError("ERR_DATASET", `/data/${name}: it has no mask`),
});

t.test("of many clips that are left out, the first are named and all are counted", (t) => {
  const notes = new TrainingNotes(40);
  const lines = Array.from({ length: 30 }, (_, i) => notes.skip(skip(`${i}.mp4`))).flat();
  t.strictSame(lines.slice(0, 2), [
    "left out: /data/0.mp4: it has no mask",
    "left out: /data/1.mp4: it has no mask",
  ]);
  t.equal(lines.length, 11);
  t.equal(lines.at(-1), "left out: more clips, which are counted");
  t.strictSame(notes.step(step(1, 0)), [
    "30 of 40 clips were left out so far: 0.mp4, 1.mp4, 2.mp4 and 27 more",
  ]);
  t.strictSame(notes.step(step(2, 0)), []);
  t.strictSame(notes.step(step(41, 1)), [
    "10 of 40 clips are used; left out: 0.mp4, 1.mp4, 2.mp4 and 27 more",
  ]);
  t.strictSame(notes.step(step(42, 1)), [], "once");
  t.strictSame(notes.end(), []);
  t.end();
});

t.test("a run that is resumed within an epoch waits for a whole one, or its end", (t) => {
  const notes = new TrainingNotes(4);
  notes.step(step(7, 1));
  notes.skip(skip("a.mp4"));
  t.strictSame(notes.step(step(9, 2)), []);
  t.strictSame(notes.step(step(13, 3)), ["3 of 4 clips are used; left out: a.mp4"]);
  const short = new TrainingNotes(4);
  short.skip(skip("a.mp4"));
  t.strictSame(short.end(), [], "no step was done");
  short.step(step(1, 0));
  t.strictSame(short.end(), ["1 of 4 clips were left out so far: a.mp4"]);
  t.strictSame(new TrainingNotes(4).end(), [], "nothing was left out");
  t.end();
});

t.test("a machine that other programs keep busy is told of once", (t) => {
  const lines = (coreWaitShare: number | undefined, steps = 30) => {
    const notes = new TrainingNotes(4);
    return Array.from({ length: steps }, (_, i) => notes.step(step(i + 1, 0, { coreWaitShare }))).flat();
  };
  t.match(lines(0.75), [
    /^other programs use this machine's cores: the trainer waits for a core in 75 % .* 4\.0 times as long as alone/,
  ]);
  t.equal(lines(0.75).length, 1);
  t.strictSame(lines(0.75, 9), [], "not after a moment");
  t.strictSame(lines(0.1), []);
  t.strictSame(lines(undefined), []);
  t.end();
});
