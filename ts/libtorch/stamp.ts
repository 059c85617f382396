import { createHash } from "node:crypto";
import { createReadStream, readFileSync, statSync } from "node:fs";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

const stampFile = "cameo-libtorch.json";

/** What an installed libtorch says of itself. */
export interface Stamp {
  version: string;
  cuda: boolean;
  /** The libraries, by their path in the folder. */
  files: Record<string, { bytes: number; sha256: string }>;
}

export function readStamp(folder: string): Stamp | undefined {
  try {
    const stamp = JSON.parse(textOf(join(folder, stampFile)) ?? "") as Stamp;
    return typeof stamp.files === "object" && stamp.files !== null ? stamp : undefined;
  } catch {
    return undefined;
  }
}

/** Whether `folder` has all libraries of `version`, by their sizes: cheap enough for every start. */
export function isWhole(folder: string, version: string): boolean {
  const stamp = readStamp(folder);
  if (stamp?.version !== version) return false;
  return Object.entries(stamp.files).every(
    ([file, { bytes }]) => statSync(join(folder, file), { throwIfNoEntry: false })?.size === bytes,
  );
}

/** The libraries whose bytes are not those that were installed; empty where all is well. */
export async function damagedFiles(folder: string): Promise<string[]> {
  const damaged: string[] = [];
  for (const [file, { sha256 }] of Object.entries(readStamp(folder)?.files ?? {})) {
    const hash = await sha256Of(join(folder, file)).catch(() => undefined);
    if (hash !== sha256) damaged.push(file);
  }
  return damaged;
}

export async function writeStamp(folder: string, version: string, cuda: boolean): Promise<void> {
  const files: Stamp["files"] = {};
  for (const name of (await readdir(join(folder, "lib"))).sort()) {
    const path = join(folder, "lib", name);
    files[`lib/${name}`] = { bytes: (await stat(path)).size, sha256: await sha256Of(path) };
  }
  const stamp: Stamp = { version, cuda, files };
  await writeFile(join(folder, stampFile), `${JSON.stringify(stamp, undefined, 2)}\n`);
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** undefined where there is no regular file, such as a pipe, from which reading might never end. */
export function textOf(file: string): string | undefined {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ? readFileSync(file, "utf8") : undefined;
}
