import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CameoError } from "../errors.js";

/** The model in weights/troupe, which is used where no other is named. */
export interface ShippedModel {
  base: string;
  motion: string;
  subject: string;
  /** What a request takes where it says nothing. */
  defaults: SampleDefaults;
  /** How well the model's own VAE shows a reference it was made for, at least: PSNR in dB. */
  leastReferencePsnr: number;
}

export interface SampleDefaults {
  guidanceScale: number;
  negativePrompt: string;
}

const folder = new URL("../../weights/troupe/", import.meta.url);

/** Throws ERR_WEIGHTS_FORMAT where the package has lost it. */
export function shippedModel(): ShippedModel {
  const file = new URL("model.json", folder);
  try {
    const model = JSON.parse(readFileSync(file, "utf8")) as ShippedModel;
    const path = (name: string) => fileURLToPath(new URL(name, folder));
    return {
      ...model,
      base: path(model.base),
      motion: path(model.motion),
      subject: path(model.subject),
    };
  } catch (cause) {
    throw new CameoError(
      "ERR_WEIGHTS_FORMAT",
      `${fileURLToPath(file)} can't be read: install the package again, or name another model as base`,
      { cause },
    );
  }
}
