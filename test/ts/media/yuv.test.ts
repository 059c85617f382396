import { test } from "tap";
import { bt601, bt709, type Matrix, rgbToI420, type YuvFrame, yuvToRgb } from "#ts/media/yuv.js";
import { psnr, testVideo } from "./helpers.js";

function flat(width: number, height: number, colour: number[]): Uint8Array {
  return Uint8Array.from({ length: 3 * width * height }, (_, i) => colour[i % 3] ?? 0);
}

/** 8-bit 4:2:0 in limited range, of an even size. */
function i420(bytes: Uint8Array, width: number, height: number, matrix: Matrix): YuvFrame {
  const y = { offset: 0, stride: width, columns: width, rows: height };
  const cb = { offset: width * height, stride: width / 2, columns: width / 2, rows: height / 2 };
  const cr = { ...cb, offset: 1.25 * width * height };
  return { bytes, planes: [y, cb, cr], depth: 8, shift: [1, 1], matrix, fullRange: false };
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
    const back = yuvToRgb(i420(planes, 2, 2, bt709));
    t.ok(
      back.every((value, i) => Math.abs(value - (rgb[i % 3] ?? 0)) <= 2),
      `${rgb} and back: ${back.subarray(0, 3)}`,
    );
  }
});

test("BT.601's red is not BT.709's", async (t) => {
  const red = Uint8Array.from([81, 81, 81, 81, 90, 240]);
  const back = [...yuvToRgb(i420(red, 2, 2, bt601)).subarray(0, 3)];
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
  const back = yuvToRgb(i420(rgbToI420(frames, width, height), width, height, bt709));
  t.ok(psnr(back, frames) > 30, `${psnr(back, frames)} dB`);
});
