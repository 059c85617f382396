import t from "tap";
import { assertClose } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { regionsCases } from "../../support/regions.js";
import { drawInput, type Tensors } from "../../support/tensors.js";

const sizes: [frames: number, size: [number, number], heads: number, channels: number][] = [
  [3, [3, 5], 2, 8],
  [4, [5, 2], 1, 4],
  [2, [6, 12], 3, 40],
  [5, [4, 3], 2, 80],
  [1, [3, 3], 1, 160],
];

function draw(shape: number[], seed: number): Tensors {
  return Object.fromEntries(
    ["q", "k", "v", "grad"].map((name) => [name, drawInput(name, { shape, scale: 2 }, seed)]),
  );
}

t.test("merged within regions, PISA is what the masked concatenation is", async (t) => {
  for (const [frames, size, heads, channels] of sizes) {
    for (const { name, regions, ...layout } of regionsCases(frames, size)) {
      const shape = [2, frames + layout.references, size[0] * size[1], heads * channels];
      const inputs = { ...draw(shape, frames), ...regions };
      const merged = runProbe("nn.pisa_gradients", { ...layout, heads, form: "merged" }, inputs);
      const plain = runProbe("nn.pisa_gradients", { ...layout, heads, form: "concatenated" }, inputs);
      const where = `${name}, F ${frames}, ${size.join(" x ")}, ${heads} x ${channels}`;
      assertClose(t, merged.out, plain.out, 1e-5, `out, ${where}`);
      for (const part of ["q", "k", "v"])
        assertClose(t, merged[part], plain[part], 1e-4, `${part}, ${where}`);
    }
  }
});

t.test("the same in bf16", async (t) => {
  const [frames, size, heads, channels] = [3, [4, 5] as [number, number], 2, 40];
  const bf16 = { device: "cpu", dtype: "bf16", exact: [] } as const;
  for (const { name, regions, ...layout } of regionsCases(frames, size)) {
    const shape = [1, frames + layout.references, size[0] * size[1], heads * channels];
    const inputs = { ...draw(shape, 1), ...regions };
    const merged = runProbe("nn.pisa_gradients", { ...layout, heads, form: "merged" }, inputs, bf16);
    const plain = runProbe("nn.pisa_gradients", { ...layout, heads, form: "concatenated" }, inputs);
    for (const part of ["out", "q", "k", "v"]) {
      assertClose(t, merged[part], plain[part], 3e-2, `${part}, ${name}`);
    }
  }
});

t.test("a position in no region listens to no reference", async (t) => {
  const [frames, heads, channels] = [2, 2, 8];
  const shape = [1, frames + 2, 4, heads * channels];
  const region = (...data: number[]) => ({ shape: [1, 2, 2, 2], data: Float32Array.from(data) });
  // The first frame's positions listen to subject 0, to both, to subject 1 and to none; the second's to none.
  const regions = { "region.0": region(1, 1, 0, 0, 0, 0, 0, 0), "region.1": region(0, 1, 1, 0, 0, 0, 0, 0) };
  const config = { frames, references: 2, subjects: [1, 1], size: [2, 2], heads, form: "merged" };
  const given = draw(shape, 3);
  const before = runProbe("nn.pisa_gradients", config, { ...given, ...regions }).out;
  const row = heads * channels;
  const changedBy = (image: number) => {
    const v = given.v?.data.map((value, i) => (Math.floor(i / row / 4) === image ? value + 1 : value)) ?? [];
    const other = { ...given, v: { shape, data: Float32Array.from(v) }, ...regions };
    const after = runProbe("nn.pisa_gradients", config, other).out;
    return Array.from({ length: (shape[1] as number) * 4 }, (_, at) =>
      before?.data
        .slice(at * row, (at + 1) * row)
        .some((value, c) => Math.abs(value - (after?.data[at * row + c] as number)) > 1e-6)
        ? "x"
        : ".",
    ).join("");
  };
  // Positions of frame 0, of frame 1, of reference 0, of reference 1.
  t.equal(changedBy(2), "xx..|....|xxxx|....".replaceAll("|", ""), "reference 0");
  t.equal(changedBy(3), ".xx.|....|....|xxxx".replaceAll("|", ""), "reference 1");
  t.equal(changedBy(0), "xxxx|....|xxxx|xxxx".replaceAll("|", ""), "frame 0");
  t.equal(changedBy(1), "....|xxxx|....|....".replaceAll("|", ""), "frame 1");
});

t.test("one subject everywhere, with strength 1, changes no bit", async (t) => {
  const [frames, references, size, heads, channels] = [3, 2, [4, 5], 2, 40];
  const shape = [2, frames + references, 20, heads * channels];
  const all = { shape: [1, 1, 4, 5], data: new Float32Array(20).fill(1) };
  for (const dtype of ["fp32", "bf16"] as const) {
    const place = { device: "cpu", dtype, exact: [] };
    const config = { frames, references, heads, form: "merged" };
    const inputs = draw(shape, 2);
    const plain = runProbe("nn.pisa_gradients", config, inputs, place);
    const uniform = { ...config, subjects: [2], size, strengths: [1, 1] };
    for (const regions of [{}, { "region.0": all }]) {
      const same = runProbe("nn.pisa_gradients", uniform, { ...inputs, ...regions }, place);
      for (const part of ["out", "q", "k", "v"])
        assertClose(t, same[part], plain[part], 0, `${part}, ${dtype}`);
    }
  }
});
