import { existsSync, readFileSync } from "node:fs";
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

/** What a model's requests take where they say nothing. */
export interface SampleDefaults {
  /** As in a request. */
  guidanceScale: number;
  /** As in a request. */
  negativePrompt: string;
}

const folder = new URL("../../weights/troupe/", import.meta.url);

/**
 * Where the addon finds a file of this package in a packaged Electron app: JavaScript reads through the archive app.asar,
 * and C++ what was unpacked beside it.
 */
export function unpackedPath(path: string): string {
  return path.replace(/\.asar(?=[\\/])/, ".asar.unpacked");
}

/** Throws ERR_INVALID_OPTION where the package's copy has no model. */
export function shippedModel(): ShippedModel {
  const model = JSON.parse(readFileSync(new URL("model.json", folder), "utf8")) as ShippedModel;
  const path = (name: string) => {
    const inPackage = fileURLToPath(new URL(name, folder));
    return process.versions.electron ? unpackedPath(inPackage) : inPackage;
  };
  const paths = { base: path(model.base), motion: path(model.motion), subject: path(model.subject) };
  for (const missing of Object.values(paths).filter((each) => !existsSync(each))) {
    throw new CameoError(
      "ERR_INVALID_OPTION",
      `base is missing: this copy of the package comes without ${missing}; give the folder of another model as base`,
    );
  }
  return { ...model, ...paths };
}
