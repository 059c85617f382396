import { join } from "node:path";
import t, { type Test } from "tap";
import { readFilm } from "../../support/cogvideox_model.js";
import { assertClose } from "../../support/compare.js";
import { readCase, runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { elements, type Tensor, type Tensors } from "../../support/tensors.js";

const folder = "test/fixtures/trainer/positions";
const { probe, config } = readCase(folder);

function initialize(changes: object): Tensors {
  return runProbe(probe, { ...config, ...changes }, {});
}

function initializeNetwork(of: string, network: object): Tensors {
  return runProbe(probe, { of, network, seed: 7 }, {});
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
  const parameters = initializeNetwork("clip", {
    ...{ vocab_size: 500, hidden_size: 64, intermediate_size: 96 },
    ...{ num_hidden_layers: 1, num_attention_heads: 4 },
  });
  for (const embedding of ["token_embedding", "position_embedding"]) {
    const name = Object.keys(parameters).find((key) => key.includes(`${embedding}.weight`));
    const { data } = parameters[name ?? ""] as Tensor;
    t.ok(Math.abs(deviation(data) / 0.02 - 1) < 5 / Math.sqrt(2 * data.length), embedding);
    t.ok(largestOf(data) > 3 * 0.02, "beyond what is uniform");
  }
});

type Check = (t: Test, name: string, tensor: Tensor) => void;

const is =
  (value: number): Check =>
  (t, name, tensor) =>
    t.ok(hasOnly(tensor, value), `${name} is ${value}`);

/** Normal, of this deviation: five standard deviations of a root mean square may be missing. */
const normal =
  (expected: number): Check =>
  (t, name, { data }) => {
    t.ok(Math.abs(deviation(data) / expected - 1) < 5 / Math.sqrt(2 * data.length), `${name}: ${expected}`);
    if (data.length >= 500) t.ok(largestOf(data) > 2.5 * expected, `${name} is not uniform`);
  };

/** Uniform in +-sqrt(6 / (in + out)), as `nn.init.xavier_uniform_`. */
const xavier: Check = (t, name, tensor) => {
  const [out = 0, ...rest] = tensor.shape;
  checkUniform(t, name, tensor, (elements(rest) + out) / 6);
};

/** Checks every parameter by the first rule that its name fits, else as one of PyTorch's layers; each rule is needed. */
function checkNetwork(t: Test, parameters: Tensors, rules: [RegExp, Check][]): void {
  const used = new Set<RegExp>();
  for (const [name, tensor] of Object.entries(parameters)) {
    const [pattern, check] = rules.find(([each]) => each.test(name)) ?? [];
    if (pattern) used.add(pattern);
    const inputs = check ? 0 : fanIn(name, parameters);
    if (check) check(t, name, tensor);
    else if (inputs > 0) checkUniform(t, name, tensor, inputs);
    else is(name.endsWith("weight") ? 1 : 0)(t, name, tensor);
  }
  t.same(
    rules.map(([pattern]) => pattern).filter((pattern) => !used.has(pattern)),
    [],
  );
}

t.test("T5's and UMT5's parameters are transformers'", async (t) => {
  const sizes = { d_model: 64, d_kv: 8, d_ff: 96, num_heads: 4, num_layers: 2, vocab_size: 300 };
  const common: [RegExp, Check][] = [
    [/^shared\.weight$/, normal(1)],
    [/SelfAttention\.q\./, normal((64 * 8) ** -0.5)],
    [/SelfAttention\.[kv]\./, normal(64 ** -0.5)],
    [/SelfAttention\.o\./, normal((4 * 8) ** -0.5)],
    [/relative_attention_bias/, normal(64 ** -0.5)],
    [/\.wo\./, normal(96 ** -0.5)],
    [/norm\.weight$/, is(1)],
  ];
  const gated = initializeNetwork("t5", { ...sizes, model_type: "umt5" });
  t.equal(Object.keys(gated).filter((name) => name.includes("relative_attention_bias")).length, 2);
  checkNetwork(t, gated, [...common, [/\.wi_0\./, normal(64 ** -0.5)], [/\.wi_1\./, normal(64 ** -0.5)]]);
  checkNetwork(t, initializeNetwork("t5", { ...sizes, feed_forward_proj: "relu" }), [
    ...common,
    [/\.wi\./, normal(64 ** -0.5)],
  ]);
});

t.test("Wan's transformer is begun as its authors' code begins it", async (t) => {
  const sizes = { num_attention_heads: 2, attention_head_dim: 12, ffn_dim: 40, text_dim: 32, num_layers: 2 };
  const parameters = initializeNetwork("wan", sizes);
  checkNetwork(t, parameters, [
    [/scale_shift_table$/, normal(24 ** -0.5)],
    [/^proj_out\./, is(0)],
    [/(text|time)_embedder\..*weight$/, normal(0.02)],
    [/norm.*\.weight$/, is(1)],
    [/^patch_embedding\.bias$/, (t, name, tensor) => checkUniform(t, name, tensor, 16 * 2 * 2)],
    [/weight$/, xavier],
    [/bias$/, is(0)],
  ]);
});

t.test("the VAE's of Wan and Stable Video Diffusion, and its UNet's", async (t) => {
  const wan = { base_dim: 8, z_dim: 4, dim_mult: [1, 2], num_res_blocks: 1, temperal_downsample: [true] };
  checkNetwork(
    t,
    initializeNetwork("wan-vae", { ...wan, latents_mean: [0, 0, 0, 0], latents_std: [1, 1, 1, 1] }),
    [[/gamma$/, is(1)]],
  );
  const shared = readCase("test/fixtures/models/video_unet-two-levels");
  checkNetwork(t, initializeNetwork("svd", shared.config), [[/mix_factor$/, is(0.5)]]);
  const { config: vae } = readCase("test/fixtures/models/vae_decode-temporal");
  checkNetwork(t, initializeNetwork("svd-vae", vae), [[/mix_factor$/, is(0)]]);
});

t.test("CLIP's class token and places are transformers'", async (t) => {
  const sizes = { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 1, num_attention_heads: 4 };
  checkNetwork(t, initializeNetwork("clip-vision", { ...sizes, image_size: 64, patch_size: 8 }), [
    [/class_embedding$/, normal(1 / 8)],
    [/(patch|position)_embedding\.weight$/, normal(0.02)],
  ]);
});

t.test("CogVideoX's blocks begin as the identity, and learned places as sinusoids", async (t) => {
  const { config } = readFilm("text").networks.transformer;
  const learned = {
    ...config,
    use_rotary_positional_embeddings: true,
    use_learned_positional_embeddings: true,
  };
  const text = Number((config as { max_text_seq_length: number }).max_text_seq_length);
  const places: Check = (t, name, { shape, data }) => {
    const [, rows = 0, dim = 0] = shape;
    t.ok(rows > text);
    const squares = Array.from({ length: rows }, (_, row) =>
      Array.from(data.slice(row * dim, (row + 1) * dim)).reduce((sum, x) => sum + x * x, 0),
    );
    // Of each angle the sine and the cosine.
    const off = squares.filter((sum, row) => Math.abs(sum - (row < text ? 0 : dim / 2)) > 1e-4 * dim);
    t.same(off, [], name);
  };
  checkNetwork(t, initializeNetwork("cogvideox", learned), [
    [/norm[12]\.linear\./, is(0)],
    [/pos_embedding$/, places],
  ]);
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
