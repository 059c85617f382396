import { basename, dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { invalid, notAllowed } from "../options/check.js";
import { randomSeed } from "../options/defaults.js";
import { number } from "./flags.js";

/** Several videos of one request, which differ in their seeds: `--seeds` and `--count`. */

/** What the flags give. */
export interface SeveralFlags {
  seed?: number;
  seeds?: number[];
  count?: number;
}

const most = 1000;

/** Adds the flags. */
export function withSeveralFlags(command: Command): Command {
  return command
    .option("--seeds <list>", "a video with each of these seeds, as 1,2,3: out-1.mp4, out-2.mp4 ...", list)
    .option("--count <n>", "so many videos, with random seeds, or those from --seed on", number);
}

/** "1,2,3" */
function list(text: string): number[] {
  if (!/^\d+(,\d+)*$/.test(text)) throw new InvalidArgumentError("It must be seeds, as in 1,2,3.");
  return text.split(",").map(Number);
}

/** The seeds of the videos; undefined where one video is asked for, whose seed is the request's. */
export function seedsOf({ seed, seeds, count }: SeveralFlags): number[] | undefined {
  if (seeds === undefined && count === undefined) return undefined;
  if (count === undefined) {
    if (seed !== undefined) throw invalid("seed: --seeds has those of all videos; leave one of the two out");
    const wrong = seeds?.find((one) => !Number.isSafeInteger(one));
    if (wrong !== undefined) throw notAllowed("seeds", wrong, "whole numbers from 0 to 2^53 - 1");
    if (seeds && seeds.length > most) throw notAllowed("seeds", seeds.length, `at most ${most} of them`);
    return seeds;
  }
  if (seeds !== undefined) throw invalid("count: --seeds says how many; leave one of the two out");
  if (!(Number.isInteger(count) && count >= 1 && count <= most))
    throw notAllowed("count", count, `a whole number from 1 to ${most}`);
  return Array.from({ length: count }, (_, i) => (seed === undefined ? randomSeed() : seed + i));
}

/** "out.mp4" as "out-2.mp4", "frames-%03d.png" as "frames-2-%03d.png"; the first video is 1. */
export function numberedPath(path: string, video: number): string {
  const name = basename(path);
  const place = name.search(/%(0\d)?d/);
  const end = name.lastIndexOf(".");
  const at = place >= 0 ? place : end > 0 ? end : name.length;
  const own = place >= 0 ? `${video}-` : `-${video}`;
  return join(dirname(path), `${name.slice(0, at)}${own}${name.slice(at)}`);
}
