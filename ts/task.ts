import { onAbort } from "./abort.js";
import { type CameoError, throwIfAborted } from "./errors.js";
import type { NativeProgress, NativeTask, OnNativeProgress } from "./native.js";

export interface TaskOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: NativeProgress) => unknown) | undefined;
  /** Makes a CameoError of what the native task rejects with. */
  toError: (error: unknown) => CameoError;
}

/**
 * Starts a native task and follows it to its end.
 *
 * The signal aborts it. So does an exception, or a rejection, out of `onProgress`, which then is what this
 * rejects with.
 */
export async function runTask<T>(
  start: (onProgress: OnNativeProgress) => NativeTask<T>,
  { signal, onProgress, toError }: TaskOptions,
): Promise<T> {
  throwIfAborted(signal);
  const thrown: unknown[] = [];
  const task = startTask(start, toError, async (progress) => {
    if (thrown.length > 0 || signal?.aborted) return;
    try {
      await onProgress?.(progress);
    } catch (reason) {
      thrown.push(reason);
      task.abort();
    }
  });
  const release = onAbort(signal, () => task.abort());
  try {
    const result = await task.promise;
    if (thrown.length === 0) return result;
  } catch (error) {
    const made = toError(error);
    if (made.code === "ERR_ABORTED" && signal?.aborted) made.cause = signal.reason;
    if (thrown.length === 0) throw made;
  } finally {
    release();
  }
  throw thrown[0];
}

function startTask<T>(
  start: (onProgress: OnNativeProgress) => NativeTask<T>,
  toError: TaskOptions["toError"],
  onProgress: (progress: NativeProgress) => Promise<void>,
): NativeTask<T> {
  try {
    return start((progress) => void onProgress(progress));
  } catch (error) {
    throw toError(error);
  }
}
