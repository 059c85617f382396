import { mkdir, statfs } from "node:fs/promises";
import { byteText } from "../byte_text.js";
import { cannotWrite, hubError } from "./errors.js";
import { ModelRequest } from "./model_request.js";
import { type HubSettings, hubSettings } from "./settings.js";

/** A model of the hub that is in the cache. */
export interface HubModel {
  /** As it was asked for. */
  name: string;
  commit: string;
  /** What loading is given: a folder, or a file. */
  path: string;
}

/** How much of what has to be fetched is there, for all names together. */
export interface FetchProgress {
  phase: "fetch";
  /** In bytes. */
  step: number;
  /** In bytes. */
  steps: number;
}

/** What is asked for. */
export interface HubRequest {
  name: string;
  /** Of a pipeline's repository only this folder; "" where a pipeline is not what is wanted. Default: all of it. */
  part?: string | undefined;
}

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: FetchProgress) => void) | undefined;
}

/**
 * What names on the hub stand for, each in the cache with all that loading needs; what isn't there is fetched. With a commit
 * in a name, or offline, nothing is asked where the cache has it. Rejects with ERR_INVALID_OPTION for what is no name,
 * ERR_HUB, ERR_ABORTED, or what `onProgress` threw.
 */
export async function fetchFromHub(
  wanted: readonly (string | HubRequest)[],
  { signal, onProgress }: FetchOptions = {},
  settings: HubSettings = hubSettings(),
): Promise<HubModel[]> {
  const listener = new Listener(onProgress);
  const signals = AbortSignal.any(signal ? [signal, listener.signal] : [listener.signal]);
  const requests = wanted.map((each) => {
    const { name, part } = typeof each === "string" ? { name: each } : each;
    return new ModelRequest({ name, part }, settings, signals);
  });
  try {
    for (const request of requests) await request.plan();
    await checkSpace(requests, settings);
    const progress = new Progress(sum(requests.map(({ bytes }) => bytes)), listener);
    for (const request of requests) await request.fetch(progress);
  } finally {
    listener.throwWhatItThrew();
  }
  return requests.map((request) => request.model());
}

/** Whoever is told of the progress; what it throws ends the fetching, and is no fault of the network's. */
class Listener {
  readonly #onProgress: FetchOptions["onProgress"];
  readonly #stop = new AbortController();
  readonly #thrown: unknown[] = [];

  constructor(onProgress: FetchOptions["onProgress"]) {
    this.#onProgress = onProgress;
  }

  /** Aborted when it has thrown. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  tell(progress: FetchProgress): void {
    if (this.signal.aborted) return;
    try {
      this.#onProgress?.(progress);
    } catch (error) {
      this.#thrown.push(error);
      this.#stop.abort();
    }
  }

  throwWhatItThrew(): void {
    if (this.#thrown.length > 0) throw this.#thrown[0];
  }
}

/** Before gigabytes are fetched. */
async function checkSpace(requests: readonly ModelRequest[], { cache }: HubSettings): Promise<void> {
  const needed = sum(await Promise.all(requests.map((request) => request.bytesLeft())));
  const [request] = requests;
  if (request === undefined || needed === 0) return;
  const free = await freeBytes(cache).catch((error) => {
    throw cannotWrite(request.place, error);
  });
  if (free >= needed) return;
  throw hubError(
    request.place,
    `${byteText(needed)} have to be fetched, and ${cache} has room for ${byteText(free)}: make room there, or set HF_HUB_CACHE to a folder on another disk`,
  );
}

async function freeBytes(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Between two reports, at least. */
const reportBytes = 2 ** 20;

/** Sums over files what is fetched of each. */
export class Progress {
  readonly #total: number;
  readonly #listener: Listener;
  #before = 0;
  #reported = -reportBytes;

  constructor(total: number, listener: Listener) {
    this.#total = total;
    this.#listener = listener;
  }

  /** Of the file that is fetched now. */
  update(bytes: number): void {
    const step = this.#before + bytes;
    const isDue = step - this.#reported >= reportBytes || step === this.#total;
    if (!isDue || step === this.#reported) return;
    this.#reported = step;
    this.#listener.tell({ phase: "fetch", step, steps: this.#total });
  }

  /** Says that a file of so many bytes is there. */
  next(bytes: number): void {
    this.update(bytes);
    this.#before += bytes;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
