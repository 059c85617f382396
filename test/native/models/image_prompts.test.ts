import { join } from "node:path";
import { testCases } from "../../support/cases.js";
import { fixtures, readCase } from "../../support/probes.js";

interface WithUNet {
  /** The case whose UNet this one has, with its names and sizes. */
  unet: string;
}

testCases("image_prompts", "clip_vision");
testCases("image_prompts", "ip_adapter", (testCase) => {
  const { config, weights } = readCase(join(fixtures, (testCase as typeof testCase & WithUNet).unet));
  const { unet, motion } = config;
  return {
    ...testCase,
    config: { ...testCase.config, unet, motion },
    weights: { ...testCase.weights, unet: weights },
  };
});
