import { join } from "node:path";
import sharp from "sharp";
import { type Test, test } from "tap";
import { checkImage, readImage, readVideo } from "#ts/media/index.js";
import {
  iccProfile,
  inSpace,
  linearOf,
  png,
  primaries,
  smallFrameGif,
  tiff,
} from "../../support/pictures.js";

const size = { width: 8, height: 6 };
const colour = [200, 40, 30];
const sixteen = (values: readonly number[]) => values.map((value) => Math.round(65535 * value));
const eight = (values: readonly number[]) => values.map((value) => Math.round(255 * value));

async function isColour(t: Test, file: Buffer, expected: readonly number[], by: number, name: string) {
  const { data } = await readImage(file);
  for (const at of [0, data.length - 3]) {
    const pixel = [...data.subarray(at, at + 3)];
    t.ok(
      pixel.every((value, i) => Math.abs(value - (expected[i] ?? 0)) <= by),
      `${name}: ${pixel}`,
    );
  }
}

test("16 bits with a profile have the colours that the profile says", async (t) => {
  for (const [name, columns] of Object.entries(primaries)) {
    for (const gamma of [1.8, 2.2]) {
      const profile = iccProfile(gamma, columns);
      const values = inSpace(colour, gamma, columns);
      const samples = { ...size, bits: 16, values: sixteen(values), profile };
      const what = `${name}, gamma ${gamma}`;
      await isColour(t, png(samples, 3), colour, 3, `PNG, ${what}`);
      await isColour(t, tiff(samples, { photometric: 2, channels: 3 }), colour, 3, `TIFF, ${what}`);
      await isColour(t, png({ ...samples, bits: 8, values: eight(values) }, 3), colour, 3, `8 bits, ${what}`);
      const clear = { ...samples, values: sixteen([...values, 0.5]) };
      await isColour(t, png(clear, 4), [228, 148, 143], 3, `half transparent, ${what}`);
    }
  }
});

test("a profile that says nothing, and none at all, mean sRGB", async (t) => {
  const values = sixteen(colour.map((value) => value / 255));
  const damaged = iccProfile(1.8, primaries.proPhoto).fill(0x55, 140);
  for (const profile of [undefined, damaged, iccProfile(1.8)]) {
    await isColour(t, png({ ...size, bits: 16, values, profile }, 3), colour, 0, "PNG");
    await isColour(
      t,
      tiff({ ...size, bits: 16, values, profile }, { photometric: 2, channels: 3 }),
      colour,
      0,
      "TIFF",
    );
  }
});

test("a grey picture's profile counts with 16 bits as it does with 8", async (t) => {
  for (const gamma of [1.8, 2.2]) {
    for (const value of [30, 128, 220]) {
      const stored = linearOf(value) ** (1 / gamma);
      const samples = { ...size, bits: 16, values: sixteen([stored]), profile: iccProfile(gamma) };
      const grey = [value, value, value];
      await isColour(t, png(samples, 1), grey, 2, `PNG, gamma ${gamma}`);
      await isColour(t, tiff(samples, { photometric: 1, channels: 1 }), grey, 2, `TIFF, gamma ${gamma}`);
      await isColour(
        t,
        png({ ...samples, values: sixteen([stored, 1]) }, 2),
        grey,
        2,
        `alpha, gamma ${gamma}`,
      );
    }
  }
});

test("CMYK has about the colours that it prints, whatever its bits", async (t) => {
  const rgb = sharp({ create: { ...size, channels: 3, background: { r: 200, g: 40, b: 30 } } });
  const cmyk = rgb.toColourspace("cmyk").withIccProfile("cmyk");
  await isColour(t, await cmyk.clone().jpeg({ quality: 100 }).toBuffer(), colour, 8, "JPEG");
  const file = await cmyk.clone().tiff({ compression: "none" }).toBuffer();
  await isColour(t, file, colour, 8, "TIFF");
  const { data } = await sharp(file, { ignoreIcc: true })
    .pipelineColourspace("cmyk")
    .toColourspace("cmyk")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const values = [...data.subarray(0, 4)];
  const kind = { photometric: 5, channels: 4 };
  const profile = (await sharp(file).metadata()).icc;
  await isColour(t, tiff({ ...size, bits: 8, values, profile }, kind), colour, 8, "8 bits");
  await isColour(
    t,
    tiff({ ...size, bits: 16, values: values.map((v) => 257 * v), profile }, kind),
    colour,
    8,
    "16 bits",
  );
});

test("numbers whose white nobody knows are refused, not black", async (t) => {
  const path = join(
    t.testdir({
      "float.tif": tiff(
        { ...size, bits: 32, values: [0.5] },
        { photometric: 1, channels: 1, sampleFormat: 3 },
      ),
    }),
    "float.tif",
  );
  const kinds = [1, 3].flatMap((channels) =>
    [
      [32, 3],
      [32, 1],
      [32, 2],
      [16, 2],
    ].map(([bits = 0, sampleFormat = 0]) => ({ channels, bits, sampleFormat })),
  );
  for (const { channels, bits, sampleFormat } of kinds) {
    const values = bits === 16 ? [20000] : sampleFormat === 3 ? [0.5] : [2 ** 30];
    const file = tiff(
      { ...size, bits, values },
      { photometric: channels === 1 ? 1 : 2, channels, sampleFormat },
    );
    const message =
      /^image \(buffer of \d+ bytes\): its .* pixels don't say what is white; save it with 8 or 16/;
    await t.rejects(
      readImage(file),
      { code: "ERR_INVALID_IMAGE", message },
      `${channels}, ${bits}, ${sampleFormat}`,
    );
  }
  await t.rejects(checkImage(path), { code: "ERR_INVALID_IMAGE", message: /floating-point/ });
});

test("Lab, which says what is white, is read", async (t) => {
  const rgb = sharp({ create: { ...size, channels: 3, background: { r: 200, g: 40, b: 30 } } });
  for (const space of ["lab", "labs"]) {
    const file = await rgb.clone().toColourspace(space).tiff({ compression: "none" }).toBuffer();
    await isColour(t, file, colour, 1, space);
  }
});

test("what a GIF's first frame leaves of the canvas is white", async (t) => {
  const pixel = (data: Uint8Array, x: number, y: number) => [
    ...data.subarray(3 * (12 * y + x), 3 * (12 * y + x) + 3),
  ];
  const white = [255, 255, 255];
  for (const clear of [false, true]) {
    const { data, width, height } = await readImage(smallFrameGif(12, 5, 4, 3, clear));
    t.strictSame([width, height], [12, 12]);
    for (const [x, y] of [
      [0, 0],
      [3, 5],
      [9, 5],
      [11, 11],
      [6, 2],
      [6, 8],
    ] as const) {
      t.strictSame(pixel(data, x, y), white, `${x}, ${y}`);
    }
    for (const [x, y] of [
      [4, 3],
      [8, 7],
    ] as const)
      t.strictSame(pixel(data, x, y), colour, `${x}, ${y}`);
  }
  const whole = await readImage(smallFrameGif(12, 12, 0, 0));
  t.strictSame([pixel(whole.data, 0, 0), pixel(whole.data, 11, 11)], [colour, colour]);
});

test("so it is in a clip, in which frames are as many as before", async (t) => {
  const path = join(t.testdir({ "a.gif": smallFrameGif(12, 5, 4, 3) }), "a.gif");
  const { frames, ...rest } = await readVideo(path);
  t.match(rest, { count: 1, width: 12, height: 12 });
  t.strictSame([...frames.subarray(0, 3)], [255, 255, 255]);
  t.strictSame([...frames.subarray(3 * (12 * 3 + 4), 3 * (12 * 3 + 4) + 3)], colour);
});
