import { z } from "zod";
import { notAllowed } from "../options/check.js";

/** A process's place among those that train together. */
export interface Membership {
  /** 0 to worldSize - 1. Rank 0 is where the others meet; it writes the run's files. */
  rank: number;
  /** How many processes there are, on all machines. */
  worldSize: number;
  /** Its number on its own machine, which is that of its GPU. */
  localRank: number;
  /** Rank 0's host or address. */
  address: string;
  /** The port that rank 0 listens on. */
  port: number;
}

/** torchrun's names of a process's place. */
const torchrun = { rank: "RANK", worldSize: "WORLD_SIZE", localRank: "LOCAL_RANK" };
const slurm = { rank: "SLURM_PROCID", worldSize: "SLURM_NTASKS", localRank: "SLURM_LOCALID" };

/**
 * What the environment says of this process's place, in the variables that torchrun sets or, where MASTER_ADDR and
 * MASTER_PORT are set, in Slurm's. Undefined where it says nothing, or that this is the only process. Throws
 * ERR_INVALID_OPTION that names the variable which is missing or wrong.
 */
export function membershipFromEnvironment(env: NodeJS.ProcessEnv): Membership | undefined {
  const names = placeNames(env);
  if (!names) return undefined;
  const worldSize = wholeNumber(env, names.worldSize, 1, 65_536);
  const membership = {
    rank: wholeNumber(env, names.rank, 0, worldSize - 1),
    worldSize,
    localRank: wholeNumber(env, names.localRank, 0, worldSize - 1),
    address: address(env),
    port: wholeNumber(env, "MASTER_PORT", 1, 65_535),
  };
  return worldSize === 1 ? undefined : membership;
}

/** Slurm numbers every process that it starts; only with a meeting point is that meant for training together. */
function placeNames(env: NodeJS.ProcessEnv): typeof torchrun | undefined {
  if (env[torchrun.rank] !== undefined || env[torchrun.worldSize] !== undefined) return torchrun;
  const meets = env.MASTER_ADDR !== undefined || env.MASTER_PORT !== undefined;
  return meets && env[slurm.rank] !== undefined ? slurm : undefined;
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, min: number, max: number): number {
  const digits = z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(min).max(max));
  const { success, data } = digits.safeParse(env[name]);
  if (success) return data;
  throw notAllowed(`the environment variable ${name}`, env[name], `a whole number from ${min} to ${max}`);
}

function address(env: NodeJS.ProcessEnv): string {
  const name = "MASTER_ADDR";
  if (env[name]) return env[name];
  throw notAllowed(`the environment variable ${name}`, env[name], "rank 0's host or address");
}
