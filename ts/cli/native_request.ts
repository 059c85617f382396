import type { NativeSampleRequest } from "../native.js";

/** What a native request says where nothing but its speed or its sameness is of interest. */
export const plainSampling = {
  ...{ guidanceFrom: 0, guidanceTo: 1, cacheInterval: 1, cacheLayers: 1, tokenMerging: 0 },
  ...{ scheduler: "ddim", referenceNoise: 0, referenceNoiseMode: "independent", referenceLatents: "mode" },
  ...{ vaeTiling: false, preview: false },
} as const satisfies Partial<NativeSampleRequest>;
