import { createRequire } from "node:module";
import { CameoError } from "../errors.js";

export type Sharp = typeof import("sharp").default;
export type Webcodecs = typeof import("@napi-rs/webcodecs");
export type Mediabunny = typeof import("mediabunny");
export type Echarts = typeof import("echarts");

/** Optional dependencies, and what npm is asked for. */
const packages = {
  sharp: "sharp",
  "@napi-rs/webcodecs": "@napi-rs/webcodecs@~1.3.1",
  mediabunny: "mediabunny@^1.61.0",
  echarts: "echarts@^6.1.0",
};
type Package = keyof typeof packages;

/** The picture library; ERR_MEDIA where it isn't installed. */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw unavailable("sharp", "pictures can't be read or written", cause);
  }
}

/** The film library; ERR_MEDIA where it isn't installed. */
export async function loadWebcodecs(): Promise<Webcodecs> {
  try {
    return await import("@napi-rs/webcodecs");
  } catch (cause) {
    throw unavailable("@napi-rs/webcodecs", noFilms("read or written"), cause);
  }
}

/** What takes films apart; ERR_MEDIA where it isn't installed. */
export async function loadMediabunny(): Promise<Mediabunny> {
  try {
    const library = await import("mediabunny");
    // What it thinks of a file is told by errors.
    library.Logging.level = library.LogLevel.Silent;
    return library;
  } catch (cause) {
    throw unavailable("mediabunny", noFilms("read"), cause);
  }
}

function noFilms(what: string): string {
  const rest = isInstalled("sharp") ? " (.gif, .webp, .apng and .png still can)" : "";
  return `MP4 and WebM can't be ${what}${rest}`;
}

/** The chart library; ERR_MEDIA where it isn't installed. */
export async function loadEcharts(): Promise<Echarts> {
  try {
    return await import("echarts");
  } catch (cause) {
    throw unavailable("echarts", "charts can't be drawn", cause);
  }
}

/** Whether there is such a package, which is not to say that it runs on this machine. */
export function isInstalled(name: Package): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}

export function installCommand(...names: Package[]): string {
  return `npm install ${names.map((name) => packages[name]).join(" ")}`;
}

function unavailable(name: Package, consequence: string, cause: unknown): CameoError {
  const missing = (cause as { code?: unknown } | null)?.code === "ERR_MODULE_NOT_FOUND";
  const state = missing ? "is not installed" : "can't be loaded on this machine";
  return new CameoError("ERR_MEDIA", `${name} ${state}, so ${consequence}: ${installCommand(name)}`, {
    cause,
  });
}
