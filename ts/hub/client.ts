import { setTimeout as sleep } from "node:timers/promises";
import { CameoError, throwIfAborted } from "../errors.js";
import { version } from "../version.js";
import { hubError, type Place, refusal, unreachable } from "./errors.js";
import { isCommit, isSafePath } from "./name.js";
import type { BlobId } from "./repo_cache.js";

/** A file in a repository at a commit. */
export interface HubFile {
  path: string;
  /** In bytes. */
  size: number;
  /** What its blob is called: its SHA-256 where it is a large file, else git's hash of it. */
  id: BlobId;
}

/** A part of a file, from its byte `from` on. */
export interface FilePart {
  from: number;
  bytes: AsyncIterable<Uint8Array>;
}

/** More files than a model's repository has. */
const maxFiles = 50_000;
const maxAnswerBytes = 2 ** 26;
/** How often a request is made again that the hub was too busy for. */
const attempts = 4;
const firstDelayMs = 250;
const isBusy = (status: number) => [408, 425, 429, 500, 502, 503, 504].includes(status);

/** Asks the hub about one repository. Everything rejects with ERR_HUB or ERR_ABORTED. */
export class HubClient {
  readonly #place: Place;
  readonly #origin: string;
  readonly #signal: AbortSignal | undefined;

  constructor(place: Place, signal: AbortSignal | undefined) {
    this.#place = place;
    this.#origin = new URL(place.settings.endpoint).origin;
    this.#signal = signal;
  }

  /** The commit that the revision is now. */
  async commit(): Promise<string> {
    const { modelInfo } = await import("@huggingface/hub");
    const { repo, revision } = this.#place;
    const info = await this.#asking(
      modelInfo({ name: repo, revision, additionalFields: ["sha"], ...this.#access() }),
    );
    const { sha } = info as { sha?: unknown };
    if (typeof sha !== "string" || !isCommit(sha)) throw this.#strange("it names no commit");
    return sha;
  }

  /** All files of a commit. */
  async files(commit: string): Promise<HubFile[]> {
    const { listFiles } = await import("@huggingface/hub");
    const repo = { type: "model", name: this.#place.repo } as const;
    const files: HubFile[] = [];
    const entries = listFiles({ repo, revision: commit, recursive: true, ...this.#access() });
    await this.#asking(
      (async () => {
        for await (const { type, path, size, oid = "", lfs } of entries) {
          if (files.length === maxFiles) throw this.#strange(`it has more than ${maxFiles} files`);
          if (type !== "file" || typeof path !== "string" || !isSafePath(path)) continue;
          const id = lfs?.oid ?? oid;
          const isKnown = /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(id) && Number.isSafeInteger(size) && size >= 0;
          if (!isKnown) throw this.#strange(`${path} has no size or no hash`);
          files.push({ path, size: lfs?.size ?? size, id });
        }
      })(),
    );
    return files;
  }

  /** The bytes of a file, from `from` on or, where the server can't do that, from its start. */
  async open(commit: string, path: string, from: number): Promise<FilePart> {
    const { repo, settings } = this.#place;
    const parts = path.split("/").map(encodeURIComponent).join("/");
    // Not compressed: it is about the file's own bytes.
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (from > 0) headers.range = `bytes=${from}-`;
    const response = await this.#request(`${settings.endpoint}/${repo}/resolve/${commit}/${parts}`, headers);
    const isPart = response.status === 206;
    if (isPart && !response.headers.get("content-range")?.startsWith(`bytes ${from}-`)) {
      await response.body?.cancel();
      throw this.#strange(`another part of ${path} came than was asked for`);
    }
    return { from: isPart ? from : 0, bytes: response.body ?? empty() };
  }

  /** How the hub's own client is to ask. */
  #access(): { hubUrl: string; fetch: typeof fetch } {
    const request = async (url: string | URL | Request, init: RequestInit = {}) => {
      const response = await this.#request(String(url), init.headers as Record<string, string>);
      return new Response(await this.#bounded(response), { headers: response.headers });
    };
    return { hubUrl: this.#place.settings.endpoint, fetch: request };
  }

  /** Makes a request, again and again where the hub is busy; the token goes to the endpoint alone. */
  async #request(url: string, headers: Record<string, string> = {}): Promise<Response> {
    const { token } = this.#place.settings;
    const isOwn = URL.canParse(url) && new URL(url).origin === this.#origin;
    const all = {
      ...headers,
      "user-agent": `cameo/${version}`,
      // Dropped by fetch where it is redirected to another origin.
      ...(token !== undefined && isOwn && { authorization: `Bearer ${token}` }),
    };
    for (let attempt = 1; ; attempt++) {
      const response = await this.#fetch(url, all);
      if (response.ok) return response;
      await response.body?.cancel();
      if (!isBusy(response.status) || attempt === attempts) {
        throw refusal(this.#place, response.status, response.headers);
      }
      await pause(firstDelayMs * 2 ** attempt, this.#signal);
    }
  }

  async #fetch(url: string, headers: Record<string, string>): Promise<Response> {
    throwIfAborted(this.#signal);
    try {
      return await fetch(url, { headers, signal: this.#signal ?? null });
    } catch (error) {
      throwIfAborted(this.#signal);
      throw unreachable(this.#place, error);
    }
  }

  async #bounded(response: Response): Promise<Blob> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let bytes = 0;
    try {
      for await (const chunk of response.body ?? empty()) {
        bytes += chunk.length;
        if (bytes > maxAnswerBytes) throw this.#strange("it has no end");
        chunks.push(chunk);
      }
    } catch (error) {
      throwIfAborted(this.#signal);
      throw error instanceof CameoError ? error : unreachable(this.#place, error);
    }
    return new Blob(chunks);
  }

  /** What the hub's client can't read wasn't the hub's answer. */
  async #asking<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof CameoError) throw error;
      throw this.#strange((error as Error).message, error);
    }
  }

  #strange(reason: string, cause?: unknown): CameoError {
    const { endpoint } = this.#place.settings;
    return hubError(
      this.#place,
      `the answer of ${endpoint} is not a hub's (${reason.replaceAll(/\s+/g, " ").slice(0, 200)}): check HF_ENDPOINT, or whether a proxy answers`,
      cause,
    );
  }
}

/** Rejects with ERR_ABORTED. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => throwIfAborted(signal));
}

async function* empty(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}
