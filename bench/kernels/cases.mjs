// What is measured: each case is one call of a function in test/native/bench, with the name of the form that others
// are compared to. `bound` is of the first form named in `forms`.

const heads = 8;
const seed = 1;

/**
 * VideoMaker's attention: (frames, tokens, head size) of the UNet's first two levels at 256x256, and of 512x512; with two
 * subjects, each has a half of the positions.
 */
function pisa() {
  const shapes = [
    { frames: 16, tokens: 1024, head_dim: 40, bound: 0.7 },
    { frames: 16, tokens: 256, head_dim: 80, bound: 0.7 },
    { frames: 4, tokens: 4096, head_dim: 40, bound: 0.8 },
    { frames: 16, tokens: 1024, head_dim: 40, subjects: 2, bound: 0.7 },
  ];
  return shapes.flatMap(({ bound, ...shape }) =>
    [false, true].map((backward) => ({
      group: "PISA",
      probe: "bench.pisa",
      name: pisaName(shape, backward),
      config: { ...shape, heads, references: shape.subjects ?? 1, backward },
      forms: ["merged", "merged, plain"],
      plain: "concatenated",
      bound: backward ? 0.75 : bound,
    })),
  );
}

function pisaName({ frames, tokens, head_dim, subjects }, backward) {
  const parts = [`${frames} frames`, `${tokens} tokens`, `head ${head_dim}`];
  if (subjects) parts.push(`${subjects} subjects`);
  if (backward) parts.push("with backward");
  return parts.join(", ");
}

function convolution(images, from, to, side, parts) {
  return parts.map((part) => ({
    group: "3x3 convolution",
    probe: "bench.convolution",
    name: `${images} x ${side}x${side}, ${from} to ${to}, ${part}`,
    config: { images, in: from, out: to, height: side, width: side, part },
    forms: part === "forward" ? ["layer", "winograd"] : ["winograd"],
    plain: "direct",
  }));
}

/** The UNet's levels at 256x256, with some of what its way up has, and the decoder's levels. */
function convolutions() {
  const parts = ["forward", "input", "kernel"];
  const unet = [
    [320, 320, 32],
    [960, 320, 32],
    [640, 640, 16],
    [1920, 640, 16],
    [1280, 1280, 8],
    [2560, 1280, 8],
  ];
  const vae = [
    [512, 512, 32],
    [512, 512, 64],
    [512, 256, 128],
    [256, 256, 128],
    [256, 128, 256],
    [128, 128, 256],
  ];
  return [
    ...unet.flatMap((shape) => convolution(8, ...shape, parts)),
    ...vae.flatMap((shape) => convolution(1, ...shape, ["forward"])),
  ];
}

function attention(what, samples, tokens, keys, head_dim) {
  return [false, true].map((backward) => ({
    group: "attention",
    probe: "bench.attention",
    name: `${what}, ${samples} x ${tokens}, head ${head_dim}${backward ? ", with backward" : ""}`,
    config: { samples, tokens, keys, heads, head_dim, backward },
    forms: ["fast"],
    plain: "plain",
  }));
}

function attentions() {
  return [
    ...attention("spatial", 16, 1024, 1024, 40),
    ...attention("to the text", 1, 17 * 1024, 77, 40),
    ...attention("temporal", 1024, 17, 17, 40),
    ...attention("temporal", 256, 17, 17, 80),
  ];
}

function product(tokens, from, to) {
  return {
    group: "matrix product",
    probe: "bench.linear",
    name: `${tokens} x ${from} to ${to}`,
    config: { tokens, in: from, out: to },
    forms: ["layer"],
    plain: "oneDNN",
  };
}

/** Of the UNet's levels at 256x256, 17 images in both of guidance's halves: projections, and into and out of a feed-forward. */
function products() {
  return [
    [34816, 320, 960],
    [34816, 320, 320],
    [2487, 320, 2560],
    [2487, 1280, 320],
    [8704, 640, 1920],
    [2176, 640, 5120],
    [2176, 2560, 640],
    [2176, 1280, 3840],
    [2176, 1280, 10240],
    [2176, 5120, 1280],
  ].map((shape) => product(...shape));
}

function groupNorm(images, channels, side) {
  return [false, true].map((backward) => ({
    group: "group norm, SiLU",
    probe: "bench.group_norm",
    name: `${images} x ${side}x${side}, ${channels}${backward ? ", with backward" : ""}`,
    config: { images, channels, height: side, width: side, groups: 32, backward },
    forms: ["fast"],
    plain: "plain",
  }));
}

function geglu(tokens, width) {
  return [false, true].map((backward) => ({
    group: "GEGLU",
    probe: "bench.geglu",
    name: `${tokens} tokens, ${width}${backward ? ", backward" : ""}`,
    config: { tokens, width, backward },
    forms: ["fast"],
    plain: "plain",
  }));
}

function feedForward(tokens, dim) {
  return {
    group: "feed-forward, GEGLU",
    probe: "bench.feed_forward",
    name: `${tokens} tokens, ${dim}`,
    config: { tokens, dim },
    forms: ["fast"],
    plain: "plain",
  };
}

/** All cases; `quick`: few images and tokens, to see whether everything runs. */
export function kernelCases(quick) {
  const cases = [
    ...pisa(),
    ...convolutions(),
    ...products(),
    ...attentions(),
    ...[groupNorm(8, 320, 32), groupNorm(8, 640, 16), groupNorm(1, 128, 256)].flat(),
    ...[geglu(2048, 1280), geglu(2048, 5120)].flat(),
    ...[feedForward(8 * 1024, 320), feedForward(8 * 256, 640), feedForward(8 * 64, 1280)],
  ];
  return cases.map(({ config, ...rest }) => ({
    ...rest,
    config: { seed, ...(quick ? smaller(config) : config) },
  }));
}

function smaller(config) {
  const most = {
    frames: 2,
    tokens: 256,
    keys: 256,
    samples: 2,
    images: 1,
    height: 16,
    width: 16,
    in: 64,
    out: 64,
  };
  const least = ([name, value]) => [name, name in most ? Math.min(value, most[name]) : value];
  return Object.fromEntries(Object.entries(config).map(least));
}
