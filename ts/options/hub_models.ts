import { fetchFromHub, type HubModel, hubNameOfPath, isHubName, parseHubName } from "../hub/index.js";
import { within } from "./check.js";
import type { Shape } from "./kinds.js";
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

/** Kinds whose values are paths, or objects with one, or arrays of them. */
const pathKinds: readonly Shape["kind"][] = ["path", "paths", "loras", "embeddings"];

type Paths = { [Name in LoadOptionName]?: unknown };

/** The options with what `map` makes of each path of a model, in the table's order. */
function mapPaths<T extends Paths>(options: T, map: (named: NamedPath) => string): T {
  const mapped: Paths = { ...options };
  for (const [option, { value: shape, part = "" }] of loadEntries) {
    const value = options[option];
    if (value === undefined || !pathKinds.includes(shape.kind)) continue;
    const what = "what" in shape ? shape.what : "file";
    const mapOne = (one: unknown): unknown => {
      if (typeof one !== "string")
        return { ...(one as object), path: mapOne((one as { path: string }).path) };
      return map({ option, path: one, what, part: option === "base" ? undefined : part });
    };
    mapped[option] = Array.isArray(value) ? value.map(mapOne) : mapOne(value);
  }
  return mapped as T;
}

/** The paths of models, in the table's order. */
export function pathsIn(options: Paths): NamedPath[] {
  const paths: NamedPath[] = [];
  mapPaths(options, (named) => {
    paths.push(named);
    return named.path;
  });
  return paths;
}

function namesIn(options: Paths): NamedPath[] {
  return pathsIn(options).filter(({ path }) => isHubName(path));
}

/** Throws ERR_INVALID_OPTION, naming the option, for what begins as a name on the hub and isn't one. */
export function checkHubNames(options: Paths): void {
  for (const { option, path } of namesIn(options)) within(`${option}: `, () => parseHubName(path));
}

/** The options with paths in place of names on the hub, once all that they stand for is in the cache. */
export async function withHubModels<T extends Paths>(
  options: T,
  { signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress">,
): Promise<T> {
  const names = namesIn(options);
  if (names.length === 0) return options;
  const wanted = names.map(({ path, part }) => ({ name: path, part }));
  const models = await fetchFromHub(wanted, { signal, onProgress });
  return mapPaths(options, ({ path }) => (isHubName(path) ? (models.shift() as HubModel).path : path));
}

/** The options with names on the hub that say the commit, as `fetched` has the paths of what they stood for. */
export function withCommits<T extends Paths>(options: T, fetched: T): T {
  const local = pathsIn(fetched).map(({ path }) => path);
  return mapPaths(options, ({ path }) => {
    const place = local.shift() as string;
    return isHubName(path) ? (hubNameOfPath(place) ?? place) : path;
  });
}
