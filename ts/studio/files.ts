import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
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

/** A whole file, or the bytes that a Range header asks for, as players do to jump. Status 404 where it is gone. */
export async function fileAnswer(path: string | undefined, range: string | undefined): Promise<Response> {
  const stats = path === undefined ? undefined : await stat(path).catch(() => undefined);
  if (path === undefined || !stats?.isFile()) throw notFound();
  const headers = { "Content-Type": types[extname(path)] ?? "application/octet-stream" };
  const bytes = byteRange(range, stats.size);
  if (bytes === undefined) {
    return new Response(await readFile(path), { headers: { ...headers, "Accept-Ranges": "bytes" } });
  }
  const [start, end] = bytes;
  if (start > end) {
    return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${stats.size}` } });
  }
  return new Response(Readable.toWeb(createReadStream(path, { start, end })) as ReadableStream, {
    status: 206,
    headers: {
      ...headers,
      "Content-Range": `bytes ${start}-${end}/${stats.size}`,
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
