import { join, resolve } from "node:path";
import { isOthers } from "../others.js";
import { platform } from "./platform.js";

/** CAMEO_CACHE, or undefined where it is not set. Other programs' files may be in it. */
export function givenFolder(): string | undefined {
  const { CAMEO_CACHE } = process.env;
  return CAMEO_CACHE ? resolve(CAMEO_CACHE) : undefined;
}

/** The folder that is cameo's alone: `cameo` in CAMEO_CACHE, else in the user's cache folder. */
export function cacheFolder(): string {
  return join(givenFolder() ?? platform().caches(), "cameo");
}

/**
 * Where a libtorch of this name may be installed, the newest place first. It once lay in CAMEO_CACHE itself, and is used
 * where it lies. What another user of this machine decides on is left out: its libraries would be that user's to choose.
 */
export function installedFolders(name: string): string[] {
  const given = givenFolder();
  const earlier = given === undefined ? [] : [join(given, name)];
  return [join(cacheFolder(), name), ...earlier].filter((folder) => !isOthers(folder));
}
