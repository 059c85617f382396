import { test } from "tap";
import { i420ToRgb, rgbToI420 } from "#ts/media/yuv.js";
import { psnr, testVideo } from "./helpers.js";

function flat(width: number, height: number, colour: number[]): Uint8Array {
  return Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3] ?? 0);
}

test("BT.709 with limited range: the standard's own values", async (t) => {
  // ITU-R BT.709 colour bars at 100 %, 8 bits.
  const bars: [number[], number[]][] = [
    [
      [0, 0, 0],
      [16, 128, 128],
    ],
    [
      [255, 255, 255],
      [235, 128, 128],
    ],
    [
      [255, 0, 0],
      [63, 102, 240],
    ],
    [
      [0, 255, 0],
      [173, 42, 26],
    ],
    [
      [0, 0, 255],
      [32, 240, 118],
    ],
    [
      [255, 255, 0],
      [219, 16, 138],
    ],
  ];
  for (const [rgb, yuv] of bars) {
    const planes = rgbToI420(flat(2, 2, rgb), 2, 2);
    t.strictSame([...planes], [yuv[0], yuv[0], yuv[0], yuv[0], yuv[1], yuv[2]], String(rgb));
    const back = i420ToRgb(planes, 2, 2, "bt709");
    t.ok(
      back.every((value, i) => Math.abs(value - (rgb[i % 3] ?? 0)) <= 2),
      `${rgb} and back: ${back.subarray(0, 3)}`,
    );
  }
});

test("BT.601's red is not BT.709's", async (t) => {
  const red = Uint8Array.from([81, 81, 81, 81, 90, 240]);
  const back = [...i420ToRgb(red, 2, 2, "bt601").subarray(0, 3)];
  t.ok(
    back.every((value, i) => Math.abs(value - ([255, 0, 0][i] ?? 0)) <= 2),
    String(back),
  );
});

test("an odd size grows by a copy of its edge", async (t) => {
  const planes = rgbToI420(flat(3, 5, [10, 120, 240]), 3, 5);
  t.equal(planes.length, 4 * 6 * 1.5);
  t.equal(new Set(planes.subarray(0, 24)).size, 1);
  const rgb = Uint8Array.from([0, 0, 0, 0, 0, 0, 255, 255, 255]);
  t.strictSame([...rgbToI420(rgb, 3, 1).subarray(0, 8)], [16, 16, 235, 235, 16, 16, 235, 235]);
});

test("a round trip loses only the chroma's detail", async (t) => {
  const { frames, width, height } = testVideo(96, 64, 1);
  const back = i420ToRgb(rgbToI420(frames, width, height), width, height, "bt709");
  t.ok(psnr(back, frames) > 30, `${psnr(back, frames)} dB`);
});
