import { makeRandom } from "./build.js";
import type { Cases } from "./corpus.js";

const index = (map: unknown) => Buffer.from(JSON.stringify({ metadata: {}, weight_map: map }));

/** Files that are something else, and indexes that name what they must not. */
export function strangerCases(): Cases {
  const random = makeRandom(1);
  return {
    "one-byte": Buffer.from("P"),
    "eight-bytes": Buffer.alloc(8, 7),
    "zip-signature": Buffer.from("PK\x03\x04"),
    "pickle-signature": Buffer.from([0x80, 2]),
    zeros: Buffer.alloc(4096),
    "random-bytes": Buffer.from(Array.from({ length: 4096 }, () => random(256))),
    "web-page": Buffer.from("<!DOCTYPE html><html><body>404</body></html>"),
    "lfs-pointer": Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
    text: Buffer.from("not a model\n"),
    "index-climbs": index({ a: "../a.safetensors" }),
    "index-absolute": index({ a: "/etc/hostname" }),
    "index-nul": index({ a: "a\0b" }),
    "index-missing-shard": index({ a: "none.safetensors" }),
    "index-of-numbers": index({ a: 1 }),
    "index-empty": index({}),
    "index-list": index(["a"]),
    "index-deep": Buffer.from(`{"weight_map":${"[".repeat(100_000)}`),
    "index-broken": Buffer.from('{"weight_map":{"a":"b"'),
    "index-of-2000-shards": index(
      Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`k${i}`, `s${i}`])),
    ),
    "json-object": Buffer.from("{}"),
  };
}
