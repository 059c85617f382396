import { test } from "tap";
import { CameoError, errorsOf, throwIfAborted } from "#ts/errors.js";

test("an error has a code, a name and a cause", (t) => {
  const cause = new Error("inner");
  const error = new CameoError("ERR_DEVICE", "no such device", { cause });
  t.equal(error.code, "ERR_DEVICE");
  t.equal(error.name, "CameoError");
  t.equal(error.cause, cause);
  t.ok(error instanceof Error);
  t.match(error.stack, /^CameoError: no such device\n {4}at .*errors\.test/);
  t.end();
});

test("an abort has the platform's name and the signal's reason", (t) => {
  const reason = new Error("enough");
  t.throws(() => throwIfAborted(AbortSignal.abort(reason)), {
    name: "AbortError",
    code: "ERR_ABORTED",
    cause: reason,
  });
  t.doesNotThrow(() => throwIfAborted(new AbortController().signal));
  t.doesNotThrow(() => throwIfAborted(undefined));
  t.end();
});

function publicFunction(): (error: unknown) => CameoError {
  return errorsOf(publicFunction);
}

function theCaller(): (error: unknown) => CameoError {
  return publicFunction();
}

test("native errors get the stack of whoever called", (t) => {
  const native = Object.assign(new Error("out of memory"), { code: "ERR_OUT_OF_MEMORY" });
  const error = theCaller()(native);
  t.equal(error.code, "ERR_OUT_OF_MEMORY");
  t.equal(error.message, "out of memory");
  t.equal(error.cause, native);
  t.match(error.stack, /^CameoError: out of memory\n {4}at theCaller /);
  t.notMatch(error.stack, /publicFunction/);
  t.end();
});

test("what has no known code is the runtime's error", (t) => {
  const toError = theCaller();
  t.match(toError(new Error("what")), { code: "ERR_LIBTORCH", message: "what" });
  t.match(toError(Object.assign(new Error("what"), { code: "ENOENT" })), { code: "ERR_LIBTORCH" });
  t.match(toError("text"), { code: "ERR_LIBTORCH", message: "text" });
  t.match(toError(undefined), { code: "ERR_LIBTORCH", message: "undefined" });
  const known = new CameoError("ERR_CLOSED", "closed");
  t.equal(toError(known), known);
  t.end();
});

test("an error is told to other threads and processes, and is one again there", (t) => {
  const error = new CameoError("ERR_INVALID_IMAGE", "it is damaged", { cause: new Error("/home/me") });
  t.equal((structuredClone(error) as Partial<CameoError>).code, undefined, "why there is toJSON");
  const json = { name: "CameoError", code: "ERR_INVALID_IMAGE", message: "it is damaged" };
  t.strictSame(JSON.parse(JSON.stringify(error)), json);
  const again = CameoError.from(structuredClone(error.toJSON()));
  t.ok(again instanceof CameoError);
  t.strictSame(again.toJSON(), json);
  const aborted = CameoError.from(new CameoError("ERR_ABORTED", "the operation was aborted").toJSON());
  t.match(aborted, { name: "AbortError", code: "ERR_ABORTED" });
  t.equal(CameoError.from({ ...json, code: "ERR_NEW" as "ERR_BUSY" }).code, "ERR_LIBTORCH");
  for (const what of [undefined, null, "text"])
    t.match(CameoError.from(what as never), { code: "ERR_LIBTORCH", message: String(what) });
  t.end();
});
