import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pipeline } from "cameo";
import t from "tap";
import { parsePythonJson, stringifyPythonJson } from "#ts/python_json.js";
import { writeSmallModel } from "../../support/small_model.js";
import { runWeights, throwsTyped } from "../../support/weights.js";

/** A small model with fields of a config changed. */
function changed(name: string, file: string, fields: string | object) {
  const paths = writeSmallModel(`config-${name}`);
  const path = join(paths.base, file);
  const text = JSON.stringify({
    ...JSON.parse(readFileSync(path, "utf8")),
    ...(typeof fields === "object" && fields),
  });
  writeFileSync(path, typeof fields === "string" ? text.replace(/\}$/, `,${fields}}`) : text);
  return paths;
}

const load = (paths: object) => Pipeline.load({ ...paths, device: "cpu" });

t.test("what Python writes for infinite numbers is read", async (t) => {
  const scheduler = '"lambda_min_clipped":-Infinity,"a":[NaN, Infinity],"b":"NaN \\"Infinity","c":{"d":NaN}';
  await using pipe = await load(changed("infinity", "scheduler/scheduler_config.json", scheduler));
  t.ok(pipe.describe().subject);
  const folder = t.testdir({ "config.json": '{"a":-Infinity,"b":"-Infinity\\\\","c":NaN}', "model.bin": "" });
  const { config } = runWeights<{ config: object }>("component", { folder }).details;
  t.same(config, { a: "-Infinity", b: "-Infinity\\", c: "NaN" });
});

t.test("a field that must be a number is not taken for infinite", async (t) => {
  const paths = changed("nan", "vae/config.json", '"scaling_factor":NaN');
  await t.rejects(load(paths), {
    code: "ERR_WEIGHTS_FORMAT",
    message: /vae: config field scaling_factor is "NaN"; it must/,
  });
  for (const text of ["{NaN}", '{"a":Infinityx}', '{"a":+Infinity}', '{"a":nan}', '{"a":"x}']) {
    const folder = t.testdir({ "config.json": text, "model.bin": "" });
    throwsTyped(t, () => runWeights("component", { folder }), "ERR_WEIGHTS_FORMAT", "not valid JSON");
  }
});

t.test("JSON of Python's is written as it was read", async (t) => {
  const text = '{"a":-Infinity,"b":[Infinity,NaN],"c":"NaN","d":"\\\\\\"NaN","e":1}';
  const value = parsePythonJson(text) as Record<string, unknown>;
  t.same([value.c, value.d, value.e], ["NaN", '\\"NaN', 1]);
  t.equal(stringifyPythonJson(value), text);
  t.throws(() => parsePythonJson('{"a":Infinityx}'), SyntaxError);
});

t.test("sizes may be two numbers: height and width", async (t) => {
  await using pipe = await load(changed("sizes", "unet/config.json", { sample_size: [4, 6] }));
  t.same(pipe.describe().defaultSize, [48, 32]);
  await using other = await load(changed("vae-sizes", "vae/config.json", { sample_size: [64, 32] }));
  t.same(other.describe().defaultSize, [64, 64]);
  for (const sample_size of [[8], [8, 8, 8], "8", [8, -1]]) {
    await t.rejects(load(changed("wrong-sizes", "unet/config.json", { sample_size })), {
      message: /sample_size/,
    });
  }
});

t.test("links that lead nowhere are named", async (t) => {
  const files = [
    ["unet", "config.json"],
    ["unet", "diffusion_pytorch_model.safetensors"],
    ["scheduler", "scheduler_config.json"],
    ["tokenizer", "vocab.json"],
    ["tokenizer", "merges.txt"],
    ["vae"],
  ];
  for (const file of files) {
    const paths = writeSmallModel("links");
    const path = join(paths.base, ...file);
    rmSync(path, { recursive: true });
    symlinkSync("../../blobs/0f1e", path);
    const message = /symbolic link to "\.\.\/\.\.\/blobs\/0f1e", which is not there; fetch that again/;
    const error = await load(paths).catch((reason) => reason);
    t.equal(error.code, "ERR_WEIGHTS_FORMAT", error.message);
    t.match(error.message, message);
    t.match(error.message, path);
  }
  const { subject = "", ...paths } = writeSmallModel("links");
  rmSync(subject);
  symlinkSync("nowhere", subject);
  await t.rejects(load({ ...paths, subject }), { message: /symbolic link to "nowhere"/ });
});

const many = { layers_per_block: 64, transformer_layers_per_block: 64 };
const blocks = (count: number, type: string) => Array.from({ length: count }, () => type);
const hostile: [string, string, object][] = [
  ["unet", "unet/config.json", many],
  [
    "vae",
    "vae/config.json",
    {
      layers_per_block: 64,
      block_out_channels: Array.from({ length: 16 }, () => 4),
      down_block_types: blocks(16, "DownEncoderBlock2D"),
      up_block_types: blocks(16, "UpDecoderBlock2D"),
    },
  ],
  [
    "motion",
    "../motion/config.json",
    {
      motion_layers_per_block: 1,
      motion_transformer_layers_per_block: 64,
      motion_transformer_layers_per_mid_block: 64,
    },
  ],
];
for (const [network, file, fields] of hostile) {
  t.test(`a ${network} of more tensors than any network has is refused before it takes memory`, async (t) => {
    const paths = changed(`hostile-${network}`, file, fields);
    const before = process.memoryUsage.rss();
    const { base, motion } = paths;
    const error = await load(network === "motion" ? { base, motion } : { base }).catch((reason) => reason);
    t.ok(process.memoryUsage.rss() - before < 128 * 2 ** 20);
    t.equal(error.code, "ERR_WEIGHTS_FORMAT", error.message);
    t.match(error.message, /: the config describes a network of more than 8192 tensors/);
    t.match(error.message, join(paths.base, file, ".."));
  });
}
