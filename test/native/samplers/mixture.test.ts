import { test } from "tap";
import { samplerNames } from "#ts/options/sampler_names.js";
import {
  flowCases,
  flowErrors,
  likelihoods,
  moments,
  orders,
  stochasticCases,
} from "../../support/mixture.js";

// Farthest below its order between these steps is LMS, 0.37, whose first steps are of lower order; the next is DPM++ 3M, 0.21.
const steps = [80, 160];
const orderMargin = 0.4;

for (const [name, { order, ...of }] of Object.entries(flowCases)) {
  test(`${name}'s error is of order ${order}`, (t) => {
    const { errors } = flowErrors(of, steps);
    const [measured = Number.NaN] = orders(steps, errors);
    t.ok(measured > order - orderMargin, `${measured} from ${errors.join(" to ")}`);
    t.end();
  });
}

test("the probability flow's error is its tolerance's", (t) => {
  for (const tolerance of [1e-3, 1e-5, 1e-7]) {
    const fields = { relative_tolerance: tolerance, absolute_tolerance: tolerance };
    const [error = Number.NaN] = flowErrors({ sampler: "probability-flow", fields }, [10]).errors;
    t.ok(error < 10 * tolerance, `${error} with ${tolerance}`);
  }
  t.end();
});

for (const [name, of] of Object.entries(stochasticCases)) {
  test(`${name}'s samples have the data's mean and covariance`, (t) => {
    const settings = { steps: 100, count: 3000 };
    const { sampled, exact } = moments(of, settings);
    // Four deviations of what chance does to a variance, or to a mean; and the steps' length, to which the bias is
    // proportional: DDPM's, the largest but Langevin's, is 0.09 with 50 steps.
    const [, , first = 0, , , second = 0] = exact;
    const variance = Math.max(first, second);
    const allowed = 4 * variance * Math.sqrt(2 / settings.count) + 5 / settings.steps;
    t.equal(sampled.length, 6);
    for (const [i, value] of sampled.entries()) {
      const wanted = exact[i] ?? Number.NaN;
      t.ok(Math.abs(value - wanted) < allowed, `${i}: ${value}, not ${wanted} to ${allowed}`);
    }
    t.end();
  });
}

test("the likelihood is the mixture's", (t) => {
  const { found, estimated, exact } = likelihoods({ count: 400, probes: 4 });
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  t.ok(Math.abs(mean(found) / mean(exact) - 1) < 0.01, `${mean(found)}, not ${mean(exact)}`);
  for (const [i, value] of found.entries()) t.ok(Math.abs(value - (exact[i] ?? Number.NaN)) < 0.02);
  // Random probes are right on average.
  const off = estimated.map((value, i) => value - (exact[i] ?? Number.NaN));
  const deviation = Math.sqrt(mean(off.map((value) => value ** 2)));
  t.ok(deviation > 0);
  t.ok(Math.abs(mean(off)) < (4 * deviation) / Math.sqrt(off.length), `${mean(off)}, ${deviation} each`);
  t.end();
});

test("every sampler is measured, but those for distilled models", (t) => {
  const distilled = ["lcm", "tcd"];
  const cases = [...Object.values(flowCases), ...Object.values(stochasticCases)];
  const measured = new Set([...distilled, "probability-flow", ...cases.map(({ sampler }) => sampler)]);
  t.strictSame(
    samplerNames.filter((name) => !measured.has(name)),
    [],
  );
  t.end();
});
