/** Makes weight files byte by byte, so that every byte of them can be wrong. */

/** Numbers that are the same in every run (Mulberry32). */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A safetensors file with this header, as text or as an object, whatever it claims. */
export function safetensors(header: string | Buffer | object, data: Buffer = Buffer.alloc(0)): Buffer {
  const isText = typeof header === "string" || Buffer.isBuffer(header);
  const text = Buffer.from(isText ? (header as string) : JSON.stringify(header));
  return Buffer.concat([u64(text.length), text, data]);
}

export interface ZipEntry {
  name: string;
  content: Buffer;
  /** What the directory says where that is not the truth. */
  method?: number;
  flags?: number;
  size?: number;
  compressed?: number;
  header?: number;
  /** The extra field of the directory. */
  extra?: Buffer;
  localName?: string;
  localMethod?: number;
}

export interface ZipEnd {
  entries?: number;
  size?: number;
  offset?: number;
  part?: number;
  comment?: number;
  /** Bytes between the directory and the end record: a zip64 record and its locator. */
  before?: (directory: { offset: number; size: number; entries: number }) => Buffer;
}

/** A zip archive of stored entries, and what is wrong with it. */
export function zip(entries: ZipEntry[], end: ZipEnd = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const local = localHeader(entry);
    directory.push(directoryHeader(entry, offset));
    parts.push(local, entry.content);
    offset += local.length + entry.content.length;
  }
  const list = Buffer.concat(directory);
  const before = end.before?.({ offset, size: list.length, entries: entries.length }) ?? Buffer.alloc(0);
  const count = u16(end.entries ?? entries.length);
  const endRecord = [
    u32(0x06054b50),
    u16(end.part ?? 0),
    u16(0),
    count,
    count,
    u32(end.size ?? list.length),
    u32(end.offset ?? offset),
    u16(end.comment ?? 0),
  ];
  return Buffer.concat([...parts, list, before, ...endRecord]);
}

function localHeader({ name, content, localName = name, localMethod = 0 }: ZipEntry): Buffer {
  return Buffer.concat([
    u32(0x04034b50),
    u16(20),
    u16(0),
    u16(localMethod),
    Buffer.alloc(8), // time, date, checksum
    u32(content.length),
    u32(content.length),
    u16(localName.length),
    u16(0),
    Buffer.from(localName),
  ]);
}

function directoryHeader(entry: ZipEntry, offset: number): Buffer {
  const { name, content, method = 0, flags = 0, extra = Buffer.alloc(0) } = entry;
  const size = entry.size ?? content.length;
  return Buffer.concat([
    u32(0x02014b50),
    u16(20),
    u16(20),
    u16(flags),
    u16(method),
    Buffer.alloc(8), // time, date, checksum
    u32(entry.compressed ?? size),
    u32(size),
    u16(name.length),
    u16(extra.length),
    u16(0),
    Buffer.alloc(8), // part, attributes
    u32(entry.header ?? offset),
    Buffer.from(name),
    extra,
  ]);
}

/** The zip64 end record and its locator. */
export function zip64End(offset: bigint, size: bigint, entries: bigint, position: bigint, parts = 1): Buffer {
  return Buffer.concat([
    u32(0x06064b50),
    u64(44),
    u16(45),
    u16(45),
    u32(0),
    u32(0),
    u64(entries),
    u64(entries),
    u64(size),
    u64(offset),
    u32(0x07064b50),
    u32(0),
    u64(position),
    u32(parts),
  ]);
}

/** Pickle instructions, one after another: text is ASCII. */
export function pickle(...instructions: (string | Buffer | number[])[]): Buffer {
  const parts = instructions.map((part) =>
    typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part),
  );
  return Buffer.concat([Buffer.from([0x80, 2]), ...parts, Buffer.from(".")]);
}

export function text(value: string): Buffer {
  return Buffer.concat([Buffer.from("X"), u32(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function long(value: bigint): Buffer {
  return Buffer.concat([Buffer.from([0x8a, 8]), u64(BigInt.asUintN(64, value))]);
}

export interface TensorClaim {
  /** Of the storage: `FloatStorage` and so on. */
  type?: string;
  /** `float8_e4m3fn` and so on, of a storage without a type, as torch.save writes what is newer than storages' types. */
  dtype?: string;
  key?: string;
  numel?: bigint;
  offset?: bigint;
  shape?: bigint[];
  strides?: bigint[];
}

/** What torch.save pickles for a tensor. By default: two floats of the storage "0". */
export function tensor(claim: TensorClaim = {}): Buffer {
  const { dtype, key = "0", numel = 2n, offset = 0n, shape = [2n], strides = [1n] } = claim;
  const { type = dtype === undefined ? "FloatStorage" : "UntypedStorage" } = claim;
  const tuple = (values: bigint[]) => [Buffer.from("("), ...values.map(long), Buffer.from("t")];
  return Buffer.concat([
    Buffer.from(`ctorch._utils\n_rebuild_tensor_v${dtype === undefined ? 2 : 3}\n((`),
    text("storage"),
    Buffer.from(`ctorch\n${type}\n`),
    text(key),
    text("cpu"),
    long(numel),
    Buffer.from("tQ"),
    long(offset),
    ...tuple(shape),
    ...tuple(strides),
    Buffer.from([0x89]),
    Buffer.from("ccollections\nOrderedDict\n)R"),
    Buffer.from(dtype === undefined ? "" : `ctorch\n${dtype}\n`),
    Buffer.from("tR"),
  ]);
}

/** A pickled state dict with these values. */
export function stateDict(values: Record<string, Buffer>): Buffer {
  const items = Object.entries(values).flatMap(([name, value]) => [text(name), value]);
  return pickle("}(", ...items, "u");
}

/** The entries of torch.save's archive: the storage "0" has two floats. */
export function torchEntries(pickled: Buffer): [ZipEntry, ZipEntry, ZipEntry] {
  return [
    { name: "archive/data.pkl", content: pickled },
    { name: "archive/byteorder", content: Buffer.from("little") },
    { name: "archive/data/0", content: Buffer.alloc(8, 1) },
  ];
}

export const torchZip = (pickled: Buffer): Buffer => zip(torchEntries(pickled));

/** A file of torch.save before PyTorch 1.6. */
export function torchLegacy(pickled: Buffer, keys: string[], ...storages: Buffer[]): Buffer {
  const magic = Buffer.from("80028a0a6cfc9c46f9206aa850192e80024de9032e", "hex");
  const system = pickle("}", text("little_endian"), [0x88], "s");
  return Buffer.concat([magic, system, pickled, pickle("](", ...keys.map(text), "e"), ...storages]);
}

export const twoFloats = Buffer.concat([u64(2), Buffer.alloc(8, 1)]);
