import { fetchFromHub, type HubModel, hubNameOfPath, isHubName, parseHubName } from "../hub/index.js";
import type { NativeLoadOptions } from "../native.js";
import { within } from "./check.js";
import { type LoadOptionName, type LoadOptions, loadEntries } from "./load_options.js";

/** A model's path among options. */
interface NamedPath {
  option: LoadOptionName;
  path: string;
  /** "file or folder" ... */
  what: string;
  /** Of a pipeline on the hub, the folder that is meant; undefined for the whole. */
  part: string | undefined;
}

type Paths = { [Name in LoadOptionName]?: unknown };

/** The paths of models, in the table's order. */
export function pathsIn(options: Paths): NamedPath[] {
  return loadEntries.flatMap(([option, { value: shape, part = "" }]) => {
    if (shape.kind !== "path" && shape.kind !== "paths") return [];
    const paths = [options[option] ?? []].flat() as string[];
    return paths.map((path) => ({
      option,
      path,
      what: shape.what,
      part: option === "base" ? undefined : part,
    }));
  });
}

/** Throws ERR_INVALID_OPTION, naming the option, for what begins as a name on the hub and isn't one. */
export function checkHubNames(options: Paths): void {
  for (const { option, path } of namesIn(options)) within(`${option}: `, () => parseHubName(path));
}

function namesIn(options: Paths): NamedPath[] {
  return pathsIn(options).filter(({ path }) => isHubName(path));
}

/** The options with paths in place of names on the hub, once all that they stand for is in the cache. */
export async function withHubModels<T extends Pick<NativeLoadOptions, "base">>(
  options: T,
  { signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress">,
): Promise<T> {
  const names = namesIn(options);
  if (names.length === 0) return options;
  const models = await fetchFromHub(
    names.map(({ path, part }) => ({ name: path, part })),
    { signal, onProgress },
  );
  const replaced = { ...options } as Record<LoadOptionName, unknown>;
  for (const [i, { option, path }] of names.entries()) {
    const model = models[i] as HubModel;
    const value = replaced[option];
    replaced[option] = Array.isArray(value)
      ? value.map((each) => (each === path ? model.path : each))
      : model.path;
  }
  return replaced as T;
}

/** The options with names on the hub that say the commit, as `fetched` has the paths of what they stood for. */
export function withCommits<T extends Pick<NativeLoadOptions, "base">>(options: T, fetched: T): T {
  const pinned = namesIn(options).map(({ option }) => {
    const path = (fetched as Record<string, unknown>)[option];
    return [option, hubNameOfPath(path as string) ?? path];
  });
  return { ...options, ...Object.fromEntries(pinned) };
}
