import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { PipelineDescription } from "../description.js";

/** A file that a network's weights were read from, and what tells whether it is the same one in another place. */
export interface WeightFile {
  network: PipelineDescription["networks"][number]["name"];
  path: string;
  fingerprint: string;
}

/** All files of what is loaded, in the order in which they were laid over one another. */
export async function weightFiles({
  networks,
}: Pick<PipelineDescription, "networks">): Promise<WeightFile[]> {
  const files: WeightFile[] = [];
  for (const { name, files: found } of networks) {
    for (const { path } of found)
      files.push({ network: name, path, fingerprint: await fileFingerprint(path) });
  }
  return files;
}

/**
 * Paths of those files of `now` that a run did not begin with; where it only began with more, or in another order, which
 * network that is of.
 */
export function changedWeights(before: readonly WeightFile[], now: readonly WeightFile[]): string[] {
  const networks = new Set([...before, ...now].map(({ network }) => network));
  return Array.from(networks).flatMap((network) => {
    const [old, current] = [before, now].map((files) => files.filter((file) => file.network === network));
    const known = (old ?? []).map(({ fingerprint }) => fingerprint);
    const found = (current ?? []).map(({ fingerprint }) => fingerprint);
    if (isDeepStrictEqual(known, found)) return [];
    const changed = (current ?? []).filter(({ fingerprint }) => !known.includes(fingerprint));
    return changed.length > 0 ? changed.map(({ path }) => path) : [`the files of the ${network}`];
  });
}

const wholeBytes = 8 * 2 ** 20;
const endBytes = 512 * 2 ** 10;
const blockBytes = 4096;
const blocks = 256;

/**
 * Hash of a file's size and content: of all of it up to 8 MiB; of a larger one of its first and last 512 KiB (where
 * safetensors has the tensors' names and a zip of PyTorch's their checksums) and of 256 blocks that are spread over it.
 */
export async function fileFingerprint(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const hash = createHash("sha256").update(`${size}\0`);
    for (const [start, length] of partsOf(size)) hash.update(await read(file, start, length));
    return hash.digest("hex");
  } finally {
    await file.close();
  }
}

function partsOf(size: number): [start: number, length: number][] {
  if (size <= wholeBytes) return [[0, size]];
  const step = (size - blockBytes) / (blocks - 1);
  return [
    [0, endBytes],
    ...Array.from({ length: blocks }, (_, i): [number, number] => [Math.floor(i * step), blockBytes]),
    [size - endBytes, endBytes],
  ];
}

async function read(file: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
