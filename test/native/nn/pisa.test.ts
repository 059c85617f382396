import t from "tap";
import { testCases } from "../../support/cases.js";
import { assertClose } from "../../support/compare.js";
import { heads } from "../../support/pisa_heads.js";
import { probeWeights, runProbe } from "../../support/probes.js";
import { drawInput, drawWeights, type WeightTree } from "../../support/tensors.js";

testCases("nn", "pisa");

function attentionWeights(dim: number): WeightTree {
  const square = { weight: [dim, dim] };
  return { to_q: square, to_k: square, to_v: square, to_out: { 0: { ...square, bias: [dim] } } };
}

t.test("the merged form equals the concatenated form", async (t) => {
  for (const [count, headDim] of heads) {
    const dim = count * headDim;
    const weights = probeWeights(drawWeights(attentionWeights(dim), dim));
    for (const references of [1, 2, 3]) {
      for (const frames of [1, 2, 5, 16]) {
        for (const positions of [1, 4, 15, 64]) {
          const shape = [2, frames + references, positions, dim];
          const inputs = { x: drawInput("x", { shape, scale: 2 }, 7), ...weights };
          const config = { dim, heads: count, head_dim: headDim, frames, references };
          const merged = runProbe("nn.pisa", { ...config, form: "merged" }, inputs);
          const plain = runProbe("nn.pisa", { ...config, form: "concatenated" }, inputs);
          const name = `R ${references}, F ${frames}, n ${positions}, ${count} x ${headDim}`;
          assertClose(t, merged.out, plain.out, 1e-5, name);
        }
      }
    }
  }
});

t.test("one matrix product for queries, keys and values equals three", async (t) => {
  const [count, headDim, frames, references] = [2, 8, 3, 1];
  const dim = count * headDim;
  const weights = probeWeights(drawWeights(attentionWeights(dim), 1));
  const inputs = { x: drawInput("x", { shape: [2, frames + references, 15, dim], scale: 2 }, 2), ...weights };
  const config = { dim, heads: count, head_dim: headDim, frames, references };
  for (const form of ["merged", "concatenated"]) {
    const one = runProbe("nn.pisa", { ...config, form, joined: true }, inputs);
    const three = runProbe("nn.pisa", { ...config, form, joined: false }, inputs);
    t.equal(one.one_product?.data[0], 1, `${form}: one product`);
    t.equal(three.one_product?.data[0], 0, `${form}: three`);
    assertClose(t, one.out, three.out, 1e-6, form);
  }
});
