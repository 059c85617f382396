import { existsSync, lstatSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
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
 * where it lies. Folders that another user may have filled are left out.
 */
export function installedFolders(name: string): string[] {
  const given = givenFolder();
  const own = isOthers(cacheFolder()) ? [] : [join(cacheFolder(), name)];
  const earlier = given === undefined ? [] : [join(given, name)];
  return [...own, ...earlier].filter((folder) => !isOthers(folder));
}

/**
 * Whether another user of this machine made `path`, in a folder where everybody may, such as /tmp: then its libraries would
 * be that user's to choose. Root is trusted, as are folders that only some may write to.
 */
export function isOthers(path: string): boolean {
  const user = process.getuid?.();
  if (user === undefined || !existsSync(dirname(path))) return false;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats || stats.uid === user || stats.uid === 0) return false;
  return (statSync(dirname(path)).mode & 0o002) !== 0;
}
