import { join } from "node:path";
import t, { type Test } from "tap";
import { assertClose } from "../../support/compare.js";
import { readCase, runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { elements, type Tensor, type Tensors } from "../../support/tensors.js";

const folder = "test/fixtures/trainer/positions";
const { probe, config } = readCase(folder);

function initialize(changes: object): Tensors {
  return runProbe(probe, { ...config, ...changes }, {});
}

/** How many inputs reach one output of the layer that has `name`; 0 for a norm's and for position codes. */
function fanIn(name: string, parameters: Tensors): number {
  if (name.endsWith(".pe")) return 0;
  const { shape } = parameters[name.replace(/bias$/, "weight")] as Tensor;
  return shape.length < 2 ? 0 : elements(shape.slice(1));
}

/** tap's own comparison goes through a million numbers one by one. */
function isSame(a: Tensor | undefined, b: Tensor | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer));
}

function largestOf(values: Tensor["data"]): number {
  let largest = 0;
  for (const x of values) largest = Math.max(largest, Math.abs(x));
  return largest;
}

function deviation(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);
}

function hasOnly({ data }: Tensor, value: number): boolean {
  return data.every((x) => x === value);
}

/** Uniform in +-1 / sqrt(fan_in), as PyTorch's linear layers and convolutions are. */
function checkUniform(t: Test, name: string, { data }: Tensor, inputs: number): void {
  const bound = 1 / Math.sqrt(inputs);
  const largest = largestOf(data);
  t.ok(largest <= bound * (1 + 1e-6), `${name} is within its bound`);
  if (data.length < 500) return;
  t.ok(largest > 0.98 * bound, `${name} reaches its bound`);
  const mean = Array.from(data).reduce((sum, x) => sum + x, 0) / data.length;
  // Five standard deviations of a mean, and of a root mean square, of so many uniform numbers.
  t.ok(Math.abs(mean) < (5 * bound) / Math.sqrt(3 * data.length), `${name} has a mean of 0`);
  const expected = bound / Math.sqrt(3);
  t.ok(Math.abs(deviation(data) / expected - 1) < 2.5 / Math.sqrt(data.length), `${name} is uniform`);
}

t.test("position codes are diffusers'", async (t) => {
  const actual = initialize({});
  const expected = readSafetensors(join(folder, "expected.safetensors"));
  t.equal(Object.keys(expected).length, 2);
  for (const [name, table] of Object.entries(expected)) assertClose(t, actual[name], table, 1e-5, name);
});

t.test("a UNet's parameters", async (t) => {
  const parameters = initialize({});
  const counts = { ones: 0, zeros: 0, lastOfMotion: 0, uniform: 0 };
  for (const [name, tensor] of Object.entries(parameters)) {
    if (name.endsWith(".pe")) continue;
    const inputs = fanIn(name, parameters);
    if (name.includes("motion_modules") && name.includes(".proj_out.")) {
      t.ok(hasOnly(tensor, 0), `${name} is 0: a new motion module changes nothing`);
      counts.lastOfMotion++;
    } else if (inputs > 0) {
      checkUniform(t, name, tensor, inputs);
      counts.uniform++;
    } else if (name.endsWith("weight")) {
      t.ok(hasOnly(tensor, 1), `${name} is 1`);
      counts.ones++;
    } else {
      t.ok(hasOnly(tensor, 0), `${name} is 0`);
      counts.zeros++;
    }
  }
  t.equal(counts.ones, counts.zeros);
  for (const count of Object.values(counts)) t.ok(count > 0);
});

t.test("a text encoder's embeddings are normal", async (t) => {
  const sizes = { vocab_size: 500, hidden_size: 64, intermediate_size: 96, num_hidden_layers: 1 };
  const parameters = initialize({ text_encoder: { ...sizes, num_attention_heads: 4 } });
  for (const embedding of ["token_embedding", "position_embedding"]) {
    const name = Object.keys(parameters).find((key) => key.includes(`${embedding}.weight`));
    const { data } = parameters[name ?? ""] as Tensor;
    t.ok(Math.abs(deviation(data) / 0.02 - 1) < 5 / Math.sqrt(2 * data.length), embedding);
    t.ok(largestOf(data) > 3 * 0.02, "beyond what is uniform");
  }
});

t.test("numbers depend on the seed and on the parameter's name alone", async (t) => {
  const parameters = initialize({});
  const again = initialize({});
  const others = initialize({ seed: 8 });
  const alone = initialize({ motion: undefined });
  for (const [name, tensor] of Object.entries(parameters)) {
    t.ok(isSame(tensor, again[name]), `${name} with the same seed`);
    if (alone[name]) t.ok(isSame(tensor, alone[name]), `${name} without motion modules beside it`);
    const isDrawn = largestOf(tensor.data) > 0 && fanIn(name, parameters) > 0;
    if (isDrawn) t.notOk(isSame(tensor, others[name]), `${name} with another seed`);
  }
  const seen = new Set<number>();
  for (const [name, { data }] of Object.entries(parameters)) {
    const [first = 0, second = 0] = data;
    if (second === 0 || fanIn(name, parameters) === 0) continue;
    t.notOk(seen.has(first / second), `${name} begins unlike all others`);
    seen.add(first / second);
  }
});
