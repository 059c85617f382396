import type { ContentfulStatusCode } from "hono/utils/http-status";
import { CameoError } from "../errors.js";
import type { ErrorAnswer } from "./protocol.js";

/** A refusal of a request, with its HTTP status. */
export class Refusal extends Error {
  readonly status: ContentfulStatusCode;
  readonly code: string;

  constructor(status: ContentfulStatusCode, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** An error as the page shows it: one line. */
export function errorLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof CameoError ? error.message : `${error.name}: ${error.message}`;
}

/** The status and the body that answer a request which ended with `error`. */
export function errorAnswer(error: unknown): { status: ContentfulStatusCode; body: ErrorAnswer } {
  if (error instanceof Refusal) {
    return { status: error.status, body: { code: error.code, message: error.message } };
  }
  if (!(error instanceof CameoError)) {
    return { status: 500, body: { code: "ERR_UNEXPECTED", message: errorLine(error) } };
  }
  const isTheirs = error.code === "ERR_INVALID_OPTION" || error.code === "ERR_INVALID_IMAGE";
  return { status: isTheirs ? 422 : 500, body: { code: error.code, message: error.message } };
}
