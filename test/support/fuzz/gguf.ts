import { u32, u64 } from "./build.js";

/** The numbers of GGML's types, and of the types of fields. */
export const types = { f32: 0, f16: 1, q4_0: 2, q8_0: 8, q2_k: 10, q4_k: 12, iq2_xxs: 16, i8: 24 } as const;
export const fields = { u8: 0, u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9, u64: 10 } as const;

/** A string with its length, which it may lie about. */
export function ggufText(text: string | Buffer, length?: number | bigint): Buffer {
  return Buffer.concat([u64(length ?? Buffer.byteLength(text)), Buffer.from(text)]);
}

export function field(key: string | Buffer, type: number, value: Buffer): Buffer {
  return Buffer.concat([ggufText(key), u32(type), value]);
}

export function list(type: number, values: Buffer[], count: number | bigint = values.length): Buffer {
  return Buffer.concat([u32(type), u64(count), ...values]);
}

export interface TensorClaim {
  name?: string | Buffer;
  /** The innermost first. */
  dims?: (number | bigint)[];
  /** How many dimensions it says that it has. */
  dimensions?: number;
  type?: number;
  offset?: number | bigint;
}

export function tensorInfo(claim: TensorClaim = {}): Buffer {
  const { name = "a", dims = [2], type = types.f32, offset = 0, dimensions = dims.length } = claim;
  return Buffer.concat([ggufText(name), u32(dimensions), ...dims.map(u64), u32(type), u64(offset)]);
}

export interface GgufClaim {
  version?: number;
  fields?: Buffer[];
  tensors?: Buffer[];
  data?: Buffer;
  /** What it says where that is not the truth. */
  fieldCount?: number | bigint;
  tensorCount?: number | bigint;
  /** Where the tensors begin is a multiple of it. */
  alignment?: number;
}

/** A GGUF file, whatever it claims. By default: two floats. */
export function gguf(claim: GgufClaim = {}): Buffer {
  const {
    version = 3,
    fields = [],
    tensors = [tensorInfo()],
    data = Buffer.alloc(8, 1),
    alignment = 32,
  } = claim;
  const header = Buffer.concat([
    Buffer.from("GGUF"),
    u32(version),
    u64(claim.tensorCount ?? tensors.length),
    u64(claim.fieldCount ?? fields.length),
    ...fields,
    ...tensors,
  ]);
  const padding = Buffer.alloc((alignment - (header.length % alignment)) % alignment);
  return Buffer.concat([header, padding, data]);
}
