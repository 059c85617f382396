import { test } from "tap";
import { numberedPath, seedsOf } from "#ts/cli/several.js";
import { withVideo } from "#ts/series.js";

test("videos' files have their numbers, wherever a frame's number is", (t) => {
  const names: [string, string][] = [
    ["out.mp4", "out-2.mp4"],
    ["a/b.c/out.webm", "a/b.c/out-2.webm"],
    ["frames-%03d.png", "frames-2-%03d.png"],
    ["%d.png", "2-%d.png"],
    ["100%.gif", "100%-2.gif"],
    [".mp4", ".mp4-2"],
  ];
  for (const [path, numbered] of names) t.equal(numberedPath(path, 2), numbered);
  t.end();
});

test("seeds are given, counted or drawn", (t) => {
  t.equal(seedsOf({}), undefined);
  t.equal(seedsOf({ seed: 7 }), undefined, "one video");
  t.strictSame(seedsOf({ seeds: [3, 1] }), [3, 1]);
  t.strictSame(seedsOf({ seed: 7, count: 3 }), [7, 8, 9]);
  t.equal(new Set(seedsOf({ count: 3 })).size, 3);
  const refused = (flags: object, message: RegExp) =>
    t.throws(() => seedsOf(flags), { code: "ERR_INVALID_OPTION", message });
  refused({ seeds: [1], count: 1 }, /^count: --seeds says how many/);
  refused({ seeds: [1], seed: 1 }, /^seed: --seeds has those of all videos/);
  refused({ seeds: [2 ** 53] }, /^seeds: 9007199254740992 is not allowed/);
  refused({ seeds: Array(1001).fill(1) }, /^seeds: 1001 is not allowed; it must be at most 1000/);
  for (const count of [0, 1.5, 1001]) refused({ count }, /^count: .* a whole number from 1 to 1000/);
  t.end();
});

test("progress says which video it is, and how long all still take", (t) => {
  const etas: (number | undefined)[] = [];
  const listener = withVideo(
    ({ etaSeconds, video, videos }) => {
      t.strictSame([video, videos], [1, 3]);
      etas.push(etaSeconds);
    },
    1,
    3,
  );
  listener({ phase: "encode", step: 1, steps: 1 });
  listener({ phase: "denoise", step: 1, steps: 2, etaSeconds: 100 });
  t.equal(etas[0], undefined);
  t.ok((etas[1] as number) >= 200, "this one, and the next, which takes as long and what has passed");
  t.end();
});
