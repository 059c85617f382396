import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  makeRandom,
  safetensors,
  stateDict,
  tensor,
  torchEntries,
  torchLegacy,
  torchZip,
  twoFloats,
  u64,
  zip,
  zip64End,
} from "./build.js";
import { type Cases, weightCorpus } from "./corpus.js";
import { field, fields, gguf, ggufText, list, tensorInfo } from "./gguf.js";
import { goodGguf } from "./gguf_cases.js";
import { mutateBytes, mutateJson, pick, type Random, splice } from "./mutate.js";
import { configFolder, filmSeeds, pictureSeeds, tokenizerFolders } from "./seeds.js";
import {
  modelParts,
  toolNames,
  toolPickles,
  toolSafetensors,
  toolZips,
  trainerCheckpoint,
  word,
} from "./tool_seeds.js";

/** A file, or the files of a folder by their paths in it. */
export interface Input {
  name: string;
  content: Buffer | Cases;
  /** What reading must come to, where that is known. */
  expected?: "read" | "refused";
}

export const kinds = [
  "safetensors",
  "zip",
  "pickle",
  "gguf",
  "config",
  "tokenizer",
  "picture",
  "film",
] as const;
export type Kind = (typeof kinds)[number];
/** Those that the native half reads. */
export const nativeKinds: readonly Kind[] = ["safetensors", "zip", "pickle", "gguf", "config"];
type WeightKind = "safetensors" | "zip" | "pickle" | "gguf";

interface Source {
  /** Read first, as they are. */
  known: Input[];
  draw(random: Random): Buffer | Cases;
}

const dict = stateDict({ a: tensor() });

function goodWeights(): Record<WeightKind, Cases> {
  const folder = join("test", "fixtures", "weights");
  const fixtures = (...names: string[]) =>
    Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))]));
  const types = readFileSync(join("test", "fixtures", "gguf", "types.gguf"));
  const long = zip(torchEntries(dict), {
    offset: 0xffffffff,
    size: 0xffffffff,
    entries: 0xffff,
    before: ({ offset, size }) => zip64End(BigInt(offset), BigInt(size), 3n, BigInt(offset + size)),
  });
  return {
    safetensors: {
      ...fixtures("expected.safetensors", "state.safetensors", "fp8.safetensors"),
      ...toolSafetensors(),
    },
    zip: {
      ...fixtures("state.bin", "ordered.bin", "parameters.bin", "checkpoint.ckpt", "fp8.bin"),
      ...toolZips(),
      zip64: long,
    },
    pickle: {
      ...fixtures("legacy.bin", "protocol4.bin", "protocol5.bin", "fp8_legacy.bin"),
      ...toolPickles(),
      legacy: torchLegacy(dict, ["0"], twoFloats),
    },
    gguf: { types, small: gguf(), good: goodGguf },
  };
}

/** The groups of the corpus, of which no file may be read. */
const groups = { safetensors: ["safetensors", "stranger"], zip: ["zip"], pickle: ["pickle"], gguf: ["gguf"] };

function readable(files: Cases): Input[] {
  return Object.entries(files).map(([name, content]) => ({ name, content, expected: "read" }));
}

function weights(kind: WeightKind): Source {
  const good = goodWeights()[kind];
  const isOfKind = ([name]: [string, Buffer]) => groups[kind].includes(name.split("-")[0] ?? "");
  const parts = kind === "safetensors" ? modelParts() : {};
  const bad = [...Object.entries(parts), ...Object.entries(weightCorpus()).filter(isOfKind)];
  const refused = bad.map(([name, content]): Input => ({ name, content, expected: "refused" }));
  const largestSeed = 1 << 17;
  const isSmall = ({ length }: Buffer) => length <= largestSeed;
  const whole = [...Object.values(good), ...Object.values(parts).filter(isSmall)];
  const seeds = [...whole, ...bad.map(([, content]) => content)].filter(isSmall);
  const shape = { safetensors: withHeader, zip: mutateBytes, pickle: withPickle, gguf: withGguf }[kind];
  const draw = (random: Random) => {
    const seed = pick(random, random(2) ? whole : seeds);
    if (random(8) === 0) return splice(seed, pick(random, seeds), random);
    return random(3) === 0 ? mutateBytes(seed, random) : shape(seed, random);
  };
  return { known: [...readable(good), ...refused], draw };
}

function withHeader(seed: Buffer, random: Random): Buffer {
  const length = seed.length < 8 ? 0 : Number(seed.readBigUInt64LE());
  if (length === 0 || length > seed.length - 8) return mutateBytes(seed, random);
  const header = mutateJson(seed.toString("utf8", 8, 8 + length), random);
  return safetensors(header, seed.subarray(8 + length));
}

const numbers = [-1n, 0n, 1n, 2n, 3n, 2n ** 31n, 2n ** 32n, 2n ** 62n, -(2n ** 63n)];

/** A pickle of tensors that claim what they like, and then perhaps more wrong, in any of its wrappings. */
function withPickle(_: Buffer, random: Random): Buffer {
  const list = () => Array.from({ length: random(4) }, () => pick(random, numbers));
  const claim = () =>
    tensor({
      ...pick(random, [
        ...["FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "ByteStorage"].map((type) => ({
          type,
        })),
        ...["float8_e4m3fn", "float8_e5m2", "bfloat16"].map((dtype) => ({ dtype })),
      ]),
      numel: pick(random, numbers),
      offset: pick(random, [0n, 0n, 0n, ...numbers]),
      shape: list(),
      strides: list(),
    });
  const known = ["a", "b.weight", "", "a"].slice(0, 1 + random(4));
  const names = random(2) ? known : Array.from({ length: 1 + random(8) }, () => pick(random, toolNames));
  const values = Object.fromEntries(names.map((name) => [name, claim()]));
  const whole = pick(random, [
    () => stateDict(values),
    () => trainerCheckpoint(values),
    () => word(claim(), pick(random, names)),
  ])();
  const pickled = random(2) ? mutateBytes(whole, random) : whole;
  const storage = Buffer.concat([
    u64(BigInt.asUintN(64, pick(random, numbers))),
    Buffer.alloc(random(64), 1),
  ]);
  return pick(random, [
    () => torchZip(pickled),
    () => torchLegacy(pickled, ["0"], random(2) ? twoFloats : storage),
    () => pickled,
  ])();
}

/** A GGUF file whose header claims what it likes, and then perhaps more wrong, over a good one's tensors. */
function withGguf(seed: Buffer, random: Random): Buffer {
  const most = (count: number) => 2n ** BigInt(random(count));
  const count = () => pick(random, [0n, 1n, 2n, 32n, 256n, 3n, most(65)]) % 2n ** 64n;
  const name = () => pick(random, ["a", "b", "", ...toolNames]);
  const value = (type: number): Buffer => {
    if (type === fields.text) return ggufText(name(), random(6) ? undefined : count());
    if (type !== fields.list)
      return Buffer.alloc([1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type] ?? 8, random(256));
    const inner = random(13);
    const values = Array.from({ length: random(4) }, () => value(inner === fields.list ? 0 : inner));
    return list(inner, values, random(4) ? undefined : count());
  };
  const keys = ["general.alignment", "comfy.gguf.orig_shape.a", "format", "name"];
  const aField = () => {
    const type = pick(random, [fields.u32, fields.text, fields.list, random(14)]);
    return field(pick(random, [...keys, name()]), type, value(type));
  };
  const aTensor = () => {
    const dims = Array.from({ length: random(5) }, count);
    const offset = pick(random, [0n, 32n, 64n, most(64)]);
    return tensorInfo({ name: name(), dims, type: random(random(2) ? 15 : 41), offset });
  };
  const claim = gguf({
    version: pick(random, [2, 3, 3, 3, random(5)]),
    fields: Array.from({ length: random(4) }, aField),
    tensors: Array.from({ length: 1 + random(3) }, aTensor),
    data: seed.subarray(random(seed.length)),
  });
  return random(2) ? mutateBytes(claim, random) : claim;
}

/** Folders of which one file, or two, is damaged, and now and then one is missing. */
function folders(...whole: Cases[]): Source {
  const draw = (random: Random) => {
    const damaged = { ...pick(random, whole) };
    const names = Object.keys(damaged);
    for (let left = 1 + random(2); left > 0; left--) {
      const name = pick(random, names);
      const content = damaged[name] as Buffer;
      const asText = name.endsWith(".json") && random(5) > 0;
      damaged[name] = asText
        ? Buffer.from(mutateJson(content.toString("utf8"), random))
        : mutateBytes(content, random);
    }
    if (random(10) === 0) delete damaged[pick(random, names)];
    return damaged;
  };
  const known = whole.map((content, i): Input => ({ name: `whole-${i}`, content, expected: "read" }));
  return { known, draw };
}

function media(seeds: Cases): Source {
  const files = Object.values(seeds);
  return {
    known: readable(seeds),
    draw: (random) =>
      random(12) === 0
        ? splice(pick(random, files), pick(random, files), random)
        : mutateBytes(pick(random, files), random),
  };
}

const sources: Record<Kind, (folder: string) => Source | Promise<Source>> = {
  safetensors: () => weights("safetensors"),
  zip: () => weights("zip"),
  pickle: () => weights("pickle"),
  gguf: () => weights("gguf"),
  config: () => folders(configFolder()),
  tokenizer: () => folders(...tokenizerFolders()),
  picture: async () => media(await pictureSeeds()),
  film: async (folder) => media(await filmSeeds(folder)),
};

/**
 * `count` inputs of a kind, the same for the same seed: those whose outcome is known, and at least as many drawn ones.
 * `folder` is for what is written on the way.
 */
export async function* inputsOf(
  kind: Kind,
  { seed, count, folder }: { seed: number; count: number; folder: string },
): AsyncGenerator<Input> {
  const { known, draw } = await sources[kind](folder);
  const first = known.slice(0, count / 2);
  for (const input of first) yield { ...input, name: `${kind}-${input.name}` };
  for (let i = first.length; i < count; i++) {
    yield { name: `${kind}-${seed}-${i}`, content: draw(makeRandom(seed * 1_000_003 + i)) };
  }
}

/** The parts of a number in about equal shares. */
export function shares(total: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => Math.floor(((i + 1) * total) / count) - Math.floor((i * total) / count),
  );
}
