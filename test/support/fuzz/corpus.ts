import { ggufCases } from "./gguf_cases.js";
import { pickleCases } from "./pickle_cases.js";
import { safetensorsCases } from "./safetensors_cases.js";
import { strangerCases } from "./stranger_cases.js";
import { zipCases } from "./zip_cases.js";

/** Malformed weight files by name, the same in every run. None of them may be read. */
export type Cases = Record<string, Buffer>;

export function weightCorpus(): Cases {
  return {
    ...named("safetensors", safetensorsCases()),
    ...named("zip", zipCases()),
    ...named("pickle", pickleCases()),
    ...named("gguf", ggufCases()),
    ...named("stranger", strangerCases()),
  };
}

function named(group: string, cases: Cases): Cases {
  return Object.fromEntries(Object.entries(cases).map(([name, file]) => [`${group}-${name}`, file]));
}

/** The file cut at `count` places, from empty to one byte short. */
export function truncations(file: Buffer, count: number): Cases {
  const cases: Cases = {};
  for (let i = 0; i < count; i++) {
    const length = i === count - 1 ? file.length - 1 : Math.floor((i * file.length) / count);
    cases[`cut-to-${length}`] = file.subarray(0, length);
  }
  return cases;
}

/** The file with one bit of these bytes turned over, one case each. */
export function bitFlips(file: Buffer, bits: Iterable<number>): Cases {
  const cases: Cases = {};
  for (const bit of bits) {
    const damaged = Buffer.from(file);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    cases[`bit-${bit}`] = damaged;
  }
  return cases;
}
