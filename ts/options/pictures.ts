import type { ImageSource } from "../media/index.js";
import { type OptionName, optionEntries, type SampleRequest } from "./sample_options.js";
import { toArray } from "./schema.js";

/** One of a request's pictures. */
export interface RequestPicture {
  /** What the native half calls the list that it belongs to: as a rule its option's name. */
  list: string;
  source: ImageSource;
  /** As errors call it. */
  name: string;
}

/** All pictures that a request names, in the order of the options' table. */
export function picturesOf(request: Partial<SampleRequest>): RequestPicture[] {
  return optionEntries.flatMap(([list, { value }]) => {
    if (value.kind !== "pictures" && value.kind !== "picture") return [];
    const sources = toArray(request[list] as ImageSource | readonly ImageSource[] | undefined);
    return sources.map((source, i) => ({ list, source, name: pictureName(list, i, sources.length) }));
  });
}

/** How errors call one of the pictures of an option. */
function pictureName(option: OptionName, index: number, count: number): string {
  return count === 1 ? option : `${option} ${index + 1}`;
}
