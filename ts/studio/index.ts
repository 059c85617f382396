import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { CameoError } from "../errors.js";
import type { LoadOptions } from "../options/load_options.js";
import { Engine } from "./engine.js";
import { Events } from "./events.js";
import { Gallery } from "./gallery.js";
import type { Secrets } from "./guard.js";
import { Queue } from "./queue.js";
import { createApp } from "./routes.js";
import { Runs } from "./runs.js";
import { Uploads } from "./uploads.js";

/** At a time: far more than tabs have, and few enough for this machine. */
const maxConnections = 256;

export interface StudioOptions {
  /** The model that makes the videos. */
  load: LoadOptions;
  /** Folder of the gallery, made where it is not there. */
  output: string;
  /** Folder below which training runs are found. */
  runs?: string | undefined;
  /** Default: one that is free. */
  port?: number | undefined;
}

/** A local page to make videos with, and its server. */
export class Studio implements AsyncDisposable {
  /** Opens the page; holds the token. */
  readonly url: string;
  /** Opens the page once: for a browser's command line, which other users may be able to read. */
  readonly browserUrl: string;
  readonly #close: () => Promise<void>;

  private constructor(origin: string, { token, code }: Secrets, close: () => Promise<void>) {
    this.url = `${origin}/?token=${token}`;
    this.browserUrl = `${origin}/?code=${code}`;
    this.#close = close;
  }

  /**
   * Listens on 127.0.0.1 and begins to load the model. Rejects with ERR_INVALID_OPTION for a folder that can't be used
   * or a port that is taken.
   */
  static async start({ load, output, runs, port = 0 }: StudioOptions): Promise<Studio> {
    const gallery = await Gallery.open(output);
    const trainingRuns = runs === undefined ? undefined : await Runs.open(runs);
    const uploads = await Uploads.open();
    const events = new Events();
    const engine = new Engine(load, (model) => events.emit({ type: "model", model }));
    const queue = new Queue({ engine, gallery, uploads }, (event) => events.emit(event));
    const secrets: Secrets = { token: secret(), code: secret(), fileKey: secret() };
    const parts = { engine, events, gallery, queue, runs: trainingRuns, secrets, uploads };
    const app = createApp({ ...parts, port: () => (server.address() as AddressInfo).port });
    const server = createServer(getRequestListener(app.fetch));
    server.maxConnections = maxConnections;
    try {
      await listen(server, port);
    } catch (error) {
      await uploads.close();
      throw error;
    }
    engine.load();
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new Studio(origin, secrets, async () => {
      events.close();
      await queue.close();
      await engine.close();
      await closeServer(server);
      await uploads.close();
    });
  }

  /** Ends what runs, and the server. When it resolves, the memory is free. */
  async close(): Promise<void> {
    await this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function secret(): string {
  return randomBytes(24).toString("base64url");
}

/** Only this machine can connect. */
function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === "EADDRINUSE" ? "it is taken" : cause.message;
      const message = `port ${port} can't be listened on: ${reason}; choose another, or leave it out`;
      reject(new CameoError("ERR_INVALID_OPTION", message, { cause }));
    });
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
