import { join } from "node:path";
import { test } from "tap";
import { checkLoadOptions, checkModelPaths } from "#ts/options/load.js";
import type { LoadOptions } from "#ts/options/load_options.js";

test("completes the defaults", (t) => {
  t.strictSame(checkLoadOptions({ base: "sd15" }).native, {
    base: "sd15",
    device: "auto",
    dtype: "auto",
    kernels: "fast",
  });
  const all = {
    base: "a",
    motion: "b",
    subject: "c",
    device: "cuda:1",
    dtype: "bf16",
    kernels: "plain",
  } as const;
  t.strictSame(checkLoadOptions(all).native, { ...all, subject: ["c"] });
  const several = { base: "a", subject: ["c", "d"] };
  t.strictSame(checkLoadOptions(several).native, {
    ...several,
    device: "auto",
    dtype: "auto",
    kernels: "fast",
  });
  t.strictSame(checkLoadOptions({ base: "a", motion: undefined, device: undefined }).native, {
    base: "a",
    device: "auto",
    dtype: "auto",
    kernels: "fast",
  });
  t.end();
});

test("embeddings are files, each with the token that it was given", (t) => {
  const given: [LoadOptions["embeddings"], unknown][] = [
    ["a.pt", [{ path: "a.pt" }]],
    [{ path: "a.pt", token: undefined }, [{ path: "a.pt" }]],
    [
      ["a.pt", { path: "b=c.pt", token: "<b>" }],
      [{ path: "a.pt" }, { path: "b=c.pt", token: "<b>" }],
    ],
    [[], []],
  ];
  for (const [embeddings, native] of given) {
    t.strictSame(checkLoadOptions({ base: "a", embeddings }).native.embeddings, native);
    t.strictSame(checkLoadOptions({ embeddings }).native.embeddings, native);
  }
  t.end();
});

test("without any path it is the model that ships", (t) => {
  const { native, shipped } = checkLoadOptions({ dtype: "fp32" });
  t.match(native, { base: /troupe.base$/, motion: /troupe.motion$/, device: "auto", dtype: "fp32" });
  t.match(native.subject, [/subject\.safetensors$/]);
  t.ok(shipped);
  t.end();
});

test("what is named without a base is over the model that ships", (t) => {
  const subject = checkLoadOptions({ subject: "s" });
  t.match(subject.native, { base: /troupe.base$/, motion: /troupe.motion$/, subject: ["s"] });
  const { native, shipped } = checkLoadOptions({ motion: "m" });
  t.match(native, { base: /troupe.base$/, motion: "m" });
  t.equal(native.subject, undefined);
  t.ok(shipped);
  t.end();
});

test("says what is wrong", (t) => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ base: "" }, /^base: '' is not allowed; it must be the path of a file or folder$/],
    [{ base: 5 }, /^base: 5 is not allowed/],
    [
      { base: "a", subject: [] },
      /^subject: \[\] is not allowed; it must be the path of a file or folder, or an/,
    ],
    [
      { base: "a", device: "gpu" },
      /^device: 'gpu' is not allowed; it must be "auto", "cpu", "cuda" or "cuda:"/,
    ],
    [
      { embeddings: { token: "<a>" } },
      /^embeddings: \{ token: '<a>' \} is not allowed; it must be the path of a file, a \{ path, token \}, or an array of at most 256$/,
    ],
    [{ embeddings: ["a", { path: "b", token: "" }] }, /^embeddings: .* is not allowed/],
    [{ embeddings: Array(257).fill("a") }, /^embeddings: .* is not allowed/],
    [{ base: "a", device: "cuda:x" }, /^device: 'cuda:x' is not allowed/],
    [{ base: "a", dtype: "float32" }, /^dtype: 'float32' is not allowed; it must be "auto", "fp32"/],
    [{ base: "a", kernels: "slow" }, /^kernels: 'slow' is not allowed; it must be "fast" or "plain"$/],
    [{ base: "a", signal: {} }, /^signal: \{\} is not allowed; it must be an AbortSignal$/],
    [{ base: "a", onProgress: 1 }, /^onProgress: 1 is not allowed; it must be a function$/],
    [{ base: "a", subjet: "b" }, /^subjet is not an option; did you mean subject\?$/],
    [{ base: "a", zzzzzzzz: 1 }, /^zzzzzzzz is not an option; the options are base, motion, subject/],
  ];
  for (const [options, message] of wrong) {
    t.throws(() => checkLoadOptions(options as LoadOptions), { code: "ERR_INVALID_OPTION", message });
  }
  for (const options of [null, "models", 3, []]) {
    t.throws(() => checkLoadOptions(options as never), { message: /^the options must be an object, not / });
  }
  t.end();
});

test("what isn't there is named as the option says it", (t) => {
  const folder = t.testdir({ base: {}, dangling: t.fixture("symlink", "/gone") });
  const [base, missing] = [join(folder, "base"), join(folder, "none")];
  const given = { base, device: "cpu", dtype: "fp32", kernels: "fast" };
  t.doesNotThrow(() => checkModelPaths(given));
  const wrong: [object, RegExp][] = [
    [{ base: "/nope" }, /^base: the file or folder "\/nope" isn't there; check the path$/],
    [{ motion: missing }, /^motion: the file or folder ".*none" isn't there; check the path$/],
    [{ subject: [base, missing] }, /^subject: the file or folder ".*none" isn't there/],
    [
      { embeddings: [{ path: missing }] },
      /^embeddings: the file or folder ".*none" isn't there; check the path$/,
    ],
    [
      { base: join(folder, "dangling") },
      /^base: ".*dangling" is a symbolic link to "\/gone", which is not there/,
    ],
    [{ base: "a\0b" }, /^base: the file or folder ".*" can't be read \(the path has a NUL character in it\)/],
  ];
  for (const [change, message] of wrong) {
    t.throws(() => checkModelPaths({ ...given, ...change }), { code: "ERR_WEIGHTS_FORMAT", message });
  }
  t.end();
});
