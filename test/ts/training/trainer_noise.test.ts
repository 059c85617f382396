import { rmSync } from "node:fs";
import t from "tap";
import { train, writeTrainingSet } from "../../support/training_run.js";

const set = await writeTrainingSet("trainer_noise");

/** Of one step at min-SNR weights: next to nothing at the cleanest timesteps, 1 at the noisiest. */
async function lossOf(timestepShift: number): Promise<number> {
  rmSync(set.output, { recursive: true, force: true });
  const { events } = await train({ ...set, steps: 1, objective: { minSnrGamma: 5, timestepShift } });
  const [first] = events;
  return first?.type === "step" ? (first.lossVideo ?? Number.NaN) : Number.NaN;
}

t.test("a shift decides which timesteps are drawn", async (t) => {
  const [cleanest, noisiest] = [await lossOf(1e-9), await lossOf(1e9)];
  t.ok(cleanest < 0.1, `the cleanest: ${cleanest}`);
  t.ok(noisiest > 0.3, `the noisiest: ${noisiest}`);
});
