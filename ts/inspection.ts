/** What a weight file or folder is. */
export interface Inspection {
  path: string;
  /** A short name, as in "unet", "motion-adapter" or "pipeline". */
  kind: string;
  /** The same in words. */
  description: string;
  /** The flag that takes it, as in "--base"; null where none does. */
  option: string | null;
  /** What that flag is given: the path, or a folder with it; null without a flag. */
  argument: string | null;
  /** Of a base: its model's family, as `pipe.family` says it. */
  family?: string;
  /** Why no flag takes it, where that can be said. */
  reason?: string;
  /** "safetensors", "pickle" ... */
  format: string;
  files: string[];
  bytes: number;
  tensors: number;
  /** Numbers in all tensors. */
  parameters: number;
  /** Of a file or a network: what tells it from others, whether in fp32 or fp16. */
  fingerprint?: string;
  /** Of a file or a network: how many tensors of each type, what the file says of itself, and its keys. */
  dtypes?: Record<string, number>;
  metadata?: Record<string, string>;
  keys?: { name: string; dtype: string; shape: number[] }[];
  /** Of a word learned by textual inversion: what stands for it, and how many vectors of how many numbers it has. */
  embedding?: { token: string; vectors: number; width: number };
  /** Of a pipeline's folder: its networks. */
  components?: Record<string, Inspection>;
  /** Of a training run's folder or checkpoint: the recipe that `cameo train --resume` goes on with. */
  resume?: string;
}

/** A model by its name and its weights. */
export interface Origin {
  name: string;
  /** As `Inspection` has it; empty where it had no weights yet. */
  fingerprint: string;
}

export type OriginPart = "base" | "motion" | "subject";

/** The models that a trained one was trained on, null where there was none; undefined where the file doesn't say it. */
export function trainedOn({ metadata }: Inspection): Record<OriginPart, Origin | null> | undefined {
  try {
    const parts = JSON.parse(metadata?.trained_on ?? "") as Partial<Record<OriginPart, Origin>>;
    return { base: origin(parts.base), motion: origin(parts.motion), subject: origin(parts.subject) };
  } catch {
    return undefined;
  }
}

function origin(value: Partial<Origin> | undefined): Origin | null {
  if (typeof value?.name !== "string" || typeof value.fingerprint !== "string") return null;
  return { name: value.name, fingerprint: value.fingerprint };
}
