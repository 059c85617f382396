import type { NativeSampleRequest } from "#ts/native.js";
import { nativeOptions } from "#ts/options/sample.js";

/** A request as the addon takes it, for a small model with a subject; `options` are as wrong as a test wants them. */
export function nativeRequest(options: Record<string, unknown> = {}): NativeSampleRequest {
  const plain = { frames: 1, width: 64, height: 64, steps: 2, guidanceScale: 1, seed: 1 };
  return {
    options: nativeOptions({ ...plain, ...options }),
    promptIds: new Int32Array(77),
    negativeIds: new Int32Array(77),
    pictures: { reference: [{ data: new Uint8Array(64 * 64 * 3).fill(128), width: 64, height: 64 }] },
  };
}
