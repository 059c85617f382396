import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The files of a repository at a commit. */
export type ServedFiles = Record<string, Buffer | string>;

interface Repo {
  /** Files by commits. */
  commits: Map<string, ServedFiles>;
  /** Commits by branches and tags. */
  revisions: Map<string, string>;
  access: "open" | "gated" | "private";
}

/** A request that came. */
export interface Served {
  /** "hub", or "cdn" for the other origin that large files are on. */
  at: "hub" | "cdn";
  method: string;
  path: string;
  authorization: string | undefined;
  range: string | undefined;
  status: number;
}

/** What goes wrong with a file, as often as `times` says. */
export interface Fault {
  /** So many bytes come at first, and the others when that is resolved, which is told how much of the file came. */
  hold?: { after: number; until: (bytes: number) => Promise<void> };
  /** Instead of the others, the connection's end comes. */
  breaks?: boolean;
  /** That status is the answer. */
  status?: number;
  /** Other bytes come than should. */
  damage?: boolean;
  /** More bytes come than are listed. */
  extra?: boolean;
  /** Bytes come from the start, whatever was asked for. */
  ignoreRange?: boolean;
  times?: number;
}

export const validToken = "hf_validtoken";

/** What is large enough for a store of its own, as git LFS has it. */
const isLarge = (path: string) => /\.(safetensors|bin|ckpt)$/.test(path);

/**
 * A server that speaks the hub's protocol, as far as huggingface_hub and cameo ask it: revisions, trees page by page, files,
 * redirects of large ones to another origin, ranges, hashes, and what keeps them from being given.
 */
export class HubServer implements AsyncDisposable {
  readonly requests: Served[] = [];
  readonly #repos = new Map<string, Repo>();
  readonly #faults = new Map<string, Fault>();
  readonly #hub: Server;
  readonly #cdn: Server;
  /** Entries of a page of a tree. */
  pageSize = 1000;
  /** Sizes that are listed instead of the right ones, by paths in repositories. */
  readonly sizes = new Map<string, number>();

  private constructor() {
    this.#hub = createServer((request, response) => this.#serve("hub", request, response));
    this.#cdn = createServer((request, response) => this.#serve("cdn", request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    for (const each of [server.#hub, server.#cdn]) {
      await new Promise<void>((resolve) => each.listen(0, "127.0.0.1", resolve));
    }
    return server;
  }

  get endpoint(): string {
    return origin(this.#hub);
  }

  /** What a process's environment needs to ask this server, with a cache in `folder`. */
  environment(folder: string): Record<string, string> {
    const none = { HF_TOKEN: "", HF_HUB_OFFLINE: "", TRANSFORMERS_OFFLINE: "", HF_HUB_CACHE: "" };
    return { ...none, HUGGINGFACE_HUB_CACHE: "", HF_ENDPOINT: this.endpoint, HF_HOME: folder };
  }

  /** Makes a commit, of which a branch is the newest then; returns its hash. */
  add(
    name: string,
    files: ServedFiles,
    { revision = "main", access = "open" }: { revision?: string; access?: Repo["access"] } = {},
  ): string {
    const repo = this.#repos.get(name) ?? { commits: new Map(), revisions: new Map(), access };
    this.#repos.set(name, { ...repo, access });
    const commit = hash(
      "sha1",
      JSON.stringify(Object.entries(files).map(([path, data]) => [path, blobId(path, data)])),
    );
    repo.commits.set(commit, files);
    repo.revisions.set(revision, commit);
    return commit;
  }

  /** Lets something go wrong whenever, or the next `times` times that, the file is asked for; `path` as in "owner/name/file". */
  fail(path: string, fault: Fault): void {
    this.#faults.set(path, { ...fault });
  }

  /** What was asked for since the last call, as "GET hub /owner/name/resolve/..." */
  take(): Served[] {
    return this.requests.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  async #serve(at: Served["at"], request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    const { pathname, searchParams } = new URL(url, this.endpoint);
    const path = decodeURIComponent(pathname);
    const { authorization, range } = request.headers;
    const served: Served = { at, method, path, authorization, range, status: 0 };
    this.requests.push(served);
    response.on("close", () => {
      served.status = response.statusCode;
    });
    const tree = /^\/api\/models\/([^/]+\/[^/]+)\/tree\/(.+)$/.exec(path);
    const info = /^\/api\/models\/([^/]+\/[^/]+?)(?:\/revision\/(.+))?$/.exec(path);
    const file = /^\/([^/]+\/[^/]+)\/(?:resolve|cdn)\/([^/]+)\/(.+)$/.exec(path);
    const [, name = "", revision = "main"] = tree ?? info ?? file ?? [];
    const repo = this.#repos.get(name);
    const isIn = authorization === `Bearer ${validToken}`;
    if (!repo || (repo.access === "private" && !isIn && at === "hub")) {
      return refuse(response, isIn ? 404 : 401, "RepoNotFound", "Repository not found");
    }
    const commit = repo.revisions.get(revision) ?? revision;
    const files = repo.commits.get(commit);
    if (!files) return refuse(response, 404, "RevisionNotFound", "Invalid rev id");
    if (info && !tree)
      return sendJson(response, {
        _id: "1",
        id: name,
        sha: commit,
        siblings: siblings(files),
        lastModified: "2026-01-01T00:00:00.000Z",
        private: false,
        downloads: 0,
        likes: 0,
      });
    if (tree) return this.#sendTree(response, path, files, Number(searchParams.get("cursor") ?? 0));
    if (repo.access === "gated" && !isIn && at === "hub") {
      return refuse(response, authorization ? 403 : 401, "GatedRepo", "Access to this model is restricted");
    }
    const filePath = file?.[3] ?? "";
    const data = files[filePath];
    if (data === undefined) return refuse(response, 404, "EntryNotFound", "Entry not found");
    await this.#sendFile(at, request, response, {
      name,
      commit,
      path: filePath,
      data: Buffer.from(data as string),
    });
  }

  #sendTree(response: ServerResponse, path: string, files: ServedFiles, from: number): void {
    const all = Object.entries(files).map(([file, data]) => this.#entryOf(file, Buffer.from(data as string)));
    const next = from + this.pageSize;
    if (next < all.length) {
      response.setHeader("link", `<${this.endpoint}${path}?recursive=true&cursor=${next}>; rel="next"`);
    }
    sendJson(response, all.slice(from, next));
  }

  async #sendFile(
    at: Served["at"],
    { method, headers }: IncomingMessage,
    response: ServerResponse,
    { name, commit, path, data }: { name: string; commit: string; path: string; data: Buffer },
  ): Promise<void> {
    const isHead = method === "HEAD";
    const id = blobId(path, data);
    response.setHeader("x-repo-commit", commit);
    response.setHeader("etag", `"${id}"`);
    if (isLarge(path) && at === "hub") {
      response.setHeader("x-linked-etag", `"${id}"`);
      response.setHeader("x-linked-size", data.length);
      response.writeHead(302, { location: `${origin(this.#cdn)}/${name}/cdn/${commit}/${path}` }).end();
      return;
    }
    const fault = isHead ? {} : this.#faultOf(`${name}/${path}`);
    if (fault.status !== undefined) return refuse(response, fault.status, "", "trouble");
    const [, start] = (!fault.ignoreRange && /^bytes=(\d+)-/.exec(headers.range ?? "")) || [];
    const from = Number(start ?? 0);
    const bytes = Buffer.concat([data.subarray(from), Buffer.alloc(fault.extra ? 1 : 0)]);
    if (fault.damage) bytes.fill(0, 0, 1 + bytes.length / 2);
    response.setHeader("accept-ranges", "bytes");
    if (start !== undefined)
      response.setHeader("content-range", `bytes ${from}-${data.length - 1}/${data.length}`);
    response.writeHead(start === undefined ? 200 : 206, { "content-length": bytes.length });
    if (isHead) return void response.end();
    const first = bytes.subarray(0, fault.hold?.after ?? 0);
    response.write(first);
    await fault.hold?.until(from + first.length);
    if (fault.breaks) return void response.destroy();
    response.end(bytes.subarray(first.length));
  }

  #entryOf(path: string, data: Buffer): object {
    const size = this.sizes.get(path) ?? data.length;
    const entry = { type: "file", path, size, oid: gitHash(data) };
    return isLarge(path) ? { ...entry, lfs: { oid: hash("sha256", data), size, pointerSize: 134 } } : entry;
  }

  #faultOf(path: string): Fault {
    const fault = this.#faults.get(path);
    if (fault === undefined) return {};
    if (fault.times !== undefined && --fault.times === 0) this.#faults.delete(path);
    return fault;
  }
}

function siblings(files: ServedFiles): object[] {
  return Object.keys(files).map((rfilename) => ({ rfilename }));
}

/** What a file's blob is called in a cache. */
export function blobId(path: string, data: Buffer | string): string {
  return isLarge(path) ? hash("sha256", data) : gitHash(Buffer.from(data as string));
}

function gitHash(data: Buffer): string {
  return hash("sha1", Buffer.concat([Buffer.from(`blob ${data.length}\0`), data]));
}

function hash(algorithm: string, data: Buffer | string): string {
  return createHash(algorithm).update(data).digest("hex");
}

function origin(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  if (code) response.setHeader("x-error-code", code).setHeader("x-error-message", message);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ error: message }));
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
