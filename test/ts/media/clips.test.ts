import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { openVideo, readVideo, readVideoSize } from "#ts/media/index.js";

/** What ffmpeg makes of a film of test/fixtures/clips, or a part of the reason why it isn't read here. */
type Expected =
  | {
      width: number;
      height: number;
      count: number;
      points: [frame: number, x: number, y: number, rgb: number[]][];
    }
  | { refused: string };

const folder = join("test", "fixtures", "clips");
const table: Record<string, Record<string, Expected>> = JSON.parse(
  readFileSync(join(folder, "clips.json"), "utf8"),
);
/** Of 255. */
const tolerance = 12;

for (const [row, films] of Object.entries(table)) {
  test(row, async (t) => {
    for (const [name, expected] of Object.entries(films)) {
      const path = join(folder, name);
      if ("refused" in expected) {
        for (const read of [openVideo, readVideoSize])
          await t.rejects(read(path), { code: "ERR_MEDIA" }, name);
        const { message } = await openVideo(path).catch((error) => error);
        t.ok(message.startsWith(`${path} can't be read: `) && message.includes(expected.refused), message);
        continue;
      }
      const { width, height, count, points } = expected;
      t.strictSame(await readVideoSize(path), { width, height }, name);
      const video = await readVideo(path);
      t.strictSame([video.width, video.height, video.count], [width, height, count], name);
      const far = points.filter(([frame, x, y, rgb]) => {
        const at = 3 * ((frame * height + y) * width + x);
        return rgb.some((value, i) => !(Math.abs((video.frames[at + i] ?? Number.NaN) - value) <= tolerance));
      });
      t.strictSame(far, [], name);
    }
  });
}

test("every film is in the table, and every row of the documentation's table is tested", (t) => {
  const films = readdirSync(folder).filter((name) => name !== "clips.json");
  t.strictSame(
    Object.values(table)
      .flatMap((row) => Object.keys(row))
      .sort(),
    films.sort(),
  );
  const text = readFileSync(join("docs", "training-data.md"), "utf8");
  const rows = Array.from(text.matchAll(/^\| ([^|]+?) \|.*\| `([^`]+)` \|$/gm), ([, , name]) => name);
  t.strictSame(rows, Object.keys(table));
  t.end();
});

test("single frames are those of the whole film, whatever they refer to", async (t) => {
  for (const name of [
    "hevc-420.mp4",
    "edits-two.mp4",
    "edits-hevc.mp4",
    "container-fragments.mp4",
    "container-hevc.mkv",
  ]) {
    const video = await openVideo(join(folder, name));
    const indices = Array.from({ length: video.count }, (_, i) => i);
    const all = await video.read(indices);
    for (const i of indices) t.strictSame(await video.read([i]), [all[i]], `${name}, frame ${i}`);
    t.strictSame(await video.read(indices.toReversed()), all.toReversed(), `${name}, backwards`);
  }
});
