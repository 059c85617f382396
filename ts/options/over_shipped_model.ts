import { CameoError } from "../errors.js";
import { type Inspection, trainedOn } from "../inspection.js";
import type { NativeAddon, NativeLoadOptions } from "../native.js";
import type { ShippedModel } from "../shipped_model/index.js";

/**
 * The paths of what is loaded where no base was named: the model that ships, with the motion modules and the subject's
 * files that were named over it. Adapters also need the subject beneath them that they were trained on. Rejects with
 * ERR_INVALID_OPTION where a file says that it was trained on another base.
 */
export async function overShippedModel(
  { motion, subject = [] }: Pick<NativeLoadOptions, "motion" | "subject">,
  shipped: ShippedModel,
  addon: NativeAddon,
): Promise<Pick<NativeLoadOptions, "base" | "motion" | "subject">> {
  const inspect = async (path: string) => JSON.parse(await addon.inspect(path)) as Inspection;
  const files = await Promise.all(subject.map(inspect));
  const named = motion === undefined ? files : [...files, await inspect(motion)];
  if (named.some((file) => trainedOn(file)?.base)) {
    const { components } = await inspect(shipped.base);
    for (const file of named) requireBase(file, components?.unet?.fingerprint);
  }
  const isOverSubject =
    files.length > 0 && files.every((file) => isAdapter(file) && trainedOn(file)?.subject !== null);
  return {
    base: shipped.base,
    motion: motion ?? shipped.motion,
    ...(subject.length > 0 && { subject: isOverSubject ? [shipped.subject, ...subject] : subject }),
  };
}

function requireBase(file: Inspection, shippedBase: string | undefined): void {
  const base = trainedOn(file)?.base;
  if (!base?.fingerprint || base.fingerprint === shippedBase) return;
  throw new CameoError(
    "ERR_INVALID_OPTION",
    `base is missing: ${file.path} was trained on the base ${JSON.stringify(base.name)}; give that model's folder as base`,
  );
}

function isAdapter({ kind }: Inspection): boolean {
  return kind === "lora" || kind === "motion-lora";
}
