import { join } from "node:path";
import t, { type Test } from "tap";
import type { Inspection } from "#ts/inspection.js";
import type { Lora } from "#ts/options/lora.js";
import { assertClose } from "../../support/compare.js";
import { type Adapter, adapter, kohya, type Layer, product, runLoras } from "../../support/loras.js";
import { writeSafetensors } from "../../support/safetensors.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";
import { runWeights } from "../../support/weights.js";

const names = [
  "unet.down_blocks.0.attentions.0.proj_in",
  "unet.down_blocks.1.attentions.0.proj_in",
  "unet.down_blocks.10.attentions.0.proj_in",
  "unet.mid_block.attentions.0.proj_in",
  "text_encoder.text_model.encoder.layers.0.mlp.fc1",
];
const layers: Layer[] = names.map((name) => ({ name, shape: [6, 5] }));
const weights: Tensors = Object.fromEntries(
  layers.map(({ name, shape }) => [`${name}.weight`, drawInput(name, { shape: [...shape] }, 3)]),
);

/** A file with an adapter of its own for each layer. */
function file(t: Test, name: string, of: readonly Layer[] = layers): { path: string; added: Tensors } {
  const tensors: Tensors = {};
  const added: Tensors = {};
  for (const layer of of) {
    const made = adapter({ ...layer, name: `${name} ${layer.name}` }, { rank: 2, alpha: 3 });
    added[`${layer.name}.weight`] = product(layer, made);
    Object.assign(tensors, stored(layer.name, made));
  }
  const path = join(t.testdirName, `${name}.safetensors`);
  writeSafetensors(path, tensors);
  return { path, added };
}

function stored(name: string, { down, up, alpha }: Adapter): Tensors {
  const [ofDown, ofUp, , ofAlpha] = kohya(name);
  return { [ofDown]: down, [ofUp]: up, ...(alpha && { [ofAlpha]: alpha }) };
}

/** The weights with these products, each times a scale. */
function sum(...terms: [added: Tensors, scale: (name: string) => number][]): Tensors {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      {
        shape,
        data: Float32Array.from(data, (value, i) =>
          terms.reduce(
            (total, [added, scale]) => total + scale(name) * ((added[name]?.data[i] as number) ?? 0),
            value,
          ),
        ),
      },
    ]),
  );
}

const run = (sets: Lora[][], bf16 = false) => runLoras(weights, sets, { values: weights, bf16 });
const whole = (scale: number) => () => scale;

function assertSame(t: Test, made: Tensors | undefined, expected: Tensors): void {
  for (const [name, tensor] of Object.entries(expected)) assertClose(t, made?.[name], tensor, 1e-6, name);
}

t.test("several add up, others take their place, and none leaves the very weights from before", async (t) => {
  t.testdir();
  const [one, two] = [file(t, "one"), file(t, "two", layers.slice(0, 2))];
  const sets = [
    [{ path: one.path }],
    [{ path: one.path, scale: -0.5 }, { path: two.path, scale: 2 }, { path: two.path }],
    [{ path: two.path, scale: 0 }],
    [{ path: two.path }],
    [],
  ];
  const { sets: made, errors, bytes, descriptions } = run(sets);
  t.same(errors, [null, null, null, null, null]);
  assertSame(t, made[0], sum([one.added, whole(1)]));
  assertSame(t, made[1], sum([one.added, whole(-0.5)], [two.added, whole(3)]));
  t.same(made[2], weights);
  assertSame(t, made[3], sum([two.added, whole(1)]));
  t.same(made[4], weights);
  const each = 4 * 6 * 5;
  t.same(bytes, [5 * each, 5 * each, 0, 2 * each, 0], "what is kept: only what is changed");
  t.match(descriptions[1], [
    { path: one.path, scale: -0.5, names: "kohya", total: 15, layers: { unet: 4, text_encoder: 1 } },
    { path: two.path, scale: 2, total: 6, layers: { unet: 2 } },
    { path: two.path, scale: 1 },
  ]);
  t.same(descriptions[4], []);
});

t.test("in bf16 the sum is rounded once, and taken off to the bit", async (t) => {
  t.testdir();
  const [one, two] = [file(t, "one"), file(t, "two")];
  const [plain, made, after] = run(
    [[], [{ path: one.path, scale: 0.01 }, { path: two.path }], []],
    true,
  ).sets;
  t.same(after, plain);
  for (const [name, { data }] of Object.entries(plain ?? {})) {
    const exact = Float32Array.from(
      data,
      (value, i) =>
        value + 0.01 * (one.added[name]?.data[i] as number) + (two.added[name]?.data[i] as number),
    );
    // Half of a bf16's last bit; a sum that is rounded after each LoRA is off by more somewhere.
    const isRounded = exact.every((value, i) => {
      const off = Math.abs(value - (made?.[name]?.data[i] as number));
      return off <= Math.abs(value) * 2 ** -8 + 1e-6;
    });
    t.ok(isRounded, name);
  }
});

t.test("blocks multiply the scale; the longest part that has a layer counts, up to a dot", async (t) => {
  t.testdir();
  const { path, added } = file(t, "one");
  const cases: [Record<string, number>, number[]][] = [
    [{ "down_blocks.1": 0.5, mid_block: 0, text_encoder: 0.25 }, [1, 0.5, 1, 0, 0.25]],
    [{ unet: 0, "unet.down_blocks": 2, "down_blocks.10.attentions": 3 }, [2, 2, 3, 0, 1]],
    [{ "text_model.encoder.layers.0": 4, [`${names[0]}`]: 5 }, [5, 1, 1, 1, 4]],
  ];
  const { sets, errors } = run(cases.map(([blocks]) => [{ path, scale: 2, blocks }]));
  t.same(errors, [null, null, null]);
  for (const [i, [blocks, scales]] of cases.entries()) {
    const scale = (name: string) => 2 * (scales[names.indexOf(name.replace(/\.weight$/, ""))] ?? 0);
    t.comment(JSON.stringify(blocks));
    assertSame(t, sets[i], sum([added, scale]));
  }
});

t.test("a part that nothing has is named, with what there is, and changes nothing", async (t) => {
  t.testdir();
  const { path, added } = file(t, "one");
  const cases: [string, RegExp][] = [
    ["down_block.1", /"down_block\.1"; there is down_blocks, mid_block, text_encoder, unet$/],
    ["down_blocks.2", /"down_blocks\.2"; unet\.down_blocks has 0, 1, 10$/],
    ["down_blocks.1.attentions.0.proj", /; unet\.down_blocks\.1\.attentions\.0 has proj_in$/],
    ["text_encoder.layers", /"text_encoder\.layers"; there is/],
    ["mid_block.", /"mid_block\."/],
  ];
  const sets = [[{ path }], ...cases.map(([part]) => [{ path, blocks: { [part]: 1 } }])];
  const { errors, sets: made } = run(sets);
  for (const [i, [, message]] of cases.entries()) {
    t.match(errors[i + 1], { code: "ERR_INVALID_OPTION", message });
    assertSame(t, made[i + 1], sum([added, whole(1)]));
  }
});

t.test("where a LoRA turns out bad halfway, all is as before it, to the bit", async (t) => {
  t.testdir();
  const [good, bad] = [file(t, "good"), join(t.testdirName, "bad.safetensors")];
  const made = layers.map((layer, i) => {
    const { down, up } = adapter(layer, { rank: 2 });
    return stored(layer.name, { down: i === 3 ? filled(down, Number.NaN) : down, up });
  });
  writeSafetensors(bad, Object.assign({}, ...made));
  const { sets, errors, descriptions, bytes } = run([
    [{ path: bad }],
    [{ path: good.path }],
    [{ path: bad }],
    [],
  ]);
  const message = /bad\.safetensors: "lora_unet_mid_block.*" adds numbers that are not finite/;
  t.match(errors[0], { code: "ERR_WEIGHTS_FORMAT", message });
  t.same(sets[0], weights);
  t.equal(bytes[0], 0);
  t.match(errors[2], { code: "ERR_WEIGHTS_FORMAT", message });
  t.same(sets[2], sets[1]);
  t.same(descriptions[2], descriptions[1]);
  t.same(sets[3], weights);
});

function filled({ shape, data }: Tensor, value: number): Tensor<Float32Array> {
  return { shape, data: new Float32Array(data.length).fill(value) };
}

const layer = "lora_unet_mid_block_attentions_0_proj_in";
const tensor = (...shape: number[]) => drawInput("x", { shape }, 1);
const pair = (down: number[] = [2, 5], up: number[] = [6, 2], name = layer): Tensors => ({
  [`${name}.lora_down.weight`]: tensor(...down),
  [`${name}.lora_up.weight`]: tensor(...up),
});

t.test("what is no LoRA that can be added is refused, saying what it is", async (t) => {
  const cases: [Tensors, RegExp][] = [
    [{ ...pair(), [`${layer}.dora_scale`]: tensor(6, 1) }, /this is a DoRA, .*"lora_unet.*dora_scale"/],
    [{ "unet.mid_block.x.lora_magnitude_vector.weight": tensor(6) }, /this is a DoRA/],
    [{ [`${layer}.hada_w1_a`]: tensor(6, 2) }, /this is a LoHa \(LyCORIS\)/],
    [{ [`${layer}.lokr_w1`]: tensor(2, 2) }, /this is a LoKr \(LyCORIS\)/],
    [{ [`${layer}.oft_blocks`]: tensor(2, 2) }, /this is an OFT/],
    [{ [`${layer}.on_input`]: tensor(1), [`${layer}.weight`]: tensor(6) }, /this is an IA3/],
    [{ "base_model.model.mid_block.to_k.ia3_l": tensor(6) }, /this is an IA3/],
    [{ [`${layer}.a1.weight`]: tensor(6), [`${layer}.b1.weight`]: tensor(6) }, /this is a GLoRA/],
    [{ [`${layer}.w_norm`]: tensor(6) }, /this is a difference of norms/],
    [{ ...pair(), "unet.conv_in.lora_B.bias": tensor(6) }, /this is a LoRA with biases/],
    [{ "text_encoder.x.lora_embedding_A": tensor(6) }, /this is a LoRA of a table of embeddings/],
  ];
  for (const [tensors, message] of cases) assertRefused(t, tensors, "ERR_WEIGHTS_FORMAT", message);
});

t.test("a LoRA for another base is one line that says so, with a layer", async (t) => {
  const cross = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k";
  const cases: [Tensors, RegExp][] = [
    [
      { ...pair(), ...pair([2, 5], [6, 2], "lora_te2_text_model_encoder_layers_0_mlp_fc1") },
      /it was made for Stable Diffusion XL: there is no text_encoder_2 for "lora_te2_/,
    ],
    [
      pair([2, 5], [6, 2], "lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q"),
      /it was made for Stable Diffusion XL: .*"lora_unet_input_blocks_4_1_transformer_blocks_1_attn1_to_q"/,
    ],
    [pair([2, 2048], [6, 2], cross), /it was made for Stable Diffusion XL: /],
    [pair([2, 1024], [6, 2], cross), /it was made for Stable Diffusion 2: /],
    [pair([2, 5], [6, 2], "lora_unet_double_blocks_0_img_attn_qkv"), /it was made for Flux: /],
    [
      {
        "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": tensor(2, 5),
        "transformer.single_transformer_blocks.0.attn.to_q.lora_B.weight": tensor(6, 2),
      },
      /it was made for Flux: there is no transformer for "transformer\.single/,
    ],
  ];
  for (const [tensors, message] of cases) assertRefused(t, tensors, "ERR_WEIGHTS_MISMATCH", message);
});

t.test(
  "layers and shapes that the model hasn't got, and parts without their others, are named",
  async (t) => {
    const motion = "unet.down_blocks.0.motion_modules.0.transformer_blocks.0.attn1.to_q.lora";
    const cases: [Tensors, RegExp, loads?: true][] = [
      [pair([2, 7]), /proj_in" has \(2, 7\) and \(6, 2\) for \(6, 5\)$/, true],
      [pair([2, 1, 5]), /has \(2, 1, 5\) and/, true],
      [pair([9, 5], [6, 9]), /has \(9, 5\) and \(6, 9\)/, true],
      [
        pair([2, 5], [6, 2], "lora_unet_mid_block_attentions_7_proj_in"),
        /no layer "lora_unet_mid.*_7_proj_in"$/,
        true,
      ],
      [{ [`${layer}.lora_down.weight`]: tensor(2, 5) }, /"lora_unet.*" has only one of its down and up$/],
      [{ ...pair(), [`${layer}.alpha`]: tensor(2) }, /alpha" is not one number/, true],
      [{ ...pair(), [`${layer}.what`]: tensor(2) }, /what" is no part of an adapter/],
      [
        {
          ...pair(),
          "unet.mid_block.attentions.0.proj_in.lora_A.weight": tensor(2, 5),
          "unet.mid_block.attentions.0.proj_in.lora_B.weight": tensor(6, 2),
        },
        /is there twice/,
        true,
      ],
      [
        { [`${motion}.down.weight`]: tensor(2, 5), [`${motion}.up.weight`]: tensor(6, 2) },
        /motion modules that it is for with `motion`/,
        true,
      ],
    ];
    for (const [tensors, message, loads] of cases)
      assertRefused(t, tensors, "ERR_WEIGHTS_MISMATCH", message, loads);
  },
);

/** By loading, with one line that has the path; by `inspect`, too, but for what only the model shows. */
function assertRefused(t: Test, tensors: Tensors, code: string, message: RegExp, ofModel = false): void {
  const path = join(t.testdir(), "lora.safetensors");
  writeSafetensors(path, tensors);
  const { errors, sets } = run([[{ path }]]);
  t.match(errors[0], { code, message });
  t.ok(errors[0]?.message.includes(path), "names the file");
  t.notMatch(errors[0]?.message, "\n");
  t.same(sets[0], weights);
  const { details } = runWeights<Inspection>("inspect", { path });
  t.match(details.kind, /lora$/);
  t.equal(details.option, ofModel ? "--lora" : null, String(message));
  if (!ofModel) t.ok(details.reason, String(message));
}
