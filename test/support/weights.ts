import type { Test } from "tap";
import { runProbe } from "./probes.js";
import type { Tensors } from "./tensors.js";

/** Calls a probe of test/native/weights: the tensors it gives, and the JSON it gives under "". */
export function runWeights<Details>(
  probe: string,
  config: object,
  inputs: Tensors = {},
): { tensors: Tensors; details: Details } {
  const { "": bytes, ...tensors } = runProbe(`weights.${probe}`, config, inputs);
  const text = Buffer.from(Uint8Array.from(bytes?.data ?? [])).toString("utf8");
  return { tensors, details: (text === "" ? {} : JSON.parse(text)) as Details };
}

/** The error that `call` throws. */
export function errorOf(call: () => unknown): { code: string; message: string } {
  try {
    call();
  } catch (error) {
    return error as { code: string; message: string };
  }
  return { code: "", message: "nothing was thrown" };
}

/** `call` throws an error of this code whose message is one line and says all of `parts`. */
export function throwsTyped(t: Test, call: () => unknown, code: string, ...parts: (string | RegExp)[]): void {
  const error = errorOf(call);
  t.equal(error.code, code, error.message);
  t.notMatch(error.message, /\n/, "one line");
  for (const part of parts) t.match(error.message, part);
}
