import { closeSync, openSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { changedWeights, fileFingerprint, type WeightFile } from "#ts/training/weight_files.js";
import { writeText } from "../data/helpers.js";

t.test("a file is known by its content, not by its name", async (t) => {
  const folder = t.testdir();
  const [one, same, other, longer] = ["one", "same", "other", "longer"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeText(one, "weights");
  writeText(same, "weights");
  writeText(other, "weightz");
  writeText(longer, "weights\0");
  t.equal(await fileFingerprint(one), await fileFingerprint(same));
  t.not(await fileFingerprint(one), await fileFingerprint(other));
  t.not(await fileFingerprint(one), await fileFingerprint(longer));
});

t.test("of a large one, no more than some megabytes are read", async (t) => {
  const path = join(t.testdir(), "large");
  writeText(path, "");
  // Sparse: it takes no room on the disk.
  truncateSync(path, 8 * 2 ** 30);
  const empty = await fileFingerprint(path);
  const change = (position: number, length: number) => {
    const file = openSync(path, "r+");
    writeSync(file, Buffer.alloc(length, 1), 0, length, position);
    closeSync(file);
  };
  const seen = [empty];
  for (const [position, length] of [
    [0, 1],
    [8 * 2 ** 30 - 1, 1],
    [3 * 2 ** 30, 40 * 2 ** 20],
  ] as const) {
    change(position, length);
    const fingerprint = await fileFingerprint(path);
    t.notOk(seen.includes(fingerprint), `${length} bytes at ${position}`);
    seen.push(fingerprint);
  }
});

t.test("which weights changed is named", (t) => {
  const file = (network: WeightFile["network"], path: string, fingerprint: string): WeightFile => ({
    ...{ network, path, fingerprint },
  });
  const before = [file("unet", "/a/unet", "1"), file("unet", "/a/motion", "2"), file("vae", "/a/vae", "3")];
  const moved = before.map((each) => ({ ...each, path: each.path.replace("/a", "/b") }));
  t.strictSame(changedWeights(before, moved), []);
  t.strictSame(changedWeights(before, [...moved.slice(0, 2), file("vae", "/b/vae", "4")]), ["/b/vae"]);
  t.strictSame(changedWeights(before, [moved[0], moved[2]] as WeightFile[]), ["the files of the unet"]);
  t.strictSame(changedWeights(before, [...moved, file("unet", "/b/subject", "5")]), ["/b/subject"]);
  t.end();
});
