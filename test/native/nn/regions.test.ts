import t from "tap";
import { runProbe } from "../../support/probes.js";
import type { Tensor, Tensors } from "../../support/tensors.js";

/** A mask of frames that are drawn as rows of "#" and ".". */
function mask(...frames: string[][]): Tensor {
  const first = frames[0] as string[];
  const shape = [1, frames.length, first.length, (first[0] as string).length];
  return { shape, data: Float32Array.from(frames.flat().join(""), (mark) => (mark === "#" ? 1 : 0)) };
}

function rows(tensor: Tensor | undefined, width: number, frame = 0): string[] {
  const [, positions = 0] = tensor?.shape ?? [];
  const marks = Array.from(tensor?.data ?? [], (value) => (value ? "#" : ".")).join("");
  const own = marks.slice(frame * positions, (frame + 1) * positions);
  return own.match(new RegExp(`.{${width}}`, "g")) ?? [];
}

function inLayers(region: Tensor, sizes: [number, number][], frames?: number[]): Tensors {
  return runProbe("nn.regions", frames ? { sizes, frames } : { sizes }, { region });
}

t.test("layers have a region where half of a position is in it", async (t) => {
  const region = mask(["####....", "####....", "####....", "####..##"]);
  const layers = inLayers(region, [
    [4, 8],
    [2, 4],
    [1, 2],
  ]);
  t.same(rows(layers["0"], 8), ["####....", "####....", "####....", "####..##"]);
  t.same(rows(layers["1"], 4), ["##..", "##.#"]);
  t.same(rows(layers["2"], 2), ["#."]);
});

t.test("a small region is in every layer, and an empty one in none", async (t) => {
  const side = 10;
  const empty = Array.from({ length: side }, () => ".".repeat(side));
  const sizes: [number, number][] = [
    [10, 10],
    [5, 5],
    [3, 3],
    [2, 2],
    [1, 1],
  ];
  for (let at = 0; at < side * side; at++) {
    const dot = empty.map((row, y) =>
      y === Math.floor(at / side) ? `${row.slice(0, at % side)}#${row.slice((at % side) + 1)}` : row,
    );
    const layers = inLayers(mask(dot, empty), sizes);
    sizes.forEach(([, width], layer) => {
      const tensor = layers[`${layer}`];
      const found = rows(tensor, width).join("").split("#").length - 1;
      t.ok(found >= 1 && found <= 4, `${at}: ${found} positions of layer ${layer}`);
      t.notMatch(rows(tensor, width, 1).join(""), /#/);
    });
  }
});

t.test("a window's frames are chosen, in its order", async (t) => {
  const region = mask(["#."], [".#"], ["##"]);
  const { "0": chosen } = inLayers(region, [[1, 2]], [2, 0, 1, 0]);
  t.same(
    [0, 1, 2, 3].map((frame) => rows(chosen, 2, frame)),
    [["##"], ["#."], [".#"], ["#."]],
  );
  const still = inLayers(mask(["#."]), [[1, 2]], [5, 9]);
  t.same([rows(still["0"], 2), rows(still["0"], 2, 1)], [["#."], ["#."]]);
  t.throws(
    () => inLayers(region, [[1, 2]], [3]),
    /the region of subject 0 has 3 frames, fewer than the video/,
  );
});

t.test("positions as bits fill whole fours of words", async (t) => {
  const row = "#..#####..".repeat(7);
  const { bits } = inLayers(mask([row], [".".repeat(69) + "#"]), [[1, 70]]);
  t.same(bits?.shape, [2, 128]);
  t.same(rows(bits, 128), [row + ".".repeat(58)]);
  t.same(rows(bits, 128, 1), [`${".".repeat(69)}#${".".repeat(58)}`]);
});
