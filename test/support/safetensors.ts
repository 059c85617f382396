import { readFileSync, writeFileSync } from "node:fs";
import { elements, type Tensor, type Tensors } from "./tensors.js";

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

function readHeader(path: string): { file: Buffer; start: number; header: Header } {
  const file = readFileSync(path);
  const start = 8 + Number(file.readBigUInt64LE(0));
  const { __metadata__: _, ...header } = JSON.parse(file.toString("utf8", 8, start)) as Header;
  return { file, start, header };
}

/** What the tensors of a .safetensors file are stored in: "F32", "BF16" ..., each once. */
export function dtypesOf(path: string): string[] {
  return [...new Set(Object.values(readHeader(path).header).map(({ dtype }) => dtype))].sort();
}

/** What a .safetensors file says of itself. */
export function readMetadata(path: string): Record<string, string> {
  const file = readFileSync(path);
  const header = JSON.parse(file.toString("utf8", 8, 8 + Number(file.readBigUInt64LE(0))));
  return header.__metadata__ ?? {};
}

/** Every tensor of a .safetensors file; what is 64 bits wide becomes float32. */
export function readSafetensors(path: string): Tensors {
  const { file, start, header } = readHeader(path);
  return Object.fromEntries(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const bytes = new Uint8Array(file.subarray(start + begin, start + end));
        return [name, { shape, data: toArray(path, name, dtype, bytes) }];
      },
    ),
  );
}

function toArray(path: string, name: string, dtype: string, bytes: Uint8Array<ArrayBuffer>): Tensor["data"] {
  switch (dtype) {
    case "F32":
      return new Float32Array(bytes.buffer);
    case "U8":
      return bytes;
    case "I64":
      return Float32Array.from(new BigInt64Array(bytes.buffer), Number);
    case "F64":
      return Float32Array.from(new Float64Array(bytes.buffer));
    default:
      throw new Error(`${path}: ${name} is ${dtype}, which tests do not read`);
  }
}

export function writeSafetensors(path: string, tensors: Tensors, metadata?: Record<string, string>): void {
  const header: Header = {};
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (data.length !== elements(shape)) throw new Error(`${name} has ${data.length} values for ${shape}`);
    const dtype = data instanceof Float32Array ? "F32" : "U8";
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = JSON.stringify(metadata ? { __metadata__: metadata, ...header } : header);
  const text = Buffer.from(json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const bodies = Object.values(tensors).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  writeFileSync(path, Buffer.concat([length, text, ...bodies]));
}
