import { CameoError } from "../errors.js";

export type Sharp = typeof import("sharp").default;
export type Webcodecs = typeof import("@napi-rs/webcodecs");
export type Echarts = typeof import("echarts");

/** The picture library; ERR_MEDIA where it isn't installed. */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw unavailable("sharp", "sharp", "pictures can't be read or written", cause);
  }
}

/** The film library; ERR_MEDIA where it isn't installed. */
export async function loadWebcodecs(): Promise<Webcodecs> {
  try {
    return await import("@napi-rs/webcodecs");
  } catch (cause) {
    const lost = "MP4 and WebM can't be read or written (.gif, .webp, .apng and .png still can)";
    throw unavailable("@napi-rs/webcodecs", "@napi-rs/webcodecs@~1.3.1", lost, cause);
  }
}

/** The chart library; ERR_MEDIA where it isn't installed. */
export async function loadEcharts(): Promise<Echarts> {
  try {
    return await import("echarts");
  } catch (cause) {
    throw unavailable("echarts", "echarts@^6.1.0", "charts can't be drawn", cause);
  }
}

function unavailable(name: string, specifier: string, consequence: string, cause: unknown): CameoError {
  const missing = (cause as { code?: unknown } | null)?.code === "ERR_MODULE_NOT_FOUND";
  const state = missing ? "is not installed" : "can't be loaded on this machine";
  return new CameoError("ERR_MEDIA", `${name} ${state}, so ${consequence}: npm install ${specifier}`, {
    cause,
  });
}
