import {
  long,
  makeRandom,
  pickle,
  stateDict,
  tensor,
  text,
  torchLegacy,
  torchZip,
  twoFloats,
  u32,
  u64,
} from "./build.js";
import { type Cases, truncations } from "./corpus.js";

const good = tensor();

/** What must never be run. */
const unsafe: Record<string, Buffer> = {
  global: pickle("cos\nsystem\n", text("id"), [0x85], "R"),
  "global-alone": pickle("cbuiltins\neval\n"),
  "stack-global": pickle(text("os"), text("system"), [0x93], text("id"), [0x85], "R"),
  inst: pickle("(", text("id"), "ios\nsystem\n"),
  obj: pickle("(ccollections\nOrderedDict\no"),
  "newobj-of-a-number": pickle("K\x01)\x81"),
  newobj: pickle("ccollections\nOrderedDict\n)", [0x81]),
  "newobj-ex": pickle("ccollections\nOrderedDict\n)}", [0x92]),
  extension: pickle([0x82, 1]),
  "call-storage-type": pickle("ctorch\nFloatStorage\n)R"),
  "build-tensor": stateDict({ a: Buffer.concat([good, Buffer.from("}b")]) }),
  "hidden-in-wrapper": pickle("}", text("state_dict"), "}", text("x"), "cposix\nsystem\n", "ss"),
  getattr: pickle("cbuiltins\ngetattr\n"),
  "numpy-scalar": pickle("cnumpy.core.multiarray\nscalar\n"),
  "torch-load": pickle("ctorch\nload\n"),
  "dotted-name": pickle("ctorch._utils\n_rebuild_tensor_v2.__globals__\n"),
};

const huge = 2n ** 62n;
const tensors: Record<string, Buffer> = {
  "negative-offset": tensor({ offset: -1n }),
  "offset-past-the-end": tensor({ offset: 1n }),
  "offset-wraps": tensor({ offset: huge }),
  "negative-size": tensor({ shape: [-2n] }),
  "shape-past-the-end": tensor({ shape: [3n] }),
  "shape-wraps": tensor({ shape: [2n ** 32n, 2n ** 32n], strides: [0n, 0n] }),
  "negative-stride": tensor({ strides: [-1n] }),
  "stride-past-the-end": tensor({ strides: [2n] }),
  "stride-wraps": tensor({ shape: [5n], strides: [huge] }),
  "strides-add-up-to-a-wrap": tensor({ shape: [2n, 2n, 2n, 2n], strides: [huge, huge, huge, huge] }),
  "fewer-strides": tensor({ shape: [1n, 2n] }),
  "more-strides": tensor({ strides: [1n, 1n] }),
  "17-dimensions": tensor({ shape: Array(17).fill(1n), strides: Array(17).fill(1n) }),
  "storage-claims-more": tensor({ numel: 3n }),
  "storage-claims-less": tensor({ numel: 1n }),
  "storage-claims-negative": tensor({ numel: -2n }),
  "storage-of-another-type": tensor({ type: "DoubleStorage" }),
  "storage-unknown": tensor({ key: "1" }),
  "storage-key-climbs": tensor({ key: "../byteorder" }),
  "untyped-without-dtype": tensor({ type: "UntypedStorage", numel: 8n }),
  "storage-of-fp8": tensor({ type: "float8_e4m3fn" }),
  "fp8-fnuz": tensor({ dtype: "float8_e5m2fnuz", numel: 8n }),
  "fp8-past-the-end": tensor({ dtype: "float8_e4m3fn", numel: 8n, shape: [9n] }),
  "fp8-of-a-larger-storage": tensor({ dtype: "float8_e5m2", numel: 9n, shape: [9n] }),
  "fp8-stride-past-the-end": tensor({ dtype: "float8_e4m3fn", numel: 8n, shape: [3n], strides: [4n] }),
  "fp8-of-no-dtype": tensor({ dtype: "FloatStorage", numel: 8n }),
};

const parameterDict = "ctorch.nn.modules.container\nParameterDict\n)\x81";
const ofThemselves: (string | Buffer)[] = ["}", text("_parameters"), "h\x00sb"];

const machine: Record<string, Buffer> = {
  "pops-nothing": pickle("0"),
  "marks-nothing": pickle("t"),
  "pops-through-mark": pickle("N(s"),
  "recalls-nothing": pickle("h\x07"),
  "remembers-nothing": pickle("q\x00"),
  "duplicates-nothing": pickle("2"),
  "stops-empty": pickle(),
  "stops-below-mark": pickle("N("),
  "key-without-value": pickle("}(", text("a"), "u"),
  "appends-to-number": pickle("K\x01K\x02a"),
  "unknown-instruction": pickle([0xff]),
  "protocol-255": pickle([0x80, 0xff]),
  "text-of-4-gb": pickle("X", u32(0xffffffff)),
  "text-of-2-to-63": pickle([0x8d], u64(2n ** 63n)),
  "bytes-of-2-to-64": pickle([0x8e], u64(2n ** 64n - 1n)),
  "long-of-2-gb": pickle([0x8b], u32(0x7fffffff)),
  "long-of-negative-length": pickle([0x8b], u32(0xffffffff)),
  "frame-past-the-end": pickle([0x95], u64(2n ** 40n)),
  "number-that-is-none": pickle("Ixyz\n"),
  "line-without-end": pickle(`c${"x".repeat(10_000)}`),
  "persistent-id-in-text": pickle("Pstorage\n"),
  "persistent-id-of-nothing": pickle(")Q"),
  "call-of-a-number": pickle("K\x01)R"),
  "call-without-tuple": pickle("ccollections\nOrderedDict\nNR"),
  "build-without-name": pickle("}Nb"),
  "list-in-itself": pickle("]q\x00h\x00a"),
  "dictionary-in-itself": pickle("}q\x00", text("state_dict"), "h\x00s"),
  "word-in-itself": pickle("}q\x00", text("string_to_param"), "h\x00s"),
  "word-without-vectors": pickle("}", text("string_to_param"), "}s"),
  "parameters-of-themselves": pickle(parameterDict, "q\x00", ...ofThemselves),
  "doubling-parameters": pickle(
    parameterDict,
    "q\x00}",
    text("_parameters"),
    "}K\x01K\x01ssb",
    ...Array<(string | Buffer)[]>(64).fill(ofThemselves).flat(),
  ),
  "object-of-nothing": pickle("\x81"),
  "wrappers-without-end": pickle("}q\x00", text("model"), "}", text("model"), "h\x00ss"),
  "ten-million-values": Buffer.concat([
    Buffer.from([0x80, 2]),
    Buffer.alloc(10_000_000, "]"),
    Buffer.from("."),
  ]),
  "ten-million-duplicates": pickle("N", Buffer.alloc(10_000_000, "2")),
  "ten-million-marks": pickle(Buffer.alloc(10_000_000, "(")),
  "lists-a-million-deep": pickle(Buffer.alloc(1_000_000, "]"), Buffer.alloc(999_999, "a")),
  "doubling-tuples": pickle("N", ...Array<string>(64).fill("2\x86")),
  "doubling-dictionaries": pickle(
    "](",
    ...Array<Buffer>(2000).fill(long(1n)),
    "eq\x00",
    ...Array<string>(5000).fill("](h\x00h\x00e"),
  ),
  "dictionary-of-large-list": pickle(
    "](",
    Buffer.alloc(500_000, "N"),
    "eq\x000",
    ...Array<string>(1000).fill("ccollections\nOrderedDict\nh\x00\x85R"),
  ),
  "name-that-is-no-text": pickle("}K\x01", good, "s"),
  "name-twice": pickle("}(", text("a"), good, text("a"), good, "u"),
  "no-dictionary": pickle("]", good, "a"),
  "no-tensors": pickle("}", text("epoch"), "K\x03s"),
  "bad-utf8-name": pickle("}U\x02\xff\xfe", good, "s"),
};

/** Whole instructions, with their operands. None of them makes a tensor, so that no luck makes a state dict. */
const instructions = [
  ...[
    "N",
    "K\x05",
    "M\x01\x02",
    "J\xff\xff\xff\xff",
    "I01\n",
    "L12L\n",
    "F1.5\n",
    "G12345678",
    "\x8a\x02ab",
    "\x88",
  ],
  ...["U\x01a", "X\x01\0\0\0b", "\x8c\x01c", "Vd\n", "S'e'\n", "C\x01f", "B\x01\0\0\0g"],
  ...["(", "(", "(", ")", "t", "\x85", "\x86", "\x87", "]", "l", "}", "d", "\x8f", "\x91"],
  ...["a", "e", "s", "u", "\x90", "0", "1", "2", "q\x01", "q\x02", "h\x01", "h\x02", "\x94", "b"],
  ...["ccollections\nOrderedDict\n", "ctorch\nSize\n", "ctorch\nFloatStorage\n", "R", "Q"],
  ...["ctorch.nn.modules.container\nParameterDict\n", "\x81"],
];

/** Instructions at random, over enough values that they get far. */
function randomPickles(count: number): Cases {
  const cases: Cases = {};
  for (let seed = 0; seed < count; seed++) {
    const random = makeRandom(seed);
    const values = Array.from({ length: 40 }, () => "N](N]}q\x01}q\x02");
    const program = Array.from({ length: 300 }, () => instructions[random(instructions.length)] as string);
    cases[`random-${seed}`] = torchZip(pickle(...values, ...program));
  }
  return cases;
}

function legacyCases(): Cases {
  const dict = stateDict({ a: good });
  const valid = torchLegacy(dict, ["0"], twoFloats);
  return {
    ...prefixed("legacy-", truncations(valid, 12)),
    "legacy-unsafe": torchLegacy(unsafe.global as Buffer, ["0"], twoFloats),
    "legacy-storage-claims-more": torchLegacy(dict, ["0"], Buffer.concat([u64(3), Buffer.alloc(8)])),
    "legacy-storage-claims-2-to-63": torchLegacy(
      dict,
      ["0"],
      Buffer.concat([u64(2n ** 63n), Buffer.alloc(8)]),
    ),
    "legacy-storage-claims-less": torchLegacy(dict, ["0"], Buffer.concat([u64(1), Buffer.alloc(8)])),
    "legacy-storage-missing": torchLegacy(dict, []),
    "legacy-storage-unknown": torchLegacy(dict, ["0", "1"], twoFloats, twoFloats),
    "legacy-no-keys": torchLegacy(dict, [], twoFloats),
  };
}

function prefixed(prefix: string, cases: Cases): Cases {
  return Object.fromEntries(Object.entries(cases).map(([name, file]) => [prefix + name, file]));
}

const zipped = (pickles: Record<string, Buffer>) =>
  Object.fromEntries(Object.entries(pickles).map(([name, pickled]) => [name, torchZip(pickled)]));

export function pickleCases(): Cases {
  const dicts = Object.entries(tensors).map(([name, value]) => [name, stateDict({ a: value })] as const);
  return {
    ...prefixed("unsafe-", zipped(unsafe)),
    "unsafe-bare": unsafe.global as Buffer,
    ...prefixed("tensor-", zipped(Object.fromEntries(dicts))),
    ...zipped(machine),
    ...randomPickles(30),
    ...legacyCases(),
  };
}
