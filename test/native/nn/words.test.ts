import t from "tap";
import { assertClose, compare } from "../../support/compare.js";
import { runProbe } from "../../support/probes.js";
import { regionsCases } from "../../support/regions.js";
import { drawInput, type Tensor, type Tensors } from "../../support/tensors.js";

const [heads, channels, textChannels, batch] = [2, 16, 6, 3];

/** x, texts and weights; a text for each image where prompts change over time. */
function draw(images: number, positions: number, texts: number, overTime: boolean): Tensors {
  const shapes: Record<string, number[]> = {
    x: [batch, images, positions, channels],
    text: overTime ? [batch, images, 5, textChannels] : [batch, 5, textChannels],
    "weights.to_q.weight": [channels, channels],
    "weights.to_k.weight": [channels, textChannels],
    "weights.to_v.weight": [channels, textChannels],
    "weights.to_out.0.weight": [channels, channels],
    "weights.to_out.0.bias": [channels],
  };
  // Words may have more chunks than the prompt, or fewer.
  for (let w = 0; w < texts; w++) shapes[`words.${w}`] = [1, 4 + 3 * w, textChannels];
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, drawInput(name, { shape }, images + texts)]),
  );
}

/** All subjects have words, or all but one. */
const wordsOf = (subjects: readonly number[], without: number): boolean[] =>
  subjects.map((_, s) => subjects.length === 1 || s !== without);

t.test("positions read the words of their regions' subjects, references those of their own", async (t) => {
  // The regions' own size, where masks are hard, and sizes at which positions are in a region in part.
  const sizes: [mask: [number, number], layer: [number, number]][] = [
    [
      [3, 5],
      [3, 5],
    ],
    [
      [4, 6],
      [2, 3],
    ],
    [
      [6, 8],
      [2, 2],
    ],
    [
      [8, 8],
      [1, 1],
    ],
  ];
  let run = 0;
  for (const [mask, size] of sizes) {
    for (const { name, regions, strengths: _, ...layout } of regionsCases(3, mask)) {
      run++;
      const words = wordsOf(layout.subjects, run % 4);
      const texts = words.filter((has) => has).length;
      const inputs = draw(3 + layout.references, size[0] * size[1], texts, run % 2 === 0);
      const config = { ...layout, size, heads, words, first_row: run % 3 };
      const { out, plain } = runProbe("nn.words", config, { ...inputs, ...regions });
      assertClose(t, out, plain, 1e-5, `${name}, words ${words}, ${mask.join("x")} to ${size.join("x")}`);
    }
  }
});

t.test("words that are the text change nothing, to the bit", async (t) => {
  for (const { name, regions, strengths: _, ...layout } of regionsCases(3, [4, 6])) {
    const words = layout.subjects.map(() => true);
    const inputs = draw(3 + layout.references, 6, words.length, false);
    const text = inputs.text as Tensor;
    const row = { shape: [1, 5, textChannels], data: text.data.slice(0, 5 * textChannels) };
    inputs.text = {
      ...text,
      data: Float32Array.from(Array.from({ length: batch }, () => [...row.data]).flat()),
    };
    words.forEach((_, w) => {
      inputs[`words.${w}`] = row;
    });
    const config = { ...layout, size: [2, 3], heads, words, first_row: 0 };
    const { out } = runProbe("nn.words", config, { ...inputs, ...regions });
    const { out: without } = runProbe("nn.words", { ...config, first_row: batch }, { ...inputs, ...regions });
    t.ok(compare((out as Tensor).data, (without as Tensor).data).largest <= 1e-6, name);
  }
});
