import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** What is written, by its path: bytes, or an object as JSON. */
export type ModelFiles = Record<string, Buffer | object>;

/** Resolves with what `use` makes of a folder with these files, which is gone afterwards. */
export async function withModelFiles<T>(files: ModelFiles, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "cameo-model-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, Buffer.isBuffer(content) ? content : JSON.stringify(content));
    }
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A safetensors file of one tensor, which is so many zeros. */
export function oneTensorFile(name: string, length: number): Buffer {
  const bytes = 4 * length;
  const header = Buffer.from(
    JSON.stringify({ [name]: { dtype: "F32", shape: [length], data_offsets: [0, bytes] } }),
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, Buffer.alloc(bytes)]);
}
