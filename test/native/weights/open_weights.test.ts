import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t, { type Test } from "tap";
import { assertClose } from "../../support/compare.js";
import { readSafetensors } from "../../support/safetensors.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

const fixtures = "test/fixtures/weights";
const indexName = "model.safetensors.index.json";

interface Index {
  weight_map: Record<string, string>;
}

/** A copy of the sharded fixture whose index `change` has changed. */
function shardedCopy(t: Test, change: (index: Index) => void): string {
  const folder = join(t.testdir(), "sharded");
  cpSync(join(fixtures, "sharded"), folder, { recursive: true });
  const path = join(folder, indexName);
  const index = JSON.parse(readFileSync(path, "utf8")) as Index;
  change(index);
  writeFileSync(path, JSON.stringify(index));
  return path;
}

t.test("reads an index with its shards as one", async (t) => {
  const path = join(fixtures, "sharded", indexName);
  const { tensors, details } = runWeights<{ format: string; files: string[] }>("read", { path });
  const expected = readSafetensors(join(fixtures, "expected.safetensors"));
  t.same(Object.keys(tensors).sort(), Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) assertClose(t, tensors[name], tensor, 0, name);
  t.equal(details.format, "sharded safetensors");
  t.equal(details.files.length, 2);
});

for (const shard of ["../state.safetensors", "/etc/passwd", "..", "", "a\\b", "sub/model.safetensors"]) {
  t.test(`refuses the shard name ${JSON.stringify(shard)}`, async (t) => {
    const path = shardedCopy(t, (index) => {
      index.weight_map.scalar = shard;
    });
    throwsTyped(t, () => runWeights("read", { path }), "ERR_WEIGHTS_FORMAT", path, "plain file name");
  });
}

t.test("an index and its shards must agree", async (t) => {
  const read = (path: string) => () => runWeights("read", { path });
  const swapped = shardedCopy(t, ({ weight_map: map }) => {
    map.bool = map.scalar ?? "";
  });
  throwsTyped(t, read(swapped), "ERR_WEIGHTS_FORMAT", '"bool"');
  const extra = shardedCopy(t, ({ weight_map: map }) => {
    map.more = map.scalar ?? "";
  });
  throwsTyped(t, read(extra), "ERR_WEIGHTS_FORMAT", '"more"', "not there");
  const missing = shardedCopy(t, ({ weight_map: map }) => {
    map.scalar = "gone.safetensors";
  });
  throwsTyped(t, read(missing), "ERR_WEIGHTS_FORMAT", "gone.safetensors: there is no such file");
  const itself = shardedCopy(t, ({ weight_map: map }) => {
    map.scalar = indexName;
  });
  throwsTyped(t, read(itself), "ERR_WEIGHTS_FORMAT", indexName);
});

t.test("whatever a safetensors header's length is, no other format is seen in it", async (t) => {
  const folder = t.testdir();
  // 0x180 and 0x280 begin as pickles do, 0x17b as JSON.
  for (const length of [0x17b, 0x180, 0x280]) {
    const header = JSON.stringify({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }).padEnd(length);
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(length));
    const path = join(folder, `${length}.safetensors`);
    writeFileSync(path, Buffer.concat([size, Buffer.from(header), Buffer.from(Float32Array.of(7).buffer)]));
    t.same(runWeights("read", { path }).tensors.x?.data, Float32Array.of(7));
  }
});

const strangers: [string, string | Buffer, RegExp][] = [
  ["lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", /git lfs pull/],
  ["page.safetensors", "<!DOCTYPE html><html></html>", /web page/],
  ["picture.bin", Buffer.from("\x89PNG\r\n\x1a\n0000", "latin1"), /PNG/],
  ["model.gguf", "GGUF\x03\0\0\0", /cut short/],
  ["model.ggml", "lmgg", /GGML/],
  ["model.onnx", Buffer.from([0x08, 0x07, 0x12, 0x07, 0x70]), /ONNX/],
  ["model.bin.gz", Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]), /gzip.*unpack/],
  ["zeros.bin", Buffer.alloc(4096), /interrupted/],
  ["text.bin", "hello, this is no model", /neither a safetensors file nor one of torch\.save or GGUF/],
  ["config.json", '{"_class_name": "UNet2DConditionModel"}', /no weight_map/],
  ["huge.json", '{"metadata": 1e999}', /a number that is too large/],
  ["plain.pkl", Buffer.from([0x80, 2, 0x7d, 0x2e]), /pickle, but not one of torch\.save/],
  ["empty.bin", "", /empty/],
];

t.test("guesses what else a file is", async (t) => {
  const folder = t.testdir();
  for (const [name, content, guess] of strangers) {
    const path = join(folder, name);
    writeFileSync(path, content);
    throwsTyped(t, () => runWeights("read", { path }), "ERR_WEIGHTS_FORMAT", path, guess);
  }
});

t.test("a folder and a missing file are said", async (t) => {
  const folder = t.testdir();
  mkdirSync(join(folder, "unet"));
  const read = (path: string) => () => runWeights("read", { path });
  throwsTyped(t, read(join(folder, "unet")), "ERR_WEIGHTS_FORMAT", "; a weight file was expected");
  throwsTyped(t, read(join(folder, "none")), "ERR_WEIGHTS_FORMAT", "there is no such file");
  throwsTyped(t, read("/dev/null"), "ERR_WEIGHTS_FORMAT", "not a regular file");
});
