import { mkdir, statfs } from "node:fs/promises";
import { byteText } from "../byte_text.js";
import { cannotWrite, hubError } from "./errors.js";
import { type HubModel, type HubRequest, ModelRequest } from "./model_request.js";
import { Listener, type OnFetchProgress, Progress } from "./progress.js";
import { type HubSettings, hubSettings } from "./settings.js";

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnFetchProgress | undefined;
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
