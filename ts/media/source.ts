import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { abortError, CameoError } from "../errors.js";
import { fileReason } from "./files.js";

/** Encoded bytes that are read at most. */
const maxBytes = 256 * 2 ** 20;
const fetchTimeoutMs = 30_000;
const tooLarge = `it is larger than ${maxBytes / 2 ** 20} MiB; give a smaller picture`;

/** The bytes of a file or a file:, http:, https: or data: URL. `name` is how errors call it. */
export async function readSource(
  source: string | URL,
  name: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const url = urlOf(source);
  if (url === undefined) return readLocal(String(source), name);
  if (url.protocol === "file:") return readLocal(localPath(url, name), name);
  if (/^(https?|data):$/.test(url.protocol)) return fetchUrl(url, name, signal);
  throw invalidImage(
    name,
    `${url.protocol} URLs can't be read; give a path or a file:, http:, https: or data: URL`,
  );
}

export function invalidImage(name: string, reason: string, cause?: unknown): CameoError {
  return new CameoError("ERR_INVALID_IMAGE", `${name}: ${reason}`, { cause });
}

/** Undefined for a path, which may look like a URL of one letter: a Windows drive. */
export function urlOf(source: string | URL): URL | undefined {
  if (source instanceof URL) return source;
  return /^[a-z][a-z0-9+.-]+:/i.test(source) && URL.canParse(source) ? new URL(source) : undefined;
}

function localPath(url: URL, name: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalidImage(name, `it does not name a file on this machine; give a path`, cause);
  }
}

async function readLocal(path: string, name: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw invalidImage(name, "it is not a file; give the picture's path");
      if (stats.size > maxBytes) throw invalidImage(name, tooLarge);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    throw invalidImage(name, `${fileReason(cause)}; check the path`, cause);
  }
}

async function fetchUrl(url: URL, name: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(fetchTimeoutMs);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok) throw invalidImage(name, `the server answered ${response.status}; check the address`);
    if (Number(response.headers.get("content-length")) > maxBytes) throw invalidImage(name, tooLarge);
    return await collect(response, name);
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    if (signal?.aborted) throw abortError(signal);
    if (timeout.aborted)
      throw invalidImage(name, `no answer within ${fetchTimeoutMs / 1000} s; try again`, cause);
    if (url.protocol === "data:")
      throw invalidImage(name, "it is malformed; encode the picture again", cause);
    throw invalidImage(name, `it can't be fetched (${fetchReason(cause)}); check the address`, cause);
  }
}

async function collect(response: Response, name: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > maxBytes) throw invalidImage(name, tooLarge);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** fetch says "fetch failed", and why only in its cause. */
function fetchReason(error: unknown): string {
  const { cause, message } = error as Error;
  const inner = cause as NodeJS.ErrnoException | undefined;
  return inner?.code ?? inner?.message ?? message;
}
