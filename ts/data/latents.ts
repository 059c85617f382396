import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The posterior that the VAE gave a sample's images: its frames, or by a VAE over time its film, then its references. */
export interface CachedLatents {
  mean: Float32Array;
  logVariance: Float32Array;
  /** Of both. */
  shape: [images: number, channels: number, height: number, width: number];
}

/** Where in a cache's folder that is kept which `key` determines. */
export function keptPath(folder: string, key: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(key)).digest("hex");
  return join(folder, hash.slice(0, 2), `${hash}.safetensors`);
}

/** The latents of a .safetensors file, or undefined where there are none of this shape that can be read. */
export async function readLatents(
  path: string,
  shape: CachedLatents["shape"],
): Promise<CachedLatents | undefined> {
  const file = await readFile(path).catch(() => undefined);
  if (file === undefined || file.length < 8) return undefined;
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header = parseHeader(file.subarray(8, start));
  const mean = tensor(header?.mean, file.subarray(start), shape);
  const logVariance = tensor(header?.log_variance, file.subarray(start), shape);
  return mean && logVariance && { mean, logVariance, shape };
}

function parseHeader(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

function tensor(entry: unknown, data: Buffer, shape: readonly number[]): Float32Array | undefined {
  const { dtype, shape: stored, data_offsets } = (entry ?? {}) as Record<string, unknown>;
  const length = 4 * shape.reduce((product, size) => product * size, 1);
  if (dtype !== "F32" || !Array.isArray(stored) || !Array.isArray(data_offsets)) return undefined;
  const [begin, end] = data_offsets;
  const fits = Number.isInteger(begin) && begin >= 0 && end - begin === length && end <= data.length;
  if (!fits || stored.length !== shape.length || stored.some((size, i) => size !== shape[i]))
    return undefined;
  // A copy, aligned for floats and alone in its buffer.
  return new Float32Array(new Uint8Array(data.subarray(begin, end)).buffer);
}
