import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Test } from "tap";
import { writeVideo } from "#ts/media/index.js";
import type { AnyRequest } from "#ts/options/sample_options.js";
import { Pipeline } from "#ts/pipeline.js";
import { Studio, type StudioOptions } from "#ts/studio/index.js";
import type { StudioEvent, StudioState, Upload, VideoOrder } from "#ts/studio/protocol.js";
import { writeSmallModel } from "../../support/small_model.js";

/** One for each file of tests, two of which may run at a time. */
export const model = writeSmallModel(join("studio", basename(process.argv[1] ?? "", ".test.js")));
export const picture = readFileSync("examples/critter.png");

/** A video of the small model that takes a moment. */
export const small = { prompt: "a cat", width: 32, height: 32, steps: 2, frames: 4 } satisfies VideoOrder;
/** One that takes until it is cancelled. */
export const endless = { ...small, steps: 1000, width: 64, height: 64 } satisfies VideoOrder;

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** What a page with the studio's token asks for; `headers` can say otherwise, undefined takes one away. */
export interface Call {
  method?: string;
  headers?: Record<string, string | undefined>;
  body?: string | Uint8Array;
}

/** Whether the test has put something there, which a second call of testdir would empty; what a killed run has left is old. */
function hasTestdir({ testdirName }: Test): boolean {
  return existsSync(testdirName) && statSync(testdirName).birthtimeMs >= performance.timeOrigin;
}

/** A studio on the small model, closed when the test ends. */
export async function startStudio(t: Test, options: Partial<StudioOptions> = {}): Promise<Client> {
  const folder = hasTestdir(t) ? t.testdirName : t.testdir({});
  const output = join(folder, "gallery");
  const studio = await Studio.start({ load: { ...model, device: "cpu" }, output, ...options });
  t.teardown(() => studio.close());
  return new Client(studio.url, options.output ?? output);
}

/** Talks to a studio as its page does. */
export class Client {
  readonly url: string;
  readonly output: string;
  readonly origin: string;
  readonly port: number;
  readonly token: string;
  readonly authorization: string;

  constructor(url: string, output: string) {
    const { origin, port, searchParams } = new URL(url);
    this.url = url;
    this.output = output;
    this.origin = origin;
    this.port = Number(port);
    this.token = searchParams.get("token") ?? "";
    this.authorization = `Bearer ${this.token}`;
  }

  /** Sends the path as it is: `fetch` would resolve its dots. */
  call(path: string, { method = "GET", headers = {}, body }: Call = {}): Promise<Answer> {
    const usual = { host: new URL(this.origin).host, authorization: this.authorization };
    const all = { ...usual, ...(method === "GET" ? {} : { origin: this.origin }), ...headers };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new Promise((resolve, reject) => {
      const sent = httpRequest(
        { host: "127.0.0.1", port: this.port, path, method, headers: given as Record<string, string> },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on("data", (part) => parts.push(part)).on("error", reject);
          answer.on("end", () => {
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts) });
          });
        },
      );
      sent.on("error", reject).end(body);
    });
  }

  async json<T>(path: string, call?: Call): Promise<T> {
    return JSON.parse((await this.call(path, call)).body.toString()) as T;
  }

  order(order: object): Promise<Answer> {
    return this.call("/api/jobs", { method: "POST", body: JSON.stringify(order) });
  }

  async upload(bytes: Uint8Array = picture): Promise<string> {
    const { id } = await this.json<Upload>("/api/uploads", { method: "POST", body: bytes });
    return id;
  }

  /** The events of a tab, which closes when they are no longer wanted; the first is the state. */
  async *events(): AsyncGenerator<StudioEvent> {
    const { signal, abort } = abortable();
    const answer = await fetch(`${this.origin}/api/events`, {
      headers: { authorization: this.authorization },
      signal,
    });
    let text = "";
    try {
      for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += part;
        const events = text.split("\n\n");
        text = events.pop() ?? "";
        for (const event of events) if (event.startsWith("data: ")) yield JSON.parse(event.slice(6));
      }
    } finally {
      abort();
    }
  }

  async state(): Promise<StudioState> {
    for await (const event of this.events()) if (event.type === "state") return event.state;
    throw new Error("no state came");
  }

  /** The state as soon as it is as it should be. */
  async until(isSo: (state: StudioState) => boolean): Promise<StudioState> {
    for (let tries = 0; tries < 1200; tries++) {
      const state = await this.state();
      if (isSo(state)) return state;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`it never was so: ${JSON.stringify(await this.state()).slice(0, 1000)}`);
  }
}

/** Lines of a training run's metrics.jsonl. */
export function writeMetrics(path: string, steps: number): void {
  const lines = Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    epoch: 0,
    loss: 0.1 + 0.4 * Math.exp(-i / 40) + 0.02 * Math.sin(7 * i),
    learningRate: 1e-4 * Math.min(1, i / 20),
    gradientNorm: 1 / (1 + i / 30),
    skipped: false,
    samplesPerSecond: 2,
    secondsPerStep: 0.5,
    waitShare: 0,
    time: new Date(1.7e12 + 500 * i).toISOString(),
  }));
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

/** An MP4 that gets brighter. */
export async function filmFile(count: number, [width, height]: readonly [number, number]): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "film-"));
  try {
    const frames = Buffer.concat(
      Array.from({ length: count }, (_, i) => Buffer.alloc(3 * width * height, (255 * i) / count)),
    );
    const path = join(folder, "film.mp4");
    await writeVideo(path, { frames, count, width, height, fps: 8 }, { software: "test", parameters: {} });
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The requests that reach pipelines from now on. */
export function sampled(t: Test): AnyRequest[] {
  const requests: AnyRequest[] = [];
  const { sample } = Pipeline.prototype;
  Pipeline.prototype.sample = function (request) {
    requests.push(request);
    return sample.call(this, request);
  };
  t.teardown(() => {
    Pipeline.prototype.sample = sample;
  });
  return requests;
}

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
