import { writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import {
  safetensors,
  stateDict,
  tensor,
  torchEntries,
  torchLegacy,
  torchZip,
  twoFloats,
  zip,
  zip64End,
} from "../../support/fuzz/build.js";
import { weightCorpus } from "../../support/fuzz/corpus.js";
import { gguf } from "../../support/fuzz/gguf.js";
import { modelParts } from "../../support/fuzz/tool_seeds.js";
import { runProbe } from "../../support/probes.js";
import { errorOf, runWeights } from "../../support/weights.js";

const megabytes = (kilobytes: number) => kilobytes / 1024;
const dict = stateDict({ a: tensor() });

t.test("the builders' well-formed files are read", async (t) => {
  const folder = t.testdir();
  const good = {
    safetensors: safetensors({ a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(8, 1)),
    zip: torchZip(dict),
    zip64: zip(torchEntries(dict), {
      offset: 0xffffffff,
      size: 0xffffffff,
      entries: 0xffff,
      before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 3n, BigInt(offset + size)),
    }),
    legacy: torchLegacy(dict, ["0"], twoFloats),
    gguf: gguf(),
    fp8: torchZip(stateDict({ a: tensor({ dtype: "float8_e5m2", numel: 8n }) })),
  };
  for (const [name, file] of Object.entries(good)) {
    const path = join(folder, name);
    writeFileSync(path, file);
    t.same(runWeights("read", { path }).tensors.a?.shape, [2], name);
  }
});

t.test("every malformed file is a typed error, in bounded memory", async (t) => {
  const cases = Object.entries(weightCorpus());
  t.ok(cases.length >= 200, `${cases.length} files`);
  const folder = t.testdir();
  const path = join(folder, "w");
  runWeightsQuietly(path, Buffer.from("warm up"));
  const before = process.resourceUsage().maxRSS;
  const wrong = cases.flatMap(([name, file]) => {
    const { code, message } = runWeightsQuietly(path, file);
    const expected = expectedCode(name);
    const isLine = message.startsWith(folder) && !message.includes("\n") && message.length < 1000;
    return expected.test(code) && isLine ? [] : [`${name}: ${code}: ${message}`];
  });
  t.same(wrong, []);
  const grown = megabytes(process.resourceUsage().maxRSS - before);
  t.ok(grown < 512, `memory grew by ${Math.round(grown)} MB`);
});

t.test("parts of models are typed errors in bounded time, whatever they claim", async (t) => {
  const path = join(t.testdir(), "w");
  for (const [name, file] of Object.entries(modelParts())) {
    writeFileSync(path, file);
    const { code, message } = errorOf(() => runProbe("fuzz.read", { path }, {}));
    t.match(code, /^ERR_WEIGHTS_(FORMAT|MISMATCH)$/, `${name}: ${message}`);
  }
});

function expectedCode(name: string): RegExp {
  if (name.startsWith("pickle-random")) return /^ERR_WEIGHTS_(FORMAT|UNSAFE)$/;
  return /^pickle-(legacy-)?unsafe/.test(name) ? /^ERR_WEIGHTS_UNSAFE$/ : /^ERR_WEIGHTS_FORMAT$/;
}

function runWeightsQuietly(path: string, file: Buffer): { code: string; message: string } {
  writeFileSync(path, file);
  return errorOf(() => runWeights("read", { path }));
}
