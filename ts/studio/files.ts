import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { extname } from "node:path";
import { Readable } from "node:stream";
import { Refusal } from "./errors.js";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".mp4": "video/mp4",
  ".webp": "image/webp",
  ".png": "image/png",
  ".jpeg": "image/jpeg",
  ".avif": "image/avif",
  ".gif": "image/gif",
  ".tiff": "image/tiff",
};

/**
 * A whole file, or the bytes that a Range header asks for, as players do to jump. Status 404 where it is gone, or is a link,
 * which may lead out of its folder.
 */
export async function fileAnswer(path: string | undefined, range?: string): Promise<Response> {
  const file = path === undefined ? undefined : await open(path, openFlags).catch(() => undefined);
  if (path === undefined || file === undefined) throw notFound();
  const headers = { "Content-Type": types[extname(path)] ?? "application/octet-stream" };
  let isStreaming = false;
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw notFound();
    const bytes = byteRange(range, stats.size);
    if (bytes === undefined) {
      const body = new Uint8Array(await file.readFile());
      return new Response(body, { headers: { ...headers, "Accept-Ranges": "bytes" } });
    }
    const [start, end] = bytes;
    if (start > end) {
      return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${stats.size}` } });
    }
    isStreaming = true;
    return partOf(file, { start, end, size: stats.size }, headers);
  } finally {
    // A stream closes it at its end.
    if (!isStreaming) await file.close();
  }
}

/** No link is followed, and a pipe that nobody writes to is not waited for. */
const openFlags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

function partOf(
  file: FileHandle,
  { start, end, size }: { start: number; end: number; size: number },
  headers: Record<string, string>,
): Response {
  return new Response(Readable.toWeb(file.createReadStream({ start, end })) as ReadableStream, {
    status: 206,
    headers: {
      ...headers,
      "Content-Range": `bytes ${start}-${end}/${size}`,
      "Content-Length": String(end - start + 1),
    },
  });
}

export function notFound(): Refusal {
  return new Refusal(404, "ERR_NOT_FOUND", "there is nothing here");
}

/** First and last byte; undefined for all, also where several ranges are asked for. */
function byteRange(range: string | undefined, size: number): [start: number, end: number] | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(range ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return [Math.max(0, size - Number(last)), size - 1];
  return [Number(first), Math.min(last === "" ? size - 1 : Number(last), size - 1)];
}
