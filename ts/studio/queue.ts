import { randomInt, randomUUID } from "node:crypto";
import { loadSharp } from "../media/libraries.js";
import type { RgbImage } from "../native.js";
import { defined } from "../options/defined.js";
import type { AnyRequest, SampleProgress } from "../options/sample_options.js";
import { checkCount } from "../request_pictures.js";
import type { Engine } from "./engine.js";
import { errorLine, Refusal } from "./errors.js";
import type { Gallery } from "./gallery.js";
import { replaceInputs } from "./inputs.js";
import type { GalleryEntry, Inputs, Job, StudioEvent, VideoOrder, VideoParameters } from "./protocol.js";
import type { Uploads } from "./uploads.js";

/** Jobs that wait at most. */
const maxWaiting = 64;
/** Jobs that are over and still known. */
const maxOver = 16;

interface Task {
  job: Job;
  inputs: Inputs;
  controller: AbortController;
}

/** Makes videos one after another, and tells `emit` how far each is. */
export class Queue {
  readonly #engine: Engine;
  readonly #gallery: Gallery;
  readonly #uploads: Uploads;
  readonly #emit: (event: StudioEvent) => void;
  readonly #tasks = new Map<string, Task>();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(
    { engine, gallery, uploads }: { engine: Engine; gallery: Gallery; uploads: Uploads },
    emit: (event: StudioEvent) => void,
  ) {
    this.#engine = engine;
    this.#gallery = gallery;
    this.#uploads = uploads;
    this.#emit = emit;
  }

  /** The oldest first. */
  jobs(): Job[] {
    return [...this.#tasks.values()].map(({ job }) => job);
  }

  /**
   * Queues an order's videos. ERR_INVALID_OPTION for one that can't be made; status 429 for more than can wait, and 503
   * once it is closing.
   */
  add({ seed = randomInt(2 ** 47), count = 1, ...order }: VideoOrder): Job[] {
    if (this.#closed) throw new Refusal(503, "ERR_CLOSED", "the studio is ending; start cameo studio again");
    const { references, subjects, image, lastImage, video, mask, ...plain } = order;
    const inputs = defined({ references, subjects, image, lastImage, video, mask });
    const group = randomUUID();
    const jobs = Array.from({ length: count }, (_, i): Job => {
      // The first as it was given: what is no number would become one.
      const parameters: VideoParameters = { ...plain, seed: i === 0 ? seed : seed + i };
      return { id: randomUUID(), group, state: "waiting", parameters };
    });
    for (const { parameters } of jobs) {
      const request = this.#request(parameters, inputs);
      const film = this.#uploads.film(video);
      this.#engine.check(request, film);
      if (film) checkCount(film, { list: "video" }, request.frames ?? film.count);
    }
    const waiting = this.jobs().filter(({ state }) => state === "waiting").length;
    if (waiting + count > maxWaiting) {
      const message = `${waiting} videos are waiting, and ${maxWaiting} can; wait for some, or cancel them`;
      throw new Refusal(429, "ERR_BUSY", message);
    }
    for (const job of jobs) this.#tasks.set(job.id, { job, inputs, controller: new AbortController() });
    for (const job of jobs) this.#emit({ type: "job", job });
    this.#running ??= this.#run();
    return jobs;
  }

  /** Ends a job that waits or runs; false where there is none of this id. */
  cancel(id: string): boolean {
    const task = this.#tasks.get(id);
    if (!task) return false;
    if (task.job.state === "waiting") this.#change(task, { state: "cancelled" });
    task.controller.abort();
    this.#forgetOldest();
    return true;
  }

  /** Ends all jobs. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const id of this.#tasks.keys()) this.cancel(id);
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let task = this.#next(); task !== undefined; task = this.#next()) {
      await this.#make(task);
      this.#forgetOldest();
    }
    this.#running = undefined;
  }

  #next(): Task | undefined {
    return [...this.#tasks.values()].find(({ job }) => job.state === "waiting");
  }

  async #make(task: Task): Promise<void> {
    this.#change(task, { state: "running" });
    try {
      const { id } = await this.#makeEntry(task);
      this.#change(task, { state: "done", entry: id });
    } catch (error) {
      const { aborted } = task.controller.signal;
      this.#change(task, aborted ? { state: "cancelled" } : { state: "failed", error: errorLine(error) });
    }
  }

  async #makeEntry(task: Task): Promise<GalleryEntry> {
    const { signal } = task.controller;
    const start = performance.now();
    const previews = new Previews((preview) => this.#change(task, { preview }));
    const video = await this.#engine.sample({
      ...this.#request(task.job.parameters, task.inputs),
      preview: true,
      signal,
      onProgress: ({ preview, ...progress }: SampleProgress) => {
        if (!signal.aborted) this.#change(task, { progress });
        if (preview) previews.show(preview);
      },
    });
    this.#change(task, { progress: { phase: "save", step: 0, steps: 1 } });
    const seconds = (performance.now() - start) / 1000;
    const origin = { uploads: this.#uploads, inputs: task.inputs, seconds };
    const entry = await this.#gallery.add(video, origin, signal);
    this.#emit({ type: "entry", entry });
    return entry;
  }

  #request(parameters: VideoParameters, inputs: Inputs): AnyRequest {
    const { references, subjects, ...single } = replaceInputs(inputs, (id, _, option) => {
      const path = this.#uploads.path(id);
      if (path !== undefined) return path;
      throw new Refusal(422, "ERR_INVALID_OPTION", `${option} is not here any more; add it again`);
    });
    // The model says what is missing of it.
    return defined({
      ...parameters,
      ...single,
      reference: references?.length === 0 ? undefined : references,
      subjects: subjects?.map(({ references: reference, ...others }) => ({ ...others, reference })),
    }) as AnyRequest;
  }

  /** A job that is over stays as it is: a late preview changes nothing. */
  #change(task: Task, change: Partial<Job>): void {
    const isOver = task.job.state !== "waiting" && task.job.state !== "running";
    if (isOver || (this.#closed && change.state === undefined)) return;
    task.job = { ...task.job, ...change };
    if (change.state !== undefined && change.state !== "running") delete task.job.preview;
    this.#emit({ type: "job", job: task.job });
  }

  #forgetOldest(): void {
    const over = this.jobs().filter(({ state }) => state !== "waiting" && state !== "running");
    for (const { id } of over.slice(0, Math.max(0, over.length - maxOver))) {
      this.#tasks.delete(id);
      this.#emit({ type: "forget", job: id });
    }
  }
}

/** Turns previews into data: URLs, one at a time; those that come while one is encoded are passed over. */
class Previews {
  readonly #onUrl: (url: string) => void;
  #newest: RgbImage | undefined;
  #encoding = false;

  constructor(onUrl: (url: string) => void) {
    this.#onUrl = onUrl;
  }

  show(image: RgbImage): void {
    this.#newest = image;
    if (this.#encoding) return;
    this.#encoding = true;
    // Without sharp there are no previews, and the video is made all the same.
    this.#encode()
      .catch(() => {})
      .finally(() => {
        this.#encoding = false;
      });
  }

  async #encode(): Promise<void> {
    const sharp = await loadSharp();
    for (let next = this.#newest; next !== undefined; next = this.#newest) {
      this.#newest = undefined;
      const { data, width, height } = next;
      const png = await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      this.#onUrl(`data:image/png;base64,${png.toString("base64")}`);
    }
  }
}
