/** All codes; docs/troubleshooting.md has a section for each. */
export const errorCodes = [
  "ERR_INVALID_OPTION",
  "ERR_INVALID_IMAGE",
  "ERR_WEIGHTS_FORMAT",
  "ERR_WEIGHTS_MISMATCH",
  "ERR_WEIGHTS_UNSAFE",
  "ERR_HUB",
  "ERR_OUT_OF_MEMORY",
  "ERR_ABORTED",
  "ERR_CLOSED",
  "ERR_BUSY",
  "ERR_DEVICE",
  "ERR_LIBTORCH",
  "ERR_MEDIA",
  "ERR_CHECKPOINT",
  "ERR_DATASET",
  "ERR_DISTRIBUTED",
] as const;

/**
 * What went wrong, for programs. Codes are stable; messages are for people and may change.
 *
 * @useDeclaredType
 */
export type ErrorCode = (typeof errorCodes)[number];

/**
 * Every error that this package throws or rejects with.
 *
 * Its message is one line that says what was wrong, where, and what to do. The `name` of an ERR_ABORTED is
 * "AbortError", as with the platform's own abortable functions, and its `cause` is the signal's reason.
 */
export class CameoError extends Error {
  /** "CameoError", or "AbortError". */
  override readonly name: string;
  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = code === "ERR_ABORTED" ? "AbortError" : "CameoError";
    this.code = code;
    // Again, because the stack's first line took the name before it was set.
    Error.captureStackTrace(this, new.target);
  }

  /**
   * An error again of what its `toJSON` gave, as in another thread or process: `structuredClone` and `postMessage` drop an
   * error's code.
   */
  static from(json: CameoErrorJson): CameoError {
    // It never throws: an error about an error would hide the one that counts.
    return new CameoError(knownCode(json), String(json?.message ?? json));
  }

  /** What another thread, another process or a client may be told, without the stack. */
  toJSON(): CameoErrorJson {
    const { name, code, message } = this;
    return { name, code, message };
  }
}

/** An error as JSON says it. */
export interface CameoErrorJson {
  /** As in `CameoError.name`. */
  name: string;
  /** As in `CameoError.code`. */
  code: ErrorCode;
  /** One line that says what was wrong, where, and what to do. */
  message: string;
}

/** The error of a task that `signal` ended. */
export function abortError(signal: AbortSignal): CameoError {
  return new CameoError("ERR_ABORTED", "the operation was aborted", { cause: signal.reason });
}

/** Throws ERR_ABORTED where `signal` is aborted already. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/**
 * Makes CameoErrors of what native code rejects with: plain Errors that carry a `code` but no JavaScript stack.
 *
 * Call it while the public function `boundary` runs synchronously: the errors that the returned function makes
 * have the stack of whoever called `boundary`.
 */
// biome-ignore lint/complexity/noBannedTypes: captureStackTrace takes any function.
export function errorsOf(boundary: Function): (error: unknown) => CameoError {
  const caller: { stack?: string } = {};
  Error.captureStackTrace(caller, boundary);
  const frames = caller.stack?.match(/\n {4}at .*$/s)?.[0] ?? "";
  return (error) => {
    if (error instanceof CameoError) return error;
    const message = error instanceof Error ? error.message : String(error);
    const made = new CameoError(knownCode(error), message, { cause: error });
    made.stack = `${made.name}: ${made.message}${frames}`;
    return made;
  };
}

function knownCode(error: unknown): ErrorCode {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return errorCodes.find((known) => known === code) ?? "ERR_LIBTORCH";
}
