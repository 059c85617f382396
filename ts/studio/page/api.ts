import type { EChartsOption } from "echarts";
import type { ErrorAnswer, TrainingRun, Upload, VideoOrder } from "../protocol.js";
import { fileKey } from "./store.js";
import { authorization } from "./token.js";

/** An answer that is not a success; its message is the one line that the server sent. */
export class ApiError extends Error {}

/** Uploads the bytes of a picture or a film. */
export function upload(bytes: Blob, kind: "picture" | "film"): Promise<Upload> {
  return call("POST", kind === "film" ? "api/films" : "api/uploads", bytes);
}

/** Of a picture that shows it; undefined while it is not known how to open it. */
export function uploadUrl(id: string): string | undefined {
  return fileKey.value === "" ? undefined : `api/uploads/${id}?key=${fileKey.value}`;
}

/** Whether the server still has an upload; also where it can't say. */
export async function hasUpload(id: string): Promise<boolean> {
  const answer = await send("HEAD", `api/uploads/${id}`).catch(() => undefined);
  return answer?.status !== 404;
}

export function fileUrl(entry: string, name: string): string {
  return `files/${entry}/${name}?key=${fileKey.value}`;
}

export async function fetchFile(url: string): Promise<Blob> {
  return (await request("GET", url)).blob();
}

export async function orderVideos(order: VideoOrder): Promise<void> {
  await call("POST", "api/jobs", JSON.stringify(order));
}

export async function cancelJob(id: string): Promise<void> {
  await request("DELETE", `api/jobs/${id}`);
}

export async function deleteEntry(id: string): Promise<void> {
  await request("DELETE", `api/gallery/${id}`);
}

/** Tries again to load the model. */
export async function loadModel(): Promise<void> {
  await request("POST", "api/model");
}

export function listRuns(): Promise<TrainingRun[]> {
  return call("GET", "api/runs");
}

export function runCharts(names: readonly string[]): Promise<EChartsOption> {
  return call("GET", `api/charts?${new URLSearchParams(names.map((name) => ["run", name]))}`);
}

async function call<T>(method: string, path: string, body?: BodyInit): Promise<T> {
  return (await request(method, path, body)).json() as Promise<T>;
}

function send(method: string, path: string, body?: BodyInit): Promise<Response> {
  return fetch(path, { method, body: body ?? null, headers: authorization });
}

async function request(method: string, path: string, body?: BodyInit): Promise<Response> {
  const answer = await send(method, path, body).catch(() => {
    throw new ApiError("the studio does not answer; is cameo studio still running?");
  });
  if (answer.ok) return answer;
  const { message } = (await answer.json().catch(() => ({}))) as Partial<ErrorAnswer>;
  throw new ApiError(message ?? `the studio answered ${answer.status}`);
}
