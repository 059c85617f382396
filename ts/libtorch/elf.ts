import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Sizes and offsets in the headers of 64-bit, little-endian ELF files. */
const fileHeaderBytes = 64;
const programHeaderBytes = 56;

/**
 * What is wrong with an ELF library, or undefined. The dynamic linker maps a file that was cut off, and the process
 * dies when it reads what isn't there; so the file's end is compared with what its headers say.
 */
export function libraryFault(path: string): string | undefined {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const header = read(file, 0, fileHeaderBytes);
    if (header.length < fileHeaderBytes || header.toString("latin1", 0, 4) !== "\x7fELF") {
      return "is no shared library";
    }
    const needed = endOf(file, header);
    return size < needed ? `has ${size} bytes of ${needed}` : undefined;
  } finally {
    closeSync(file);
  }
}

/** Where the last segment ends. */
function endOf(file: number, header: Buffer): number {
  const offset = Number(header.readBigUInt64LE(32));
  const count = header.readUInt16LE(56);
  const programHeaders = read(file, offset, count * programHeaderBytes);
  let end = offset + count * programHeaderBytes;
  for (let at = 0; at + programHeaderBytes <= programHeaders.length; at += programHeaderBytes) {
    const segment = programHeaders.readBigUInt64LE(at + 8) + programHeaders.readBigUInt64LE(at + 32);
    end = Math.max(end, Number(segment));
  }
  return end;
}

function read(file: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
}
