// The objectives of film models beside diffusers' networks and PEFT's adapters.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { readCaseFile } from "../../support/case_file.js";
import { type CogVideoXFilm, readFilm } from "../../support/cogvideox_model.js";
import { assertClose } from "../../support/compare.js";
import { fixtures, probeWeights, readCase, runProbe } from "../../support/probes.js";
import { readSafetensors } from "../../support/safetensors.js";
import { drawInput, drawWeights, type InputSpec, type WeightTree } from "../../support/tensors.js";
import { readWanCase } from "../../support/wan_model.js";

interface FilmTraining {
  network:
    | { family: "svd" }
    | { family: "wan" }
    | { family: "phantom" }
    | { family: "cogvideox"; film: CogVideoXFilm };
  config: object;
  seed: number;
  inputs: Record<string, InputSpec>;
  start?: WeightTree;
  /** Of the first step's gradients. */
  norms: Record<string, number>;
}

const root = join(fixtures, "film_training");

function networkOf({ network }: FilmTraining) {
  if (network.family === "svd") return readCase(join(fixtures, "models/video_unet-two-levels"));
  if (network.family === "wan" || network.family === "phantom") return readWanCase().networks.transformer;
  return readFilm(network.film).networks.transformer;
}

for (const name of readdirSync(root)) {
  t.test(name, async (t) => {
    const training = readCaseFile<FilmTraining>(join(root, name));
    const { network, config, seed, inputs, start = {}, norms } = training;
    const { config: networkConfig, weights, seed: networkSeed } = networkOf(training);
    const drawn = Object.entries(inputs).map(([key, spec]) => [key, drawInput(key, spec, seed)]);
    const actual = runProbe(
      "train.film_steps",
      { ...config, family: network.family, network: networkConfig },
      {
        ...Object.fromEntries(drawn),
        ...drawWeights(start, seed, "start/"),
        ...probeWeights(drawWeights(weights, networkSeed)),
      },
    );
    const expected = readSafetensors(join(root, name, "expected.safetensors"));
    assertClose(t, actual.loss, expected.loss, 1e-4, "losses");
    assertClose(t, actual.grad_norm, expected.grad_norm, 1e-3, "norms of all gradients");
    const gradients = Object.keys(actual).filter((key) => key.startsWith("grad0/"));
    t.same(
      gradients.sort(),
      Object.keys(norms)
        .map((key) => `grad0/${key}`)
        .sort(),
      "what is trained",
    );
    const off = Object.entries(norms).flatMap(([key, norm]) => {
      const found = Math.hypot(...(actual[`grad0/${key}`]?.data ?? []));
      return Math.abs(found - norm) <= 1e-3 * norm + 1e-7 ? [] : [`${key}: ${found}, not ${norm}`];
    });
    t.same(off, [], "every gradient's norm within 1e-3");
    for (const [key, gradient] of Object.entries(expected)) {
      if (key.startsWith("grad0/")) assertClose(t, actual[key], gradient, 1e-3, key);
    }
  });
}
