import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/**
 * Whether another user of this machine decides what is at `path`: whether it, or a folder or link on the way to it, was made
 * by another user in a folder where everybody may, such as /tmp. Root is trusted, and so are folders that only some may
 * write to.
 */
export function isOthers(path: string): boolean {
  return placesOf(resolve(path)).some(isOthersPlace);
}

/** Whether a link decides where `path` leads, which another user made where everybody may, or further below there. */
export function isOthersLink(path: string): boolean {
  const places = placesOf(resolve(path));
  return places.some(isOthersPlace) && places.some(({ isForeign, isLink }) => isForeign && isLink);
}

interface Place {
  isLink: boolean;
  /** Neither this user's nor root's. */
  isForeign: boolean;
  /** Whether everybody may write to the folder that it is in. */
  isOpen: boolean;
}

function isOthersPlace({ isForeign, isOpen }: Place): boolean {
  return isForeign && isOpen;
}

/** What is passed on the way to `path`, links and what they lead to included; what can't be looked at is left out. */
function placesOf(path: string): Place[] {
  const user = process.getuid?.();
  if (user === undefined || dirname(path) === path) return [];
  const before = placesOf(dirname(path));
  try {
    const folder = realpathSync(dirname(path));
    const at = join(folder, basename(path));
    const stats = lstatSync(at);
    const isLink = stats.isSymbolicLink();
    const isForeign = stats.uid !== user && stats.uid !== 0;
    const place = { isLink, isForeign, isOpen: (statSync(folder).mode & 0o002) !== 0 };
    // Links that go round in a circle lead nowhere.
    const behind = isLink && existsSync(at) ? placesOf(resolve(folder, readlinkSync(at))) : [];
    return [...before, place, ...behind];
  } catch {
    return before;
  }
}
