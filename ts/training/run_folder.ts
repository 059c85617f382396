import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { CameoError } from "../errors.js";
import { lockOwner, tryLock } from "../lock.js";
import { fileReason, replaceFile } from "../media/files.js";
import type { CompleteRecipe } from "./complete_types.js";

const checkpointName = /^step-(\d{8})\.safetensors$/;

export interface Checkpoint {
  step: number;
  path: string;
}

/** The folder of a training run, and the names of what is in it. */
export class RunFolder {
  readonly path: string;
  readonly metrics: string;
  readonly model: string;
  readonly #checkpoints: string;

  constructor(path: string) {
    this.path = path;
    this.metrics = join(path, "metrics.jsonl");
    this.model = join(path, "model");
    this.#checkpoints = join(path, "checkpoints");
  }

  checkpoint(step: number): Checkpoint {
    return { step, path: join(this.#checkpoints, `step-${String(step).padStart(8, "0")}.safetensors`) };
  }

  validation(step: number, name: string): string {
    return join(this.path, "validation", `step-${String(step).padStart(8, "0")}`, name);
  }

  /** Makes the folder. ERR_CHECKPOINT where that can't be. */
  async make(): Promise<void> {
    try {
      await mkdir(this.#checkpoints, { recursive: true });
    } catch (cause) {
      throw new CameoError(
        "ERR_CHECKPOINT",
        `output ${JSON.stringify(this.path)} can't be made: ${fileReason(cause)}; choose another folder`,
        { cause },
      );
    }
  }

  /** Until it is disposed of, no other process writes here. ERR_BUSY where one does. */
  async lock(): Promise<AsyncDisposable> {
    const file = join(this.path, "run.lock");
    const lock = await tryLock(file);
    if (lock) return lock;
    const owner = await lockOwner(file);
    const which = owner ? ` (${owner.pid} on ${owner.host})` : "";
    throw new CameoError(
      "ERR_BUSY",
      `output ${JSON.stringify(this.path)}: another process${which} is training there; wait for its end, or choose ` +
        `another folder (if none is, remove ${file})`,
    );
  }

  async writeRecipe(recipe: CompleteRecipe): Promise<void> {
    await replaceFile(join(this.path, "recipe.json"), Buffer.from(`${JSON.stringify(recipe, null, 2)}\n`));
  }

  /** Whole checkpoints, the newest first. */
  async checkpoints(): Promise<Checkpoint[]> {
    const names = await readdir(this.#checkpoints).catch(() => []);
    return names
      .flatMap((name) => {
        const match = checkpointName.exec(name);
        return match ? [{ step: Number(match[1]), path: join(this.#checkpoints, name) }] : [];
      })
      .sort((a, b) => b.step - a.step);
  }

  /** Removes all checkpoints but the newest `keep`. */
  async prune(keep: number): Promise<void> {
    const outdated = (await this.checkpoints()).slice(keep).map(({ path }) => path);
    await Promise.all(outdated.map((path) => rm(path, { force: true })));
  }

  /** Whether a run was here already. */
  async isUsed(): Promise<boolean> {
    const names: string[] = await readdir(this.path).catch(() => []);
    return names.includes("metrics.jsonl") || (await this.checkpoints()).length > 0;
  }
}
