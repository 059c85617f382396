import { stateDict, tensor, torchEntries, u16, u32, u64, type ZipEntry, zip, zip64End } from "./build.js";
import { bitFlips, type Cases, truncations } from "./corpus.js";

const entries = torchEntries(stateDict({ a: tensor() }));
const [data, order, storage] = entries;
const valid = zip(entries);
const endRecord = valid.length - 22;

/** The archive with something else in place of its storage. */
const withStorage = (change: Partial<ZipEntry>) => zip([data, order, { ...storage, ...change }]);
const extra64 = (...values: bigint[]) => Buffer.concat([u16(1), u16(8 * values.length), ...values.map(u64)]);

/** Bits of the end record that its reader needs: signature, parts, counts, size, offset, comment. */
const endBits = [0, 7, 13, 31, 32, 40, 64, 71, 80, 95, 96, 110, 127, 128, 140, 159, 160, 175].map(
  (bit) => 8 * endRecord + bit,
);

const bomb = zip([
  { name: "archive/data.pkl", content: Buffer.from("."), method: 8, size: 0xfffffff0, compressed: 1 },
]);

const zip64: Cases = {
  "zip64-offset-out-of-range": zip(entries, {
    before: ({ offset, size }) => zip64End(2n ** 63n, BigInt(size), 3n, BigInt(offset + size)),
  }),
  "zip64-size-wraps": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), 2n ** 64n - 8n, 3n, BigInt(offset + size)),
  }),
  "zip64-claims-2-to-60-entries": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 2n ** 60n, BigInt(offset + size)),
  }),
  "zip64-claims-no-entries": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 0n, BigInt(offset + size)),
  }),
  "zip64-record-out-of-range": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 3n, 2n ** 63n),
  }),
  "zip64-record-elsewhere": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 3n, 4n),
  }),
  "zip64-several-parts": zip(entries, {
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 3n, BigInt(offset + size), 2),
  }),
  "zip64-extra-size-out-of-range": withStorage({ size: 0xffffffff, extra: extra64(2n ** 63n, 2n ** 63n) }),
  "zip64-extra-size-wraps": withStorage({ size: 0xffffffff, extra: extra64(2n ** 64n - 1n, 2n ** 64n - 1n) }),
  "zip64-extra-header-out-of-range": withStorage({ header: 0xffffffff, extra: extra64(2n ** 64n - 30n) }),
  "zip64-extra-missing": withStorage({ size: 0xffffffff }),
  "zip64-extra-too-short": withStorage({ size: 0xffffffff, extra: Buffer.concat([u16(1), u16(4), u32(8)]) }),
  "zip64-extra-past-its-end": withStorage({
    size: 0xffffffff,
    extra: Buffer.concat([u16(1), u16(999), u64(8)]),
  }),
};

const archives: Cases = {
  bomb,
  "compressed-storage": withStorage({ method: 8 }),
  "compressed-in-the-local-header": withStorage({ localMethod: 8 }),
  "sizes-differ": withStorage({ compressed: 4 }),
  encrypted: withStorage({ flags: 1 }),
  "another-local-name": withStorage({ localName: "archive/data/1" }),
  "storage-overlaps-pickle": withStorage({ name: data.name.replace("data.pkl", "data/0"), header: 0 }),
  "same-entry-twice": zip([data, order, storage, { ...storage, header: 0 }]),
  "name-twice": zip([...entries, storage]),
  "quoted-overlap": withStorage({ size: storage.content.length + 1 }),
  "header-out-of-range": withStorage({ header: 0xfffffff0 }),
  "header-at-the-directory": withStorage({ header: endRecord - 1 }),
  "size-out-of-range": withStorage({ size: 0x7fffffff }),
  "directory-out-of-range": zip(entries, { offset: 0xfffffff0 }),
  "directory-too-long": zip(entries, { size: 0xfffffff0 }),
  "directory-too-short": zip(entries, { size: 46 }),
  "claims-65535-entries": zip(entries, { entries: 0xffff }),
  "claims-no-entries": zip(entries, { entries: 0 }),
  "claims-fewer-entries": zip(entries, { entries: 2 }),
  "several-parts": zip(entries, { part: 1 }),
  "comment-past-the-end": zip(entries, { comment: 99 }),
  empty: zip([]),
  "no-pickle": zip([order, storage]),
  "two-pickles": zip([...entries, { ...data, name: "other/data.pkl" }]),
  "deeper-pickle": zip([{ ...data, name: "a/b/data.pkl" }]),
  "big-endian": zip([data, { ...order, content: Buffer.from("big") }, storage]),
  "no-storage": zip([data, order]),
  "storage-too-short": withStorage({ content: Buffer.alloc(7) }),
  "storage-too-long": withStorage({ content: Buffer.alloc(12) }),
  "storage-elsewhere": withStorage({ name: "other/data/0" }),
  torchscript: zip([...entries, { name: "archive/constants.pkl", content: Buffer.from(".") }]),
};

export function zipCases(): Cases {
  return { ...truncations(valid, 15), ...bitFlips(valid, endBits), ...archives, ...zip64 };
}
