import { test } from "tap";
import { runProbe } from "../../support/probes.js";

interface Asked {
  kind?: string;
  key?: (number | object)[];
  fails?: boolean;
  clear?: boolean;
}

/** Of each request, which of the results it got, counted from 1 as they were made; 0 where making failed. */
function results(asked: Asked[]): number[] {
  const all = asked.map((one) => ({ kind: "prompts", ...one }));
  return [...(runProbe("pipeline.encodings", { asked: all }, {}).made?.data ?? [])];
}

test("the same is made once, and anew where anything is other", async (t) => {
  const ids = { ids: [1, 2] };
  t.strictSame(results([{ key: [ids] }, { key: [ids] }, { key: [ids] }]), [1, 1, 1]);
  const others: [string, (number | object)[], (number | object)[]][] = [
    ["ids", [ids], [{ ids: [1, 3] }]],
    ["one id more", [ids], [{ ids: [1, 2, 0] }]],
    ["weights", [ids], [{ ...ids, weights: [1, 2] }]],
    ["a number", [ids, 1], [ids, 2]],
    ["ids that are the next prompt's", [{ ids: [1] }, { ids: [2] }], [ids, { ids: [] }]],
    ["a picture's level", [{ side: 2, level: 1 }], [{ side: 2, level: 2 }]],
    ["a picture's size", [{ side: 2, level: 1 }], [{ side: 3, level: 1 }]],
  ];
  for (const [what, one, other] of others) {
    t.strictSame(results([{ key: one }, { key: other }, { key: one }]), [1, 2, 3], what);
  }
});

test("each kind keeps its last result, until weights change", async (t) => {
  const words = { kind: "words", key: [1] };
  t.strictSame(results([{ key: [1] }, words, { key: [1] }, words]), [1, 2, 1, 2]);
  t.strictSame(results([{ key: [1] }, { clear: true }, { key: [1] }]), [1, 2]);
});

test("what fails is not kept, and leaves nothing that is not its own", async (t) => {
  t.strictSame(results([{ key: [1] }, { key: [2], fails: true }, { key: [2] }, { key: [1] }]), [1, 0, 2, 3]);
});

test("what has too many pictures is not kept", async (t) => {
  const large = { key: [{ side: 4800, level: 1 }] };
  t.strictSame(results([large, large]), [1, 2]);
});
