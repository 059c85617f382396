// Slow: it samples with the model that ships.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import sharp from "sharp";
import { type Test, test } from "tap";
import { unpackedPath } from "#ts/shipped_model/index.js";
import { cameo } from "../support/command.js";

const reference = "examples/critter.png";
const prompt = "a critter runs on a beach";

/** What a camera might give: soft shapes, texture and grain in every part of the picture. */
async function writePhoto(t: Test): Promise<string> {
  const side = 256;
  const value = (x: number, y: number, channel: number) => {
    const soft = Math.sin(x / 17 + channel) + Math.cos(y / 23 - channel) + Math.sin((x * y) / 900);
    const grain = ((x * 7919 + y * 104729 + channel * 1299709) % 97) / 97;
    return 128 + 30 * soft + 50 * (grain - 0.5);
  };
  const pixels = Buffer.from(
    Array.from({ length: side * side * 3 }, (_, i) =>
      value(Math.trunc(i / 3) % side, Math.trunc(i / 3 / side), i % 3),
    ),
  );
  const path = join(t.testdir(), "photo.png");
  await sharp(pixels, { raw: { width: side, height: side, channels: 3 } }).toFile(path);
  return path;
}

test("in an Electron app the weights are beside the archive", (t) => {
  const inside = join("resources", "app.asar", "node_modules", "cameo", "weights");
  t.equal(unpackedPath(inside), join("resources", "app.asar.unpacked", "node_modules", "cameo", "weights"));
  t.equal(unpackedPath("/home/me/app.asar.d/weights"), "/home/me/app.asar.d/weights");
  t.end();
});

test("a pipeline without paths has the model that ships, and its defaults", async (t) => {
  await using pipe = await Pipeline.load({ device: "cpu" });
  const { subject, motion, defaultSize, defaults } = pipe.describe();
  t.ok(subject);
  t.ok(motion && motion.maxFrames > 16);
  t.strictSame(defaultSize, [128, 128]);
  t.ok(defaults);

  const video = await pipe.sample({ prompt, reference, steps: 2, seed: 1 });
  t.strictSame([video.count, video.width, video.height], [16, 128, 128]);
  t.strictSame(video.warnings, []);
});

test("a picture of another kind is answered with a video and a warning", async (t) => {
  await using pipe = await Pipeline.load({ device: "cpu" });
  const photo = await writePhoto(t);
  const shared = { prompt, steps: 1, frames: 2 };
  const one = await pipe.sample({ ...shared, reference: photo });
  t.match(one.warnings, [/^the reference is unlike .* base .* motion .* subject .*weights\/README\.md$/]);
  const several = await pipe.sample({ ...shared, reference: [reference, photo] });
  t.match(several.warnings, [/^reference 2 is unlike /]);
});

test("the same request gives the same file", async (t) => {
  const folder = t.testdir();
  const request = ["--reference", reference, "--prompt", prompt, "--seed", "5", "--steps", "3", "--quiet"];
  const [first, second] = ["first.mp4", "second.mp4"].map((name) => join(folder, name)) as [string, string];
  for (const output of [first, second]) {
    const { code, stderr } = await cameo(["sample", ...request, "--output", output]);
    t.equal(code, 0, stderr);
  }
  t.ok(readFileSync(first).equals(readFileSync(second)));
});
