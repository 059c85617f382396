import { statSync } from "node:fs";
import { posix } from "node:path";
import { z } from "zod";
import { openAddonFor } from "../addon.js";
import { CameoError } from "../errors.js";
import { hubNameFor, hubNameText, isHubName, isWeightFile, parseHubName } from "../hub/index.js";
import { danglingLink, fileReason } from "../media/files.js";
import type { NativeLoadOptions, NativeLora, NativeProgress } from "../native.js";
import { quoted } from "../quote.js";
import { type ShippedModel, shippedModel } from "../shipped_model/index.js";
import { checkOptions } from "./check.js";
import { defined } from "./defined.js";
import { checkHubNames, pathsIn, withHubModels } from "./hub_models.js";
import { type LoadOptions, loadEntries } from "./load_options.js";
import { overShippedModel } from "./over_shipped_model.js";
import { completed, schemaOf } from "./schema.js";

/** What the addon reports of a loading, as `onProgress` is told of it. */
export function loadReport(
  onProgress: LoadOptions["onProgress"],
): ((progress: NativeProgress) => void) | undefined {
  return onProgress && (({ step, steps }) => onProgress({ phase: "load", step, steps }));
}

const loadSchema = z.strictObject(
  Object.fromEntries(loadEntries.map(([name, { value }]) => [name, schemaOf(value)])),
);

export interface CheckedLoadOptions {
  native: NativeLoadOptions;
  /** Set where it is the model that is loaded. */
  shipped?: ShippedModel;
}

/** Checks the options and completes them with the defaults, but for what adapters need beneath them. */
export function checkLoadOptions(options: LoadOptions): CheckedLoadOptions {
  const checked = checkOptions(loadSchema, options) as LoadOptions;
  const entries = loadEntries.filter(([, entry]) => !entry.ofCall);
  const values = entries.map(([name, entry]) => [
    name,
    completed(checked[name] ?? entry.default, entry.value),
  ]);
  const native = defined(Object.fromEntries(values)) as Omit<NativeLoadOptions, "base"> & { base?: string };
  checkHubNames(native);
  addImageEncoder(native);
  const { base, motion, subject } = native;
  if (base !== undefined) return { native: { ...native, base } };
  const shipped = shippedModel();
  const isWhole = motion === undefined && subject === undefined;
  const paths = { base: shipped.base, motion: motion ?? shipped.motion };
  return { native: { ...native, ...paths, ...(isWhole && { subject: [shipped.subject] }) }, shipped };
}

/** Of an adapter's file on the hub: the image encoder that is published beside it. */
function addImageEncoder(native: Pick<NativeLoadOptions, "ipAdapter" | "imageEncoder">): void {
  const { ipAdapter, imageEncoder } = native;
  if (ipAdapter === undefined || imageEncoder !== undefined || !isHubName(ipAdapter)) return;
  const name = parseHubName(ipAdapter);
  const path = posix.join(posix.dirname(name.path), "image_encoder");
  if (isWeightFile(name.path)) native.imageEncoder = hubNameText({ ...name, path });
}

/** Throws ERR_WEIGHTS_FORMAT, naming the option, where what is to be loaded isn't there. */
export function checkModelPaths(options: NativeLoadOptions): void {
  for (const { option, path, what } of pathsIn(options)) checkIsThere(option, path, what);
}

/** As `checkModelPaths`, but for names on the hub, which only have to be names. */
export function checkLoraPaths(lora: readonly NativeLora[]): void {
  checkHubNames({ lora });
  for (const { option, path, what } of pathsIn({ lora })) {
    if (!isHubName(path)) checkIsThere(option, path, what);
  }
}

function checkIsThere(name: string, path: string, kind: string): void {
  try {
    statSync(path);
  } catch (cause) {
    throw new CameoError("ERR_WEIGHTS_FORMAT", `${name}: ${whyMissing(path, kind, cause)}`, { cause });
  }
}

function whyMissing(path: string, kind: string, cause: unknown): string {
  if ((cause as NodeJS.ErrnoException).code !== "ENOENT") {
    return `the ${kind} ${quoted(path)} can't be read (${fileReason(cause)}); check the path`;
  }
  const link = danglingLink(path);
  if (link !== undefined) return `${quoted(path)} ${link}`;
  return `the ${kind} ${quoted(path)} isn't there; ${remedyForMissing(path)}`;
}

/** What to do where the model that was named by `path` is not there. */
export function remedyForMissing(path: string): string {
  const name = hubNameFor(path);
  return name === undefined ? "check the path" : `to fetch it from the Hugging Face hub, write ${name}`;
}

/** As `checkLoadOptions`, with all that is loaded, and in place of names on the hub where that is; rejects as fetching does. */
export async function completeLoadOptions(options: LoadOptions): Promise<CheckedLoadOptions> {
  const { native: named, shipped } = checkLoadOptions(options);
  const native = await withHubModels(named, options);
  const isNamed = options.motion !== undefined || options.subject !== undefined;
  if (shipped === undefined || !isNamed) return defined({ native, shipped });
  const motion = options.motion === undefined ? undefined : native.motion;
  const given = defined({ motion, subject: native.subject });
  const paths = await overShippedModel(given, shipped, openAddonFor(native.device));
  return { native: { ...native, ...paths }, shipped };
}
