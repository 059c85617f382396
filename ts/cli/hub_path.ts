import { fetchFromHub, type HubModel, isHubName } from "../hub/index.js";
import type { Reporter } from "./progress.js";

/** A model's path, or the one in the cache of what a name on the hub stands for, once that is there. */
export async function pathOfModel(path: string, reporter: Reporter, signal: AbortSignal): Promise<string> {
  if (!isHubName(path)) return path;
  const onProgress = reporter.update.bind(reporter);
  const models = await fetchFromHub([path], { signal, onProgress });
  return (models[0] as HubModel).path;
}
