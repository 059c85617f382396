import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { elements } from "./tensors.js";

/** Tensors by their names: the shape alone, whose numbers are zeros that take no room on the disk, or with numbers. */
export type Outlines = Record<string, number[] | { shape: number[]; data: Float32Array }>;

type Type = "fp16" | "fp32";
const bytesOf = { fp16: 2, fp32: 4 };

const shapeOf = (outline: Outlines[string]) => (Array.isArray(outline) ? outline : outline.shape);
const dataOf = (outline: Outlines[string]) => (Array.isArray(outline) ? undefined : outline.data);

/** A tensor with numbers is fp32, any other of the file's type. */
const typeOf = (outline: Outlines[string], type: Type) => (dataOf(outline) ? "fp32" : type);

/** Writes pieces at their places, and what lies between them as holes. */
class SparseFile {
  readonly #handle: number;
  end = 0;

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#handle = openSync(path, "w");
  }

  write(bytes: Uint8Array): void {
    writeSync(this.#handle, bytes, 0, bytes.length, this.end);
    this.end += bytes.length;
  }

  /** The numbers of a tensor. */
  fill(outline: Outlines[string], bytes: number): void {
    const data = dataOf(outline);
    if (data) this.write(new Uint8Array(data.buffer));
    else this.end += bytes;
  }

  close(): void {
    ftruncateSync(this.#handle, this.end);
    closeSync(this.#handle);
  }
}

const sizeOf = (outline: Outlines[string], type: Type) =>
  elements(shapeOf(outline)) * bytesOf[typeOf(outline, type)];

/** Writes a .safetensors file that has its header, its length, and holes for numbers. */
export function writeSparseSafetensors(path: string, tensors: Outlines, type: Type = "fp16"): void {
  let offset = 0;
  const header = Object.entries(tensors).map(([name, outline]) => {
    const start = offset;
    offset += sizeOf(outline, type);
    const dtype = typeOf(outline, type).replace("fp", "F");
    return [name, { dtype, shape: shapeOf(outline), data_offsets: [start, offset] }];
  });
  const json = JSON.stringify(Object.fromEntries(header));
  const length = Buffer.alloc(8);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  length.writeBigUInt64LE(BigInt(text.length));
  const file = new SparseFile(path);
  file.write(Buffer.concat([length, text]));
  for (const outline of Object.values(tensors)) file.fill(outline, sizeOf(outline, type));
  file.close();
}

const ascii = (text: string) => Buffer.from(text, "latin1");

function number(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write("J");
  bytes.writeInt32LE(value, 1);
  return bytes;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(5);
  length.write("X");
  length.writeUInt32LE(Buffer.byteLength(value), 1);
  return Buffer.concat([length, Buffer.from(value)]);
}

const tuple = (parts: Buffer[]) => Buffer.concat([ascii("("), ...parts, ascii("t")]);
const global = (module: string, name: string) => ascii(`c${module}\n${name}\n`);

/** What torch.save says of one tensor, whose numbers are the storage `key`. */
function pickledTensor(outline: Outlines[string], key: number, type: Type): Buffer {
  const shape = shapeOf(outline);
  const strides = shape.map((_, i) => elements(shape.slice(i + 1)));
  const storage = global("torch", typeOf(outline, type) === "fp32" ? "FloatStorage" : "HalfStorage");
  const place = [text("storage"), storage, text(String(key)), text("cpu"), number(elements(shape))];
  const empty = Buffer.concat([global("collections", "OrderedDict"), ascii(")R")]);
  return Buffer.concat([
    global("torch._utils", "_rebuild_tensor_v2"),
    tuple([
      ...[tuple(place), ascii("Q"), number(0)],
      ...[tuple(shape.map(number)), tuple(strides.map(number)), ascii("\x89"), empty],
    ]),
    ascii("R"),
  ]);
}

/** `{ within: tensors }`, or the tensors alone where it is empty. */
function pickled(tensors: Outlines, type: Type, within: string): Buffer {
  const items = Object.entries(tensors).flatMap(([name, outline], i) => [
    text(name),
    pickledTensor(outline, i, type),
  ]);
  const dictionary = [ascii("}("), ...items, ascii("u")];
  const whole = within === "" ? dictionary : [ascii("}("), text(within), ...dictionary, ascii("u")];
  return Buffer.concat([ascii("\x80\x02"), ...whole, ascii(".")]);
}

/** An entry's record in the archive itself, or in its directory. Checksums are left out, as torch.save can. */
function record(name: string, size: number, extra: Buffer, isListed: boolean): Buffer {
  const fixed = Buffer.alloc(isListed ? 46 : 30);
  fixed.writeUInt32LE(isListed ? 0x02014b50 : 0x04034b50);
  const sizes = isListed ? 20 : 18;
  fixed.writeUInt32LE(size, sizes);
  fixed.writeUInt32LE(size, sizes + 4);
  fixed.writeUInt16LE(name.length, sizes + 8);
  fixed.writeUInt16LE(extra.length, sizes + 10);
  if (isListed) fixed.writeUInt32LE(0xffffffff, 42);
  return Buffer.concat([fixed, ascii(name), extra]);
}

/** Where an entry lies, as zip64 says it. */
function place(offset: number): Buffer {
  const extra = Buffer.alloc(12);
  extra.writeUInt16LE(1);
  extra.writeUInt16LE(8, 2);
  extra.writeBigUInt64LE(BigInt(offset), 4);
  return extra;
}

function directoryEnd(start: number, end: number, count: number): Buffer {
  const bytes = Buffer.alloc(56 + 20 + 22);
  bytes.writeUInt32LE(0x06064b50);
  bytes.writeBigUInt64LE(44n, 4);
  for (const [i, value] of [count, count, end - start, start].entries())
    bytes.writeBigUInt64LE(BigInt(value), 24 + 8 * i);
  bytes.writeUInt32LE(0x07064b50, 56);
  bytes.writeBigUInt64LE(BigInt(end), 64);
  bytes.writeUInt32LE(1, 72);
  bytes.writeUInt32LE(0x06054b50, 76);
  bytes.fill(0xff, 84, 96);
  return bytes;
}

/** Writes what torch.save writes of a state dict, with holes for numbers. */
export function writeSparseCheckpoint(
  path: string,
  tensors: Outlines,
  { type = "fp16", within = "" }: { type?: Type; within?: string } = {},
): void {
  const file = new SparseFile(path);
  const listed: Buffer[] = [];
  const add = (name: string, size: number, write: () => void) => {
    const offset = file.end;
    // Numbers lie at multiples of 64, as torch.save has them.
    const padding = (128 - ((offset + 30 + name.length + 4) % 64)) % 64;
    const extra = Buffer.alloc(4 + padding);
    extra.write("FB");
    extra.writeUInt16LE(padding, 2);
    file.write(record(name, size, extra, false));
    write();
    listed.push(record(name, size, place(offset), true));
  };
  const pickle = pickled(tensors, type, within);
  add("archive/data.pkl", pickle.length, () => file.write(pickle));
  for (const [i, outline] of Object.values(tensors).entries()) {
    const size = sizeOf(outline, type);
    add(`archive/data/${i}`, size, () => file.fill(outline, size));
  }
  const start = file.end;
  file.write(Buffer.concat(listed));
  file.write(directoryEnd(start, file.end, listed.length));
  file.close();
}
