import type { NativeSampleRequest } from "#ts/native.js";

/** A request as the addon takes it, for a small model with a subject. */
export function nativeRequest(changes: Partial<NativeSampleRequest> = {}): NativeSampleRequest {
  return {
    promptIds: new Int32Array(77),
    negativeIds: new Int32Array(77),
    references: [{ data: new Uint8Array(64 * 64 * 3).fill(128), width: 64, height: 64 }],
    frames: 1,
    width: 64,
    height: 64,
    steps: 2,
    guidanceScale: 1,
    guidanceFrom: 0,
    guidanceTo: 1,
    cacheInterval: 1,
    cacheLayers: 1,
    tokenMerging: 0,
    scheduler: "ddim",
    seed: 1,
    referenceNoise: 0,
    referenceNoiseMode: "independent",
    referenceLatents: "mode",
    vaeTiling: false,
    preview: false,
    ...changes,
  };
}
