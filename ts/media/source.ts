import type { FileHandle } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { onAbort } from "../abort.js";
import { abortError, CameoError, throwIfAborted } from "../errors.js";
import { shortened } from "../quote.js";
import { fileReason, openFile } from "./files.js";

/** Encoded bytes that are read at most, of all pictures of a request together. */
const maxBytes = 256 * 2 ** 20;
const defaultTimeoutMs = 30_000;

/** How many bytes of pictures may still be read. */
export class ByteBudget {
  #left = maxBytes;

  check(bytes: number, name: string): void {
    if (bytes <= this.#left) return;
    const limit = `${maxBytes / 2 ** 20} MiB, alone or with the request's other pictures`;
    throw invalidImage(name, `it is larger than ${limit}; give a smaller picture`);
  }

  take(bytes: number, name: string): void {
    this.check(bytes, name);
    this.#left -= bytes;
  }
}

export interface ReadSourceOptions {
  signal?: AbortSignal | undefined;
  /** What is left for the source and others. Default: one of its own. */
  budget?: ByteBudget | undefined;
  /** How long a URL may take from the request to the last byte, in milliseconds. Default: 30 s. */
  timeoutMs?: number | undefined;
}

/** The bytes of a file or a file:, http:, https: or data: URL. `name` is how errors call it. */
export async function readSource(
  source: string | URL,
  name: string,
  { signal, budget = new ByteBudget(), timeoutMs = defaultTimeoutMs }: ReadSourceOptions = {},
): Promise<Uint8Array> {
  const place = placeOf(source, name);
  if (typeof place === "string") return readLocal(place, name, budget, signal);
  return fetchUrl(place, name, budget, signal, timeoutMs);
}

/** A path on this machine, or the URL that is fetched. */
export function placeOf(source: string | URL, name: string): string | URL {
  const url = urlOf(source);
  if (url === undefined) return String(source);
  if (url.protocol === "file:") return localPath(url, name);
  if (/^(https?|data):$/.test(url.protocol)) return url;
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

/** What `use` makes of a picture's file. ERR_INVALID_IMAGE where there is none, or one that can't be read. */
export async function withFile<T>(
  path: string,
  name: string,
  use: (file: FileHandle) => Promise<T>,
): Promise<T> {
  try {
    const file = await openFile(path);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof CameoError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? "";
    if (/^(ENOENT|ENAMETOOLONG|ENOTDIR)$/.test(code) && isBase64(path)) {
      throw invalidImage(name, 'that looks like base64: pass Buffer.from(text, "base64")', cause);
    }
    // No path has a NUL character, and every picture has one.
    if (path.length >= longestName && path.includes("\0")) {
      throw invalidImage(name, "that looks like a picture's bytes as a text: pass them as a Buffer", cause);
    }
    throw invalidImage(name, `${fileReason(cause)}; check the path`, cause);
  }
}

/** Nobody gives a file a name as long as this. */
const longestName = 64;

/** Too long for a name, and without the dot before its extension. */
export function isBase64(text: string): boolean {
  return text.length >= longestName && /^[\w+/\s-]+=*\s*$/.test(text);
}

function localPath(url: URL, name: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalidImage(name, `it does not name a file on this machine; give a path`, cause);
  }
}

async function readLocal(
  path: string,
  name: string,
  budget: ByteBudget,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  return withFile(path, name, async (file) => {
    const { size } = await file.stat();
    budget.take(size, name);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      throwIfAborted(signal);
      const { bytesRead } = await file.read(bytes, at, Math.min(size - at, 2 ** 22), at);
      if (bytesRead === 0) return bytes.subarray(0, at);
      at += bytesRead;
    }
    return bytes;
  });
}

async function fetchUrl(
  url: URL,
  name: string,
  budget: ByteBudget,
  signal: AbortSignal | undefined,
  timeoutMs: number,
): Promise<Uint8Array> {
  const stop = new AbortController();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop.abort();
  }, timeoutMs);
  const release = onAbort(signal, () => stop.abort());
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok) throw invalidImage(name, `the server answered ${response.status}; check the address`);
    return await collect(response, name, budget);
  } catch (cause) {
    // What is still being sent is of no use.
    stop.abort();
    if (cause instanceof CameoError) throw cause;
    if (signal?.aborted) throw abortError(signal);
    if (timedOut) throw invalidImage(name, `it wasn't there within ${timeoutMs / 1000} s; try again`, cause);
    if (url.protocol === "data:")
      throw invalidImage(name, "it is malformed; encode the picture again", cause);
    throw invalidImage(name, `it can't be fetched (${fetchReason(cause)}); check the address`, cause);
  } finally {
    clearTimeout(timer);
    release();
  }
}

async function collect(response: Response, name: string, budget: ByteBudget): Promise<Uint8Array> {
  budget.check(Number(response.headers.get("content-length")), name);
  const parts: Uint8Array[] = [];
  for await (const part of response.body ?? []) {
    budget.take(part.length, name);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** fetch says "fetch failed", and why only in its cause. */
function fetchReason(error: unknown): string {
  const { cause, message } = error as Error;
  const inner = cause as NodeJS.ErrnoException | undefined;
  return shortened(inner?.code ?? inner?.message ?? message);
}
