import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, inflateSync } from "node:zlib";
import { type Test, test } from "tap";
import { writeVideo } from "#ts/media/index.js";
import { metadata, testVideo } from "./helpers.js";

interface Chunk {
  type: string;
  data: Buffer;
}

/** Independent of the writer; the checksums are compared on the way. */
function chunksOf(png: Buffer): Chunk[] {
  if (png.subarray(0, 8).toString("hex") !== "89504e470d0a1a0a") throw new Error("no PNG signature");
  const chunks: Chunk[] = [];
  for (let at = 8; at < png.length; ) {
    const end = at + 8 + png.readUInt32BE(at);
    if (png.readUInt32BE(end) !== crc32(png.subarray(at + 4, end))) throw new Error(`checksum at ${at}`);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, end) });
    at = end + 4;
  }
  return chunks;
}

/** 8-bit RGB without interlace: undoes the filters of PNG, third edition, 9.2. */
function unfilter(filtered: Buffer, width: number, height: number): Uint8Array {
  const row = 3 * width;
  const out = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    const filter = filtered[y * (row + 1)];
    for (let x = 0; x < row; x++) {
      const at = y * row + x;
      const a = x >= 3 ? (out[at - 3] ?? 0) : 0;
      const b = y > 0 ? (out[at - row] ?? 0) : 0;
      const c = x >= 3 && y > 0 ? (out[at - row - 3] ?? 0) : 0;
      const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      const predicted = [0, a, b, (a + b) >> 1, paeth][filter ?? 0] ?? 0;
      out[at] = (filtered[y * (row + 1) + 1 + x] ?? 0) + predicted;
    }
  }
  return out;
}

async function apng(t: Test, video = testVideo(40, 24, 5)): Promise<Chunk[]> {
  const path = join(t.testdir(), "out.apng");
  await writeVideo(path, video, metadata);
  return chunksOf(readFileSync(path));
}

test("an animated PNG holds every frame without loss", async (t) => {
  const video = testVideo(40, 24, 5);
  const chunks = await apng(t, video);
  const frames: Buffer[][] = [];
  for (const { type, data } of chunks) {
    if (type === "fcTL") frames.push([]);
    else if (type === "IDAT") frames.at(-1)?.push(data);
    else if (type === "fdAT") frames.at(-1)?.push(data.subarray(4));
  }
  t.equal(frames.length, 5);
  const decoded = frames.map((parts) => unfilter(inflateSync(Buffer.concat(parts)), 40, 24));
  t.ok(Buffer.concat(decoded).equals(video.frames));
});

test("an animated PNG's chunks are in order and numbered in sequence", async (t) => {
  const chunks = await apng(t);
  const types = chunks.map(({ type }) => type);
  t.match(types.join(" "), /^IHDR acTL tEXt iTXt iTXt( fcTL (IDAT ?)+)(fcTL (fdAT ?)+){4}IEND$/);
  t.strictSame(chunks[1]?.data, Buffer.from("0000000500000000", "hex"), "5 frames, without end");
  const numbered = chunks.filter(({ type }) => type === "fcTL" || type === "fdAT");
  t.strictSame(
    numbered.map(({ data }) => data.readUInt32BE(0)),
    numbered.map((_, i) => i),
  );
  for (const { data } of chunks.filter(({ type }) => type === "fcTL")) {
    const [width, height, x, y] = [4, 8, 12, 16].map((at) => data.readUInt32BE(at));
    t.strictSame([width, height, x, y], [40, 24, 0, 0]);
    t.strictSame([...data.subarray(20)], [0, 1, 0, 8, 0, 0], "1/8 s, no disposal, no blending");
  }
});

test("an animated PNG's delay is the inverse of its rate, as far as browsers play it", async (t) => {
  for (const [fps, delay] of [
    [12.5, "03e830d4"],
    [23.976, "03e85da8"],
    [71.94, "00641c1a"],
    [119.88, "0001005a"],
  ] as const) {
    const chunks = await apng(t, testVideo(16, 16, 2, fps));
    const control = chunks.find(({ type }) => type === "fcTL");
    t.equal(control?.data.subarray(20, 24).toString("hex"), delay, `${fps}`);
  }
});
