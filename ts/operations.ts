/** Floating-point operations, two to a multiplication with its addition, as the direct form of each layer has them. */
export interface Operations {
  /** Of kernels over images, 1x1 ones included where they stand beside a 3x3 one. */
  convolutions: number;
  /** Of linear layers. */
  products: number;
  /** Of queries with keys, and of their softmax with values. */
  attention: number;
}

/** The fields of a diffusers `config.json` that shapes follow from. */
export interface UNetShape {
  in_channels?: number;
  out_channels?: number;
  block_out_channels?: number[];
  down_block_types?: string[];
  up_block_types?: string[];
  layers_per_block?: number | number[];
  transformer_layers_per_block?: number | number[];
  cross_attention_dim?: number | number[];
}

/** The same of a motion adapter. */
export interface MotionShape {
  motion_transformer_layers_per_block?: number | number[];
  motion_transformer_layers_per_mid_block?: number;
  use_motion_mid_block?: boolean;
}

/** The same of a VAE. */
export interface VaeShape {
  latent_channels?: number;
  block_out_channels?: number[];
  layers_per_block?: number;
  mid_block_add_attention?: boolean;
  use_quant_conv?: boolean;
  use_post_quant_conv?: boolean;
}

/** What a UNet is given for one sample. */
export interface UNetInputShape {
  frames: number;
  references: number;
  /** In latents. */
  width: number;
  height: number;
  /** Tokens of the prompt. */
  textTokens: number;
}

/** A layer's image in latents or pixels. */
interface Area {
  width: number;
  height: number;
}

/** Adds up the layers of one network, for `images` images of one sample. */
class Counter {
  readonly counted: Operations = { convolutions: 0, products: 0, attention: 0 };
  readonly #images: number;

  constructor(images: number) {
    this.#images = images;
  }

  convolution(from: number, to: number, { width, height }: Area, kernel = 3): void {
    this.counted.convolutions += 2 * kernel ** 2 * from * to * this.#images * width * height;
  }

  /** `tokens` vectors of `from` numbers to as many of `to`. */
  product(from: number, to: number, tokens: number): void {
    this.counted.products += 2 * from * to * tokens;
  }

  /** `pairs` of a query and a key, of `channels` numbers over all heads. */
  attend(pairs: number, channels: number): void {
    this.counted.attention += 4 * pairs * channels;
  }

  /** `time`: channels of the timestep's embedding, or 0 without one. */
  resnet(from: number, to: number, area: Area, time: number): void {
    this.convolution(from, to, area);
    this.convolution(to, to, area);
    if (from !== to) this.convolution(from, to, area, 1);
    this.product(time, to, 1);
  }

  /** Gated, with a hidden size of four times the channels. */
  feedForward(channels: number, tokens: number): void {
    this.product(channels, 8 * channels, tokens);
    this.product(4 * channels, channels, tokens);
  }
}

/** One evaluation of a UNet for one sample; with guidance there are two. */
export function unetOperations(
  unet: UNetShape,
  motion: MotionShape | undefined,
  input: UNetInputShape,
): Operations {
  return new UNetCounter(unet, motion, input).count();
}

class UNetCounter extends Counter {
  readonly #unet: UNetShape;
  readonly #motion: MotionShape | undefined;
  readonly #input: UNetInputShape;
  readonly #channels: number[];
  readonly #layers: number[];
  readonly #time: number;

  constructor(unet: UNetShape, motion: MotionShape | undefined, input: UNetInputShape) {
    super(input.frames + input.references);
    this.#unet = unet;
    this.#motion = motion;
    this.#input = input;
    this.#channels = unet.block_out_channels ?? [320, 640, 1280, 1280];
    this.#layers = perBlock(unet.layers_per_block, this.#channels.length, 2);
    this.#time = 4 * at(this.#channels, 0);
  }

  count(): Operations {
    const first = at(this.#channels, 0);
    const { width, height } = this.#input;
    const areas = [{ width, height }];
    for (const _ of this.#channels.slice(1)) areas.push(halved(areas.at(-1) as Area));
    this.product(first, this.#time, 1);
    this.product(this.#time, this.#time, 1);
    this.convolution(this.#unet.in_channels ?? 4, first, at(areas, 0));
    const skips = this.#countDown(areas);
    this.#countMiddle(areas.at(-1) as Area);
    this.#countUp(areas, skips);
    this.convolution(first, this.#unet.out_channels ?? 4, at(areas, 0));
    return this.counted;
  }

  /** Returns the channels of what is kept for the way up. */
  #countDown(areas: readonly Area[]): number[] {
    let channels = at(this.#channels, 0);
    const skips = [channels];
    for (const [level, area] of areas.entries()) {
      const hasAttention = isCross(this.#unet.down_block_types, level, level < areas.length - 1);
      for (let i = 0; i < at(this.#layers, level); i++) {
        this.#layer(channels, level, area, hasAttention);
        channels = at(this.#channels, level);
        skips.push(channels);
      }
      if (level === areas.length - 1) continue;
      this.convolution(channels, channels, at(areas, level + 1));
      skips.push(channels);
    }
    return skips;
  }

  #countMiddle(area: Area): void {
    const level = this.#channels.length - 1;
    const channels = at(this.#channels, level);
    this.resnet(channels, channels, area, this.#time);
    this.#spatial(level, area);
    if (this.#motion && (this.#motion.use_motion_mid_block ?? true)) {
      this.#temporal(channels, area, this.#motion.motion_transformer_layers_per_mid_block ?? 1);
    }
    this.resnet(channels, channels, area, this.#time);
  }

  #countUp(areas: readonly Area[], skips: number[]): void {
    let channels = this.#channels.at(-1) as number;
    for (const [index, level] of [...areas.keys()].reverse().entries()) {
      const area = at(areas, level);
      const hasAttention = isCross(this.#unet.up_block_types, index, index > 0);
      for (let i = 0; i <= at(this.#layers, level); i++) {
        this.#layer(channels + (skips.pop() as number), level, area, hasAttention);
        channels = at(this.#channels, level);
      }
      if (level > 0) this.convolution(channels, channels, at(areas, level - 1));
    }
  }

  #layer(from: number, level: number, area: Area, hasAttention: boolean): void {
    const channels = at(this.#channels, level);
    this.resnet(from, channels, area, this.#time);
    if (hasAttention) this.#spatial(level, area);
    if (!this.#motion) return;
    const layers = perBlock(this.#motion.motion_transformer_layers_per_block, this.#channels.length, 1);
    this.#temporal(channels, area, at(layers, level));
  }

  /** Self-attention, cross-attention, feed-forward. References are attended to as PISA has it. */
  #spatial(level: number, { width, height }: Area): void {
    const { frames, references, textTokens } = this.#input;
    const blocks = this.#channels.length;
    const channels = at(this.#channels, level);
    const context = at(perBlock(this.#unet.cross_attention_dim, blocks, 1280), level);
    const positions = width * height;
    const tokens = (frames + references) * positions;
    this.product(channels, 2 * channels, tokens);
    for (let i = 0; i < at(perBlock(this.#unet.transformer_layers_per_block, blocks, 1), level); i++) {
      this.product(channels, 6 * channels, tokens);
      this.product(context, 2 * channels, textTokens);
      // Frames with themselves and with references, references with frames, references with one another.
      this.attend((frames * (1 + 2 * references) + references ** 2) * positions ** 2, channels);
      this.attend(tokens * textTokens, channels);
      this.feedForward(channels, tokens);
    }
  }

  /** Two self-attentions along the images, and a feed-forward, at every position. */
  #temporal(channels: number, { width, height }: Area, layers: number): void {
    const images = this.#input.frames + this.#input.references;
    const positions = width * height;
    const tokens = images * positions;
    this.product(channels, 2 * channels, tokens);
    for (let i = 0; i < layers; i++) {
      this.product(channels, 8 * channels, tokens);
      this.attend(2 * images ** 2 * positions, channels);
      this.feedForward(channels, tokens);
    }
  }
}

/** The decoding of one image of `latents`. */
export function decoderOperations(vae: VaeShape, latents: Area): Operations {
  const counter = new Counter(1);
  const channels = vaeChannels(vae).reverse();
  const latentChannels = vae.latent_channels ?? 4;
  let [area, from] = [latents, at(channels, 0)];
  if (vae.use_post_quant_conv ?? true) counter.convolution(latentChannels, latentChannels, area, 1);
  counter.convolution(latentChannels, from, area);
  vaeMiddle(counter, vae, from, area);
  for (const [i, to] of channels.entries()) {
    for (let layer = 0; layer <= (vae.layers_per_block ?? 1); layer++) {
      counter.resnet(from, to, area, 0);
      from = to;
    }
    if (i === channels.length - 1) continue;
    area = { width: 2 * area.width, height: 2 * area.height };
    counter.convolution(to, to, area);
  }
  counter.convolution(from, 3, area);
  return counter.counted;
}

/** The encoding of one image of so many pixels. */
export function encoderOperations(vae: VaeShape, pixels: Area): Operations {
  const counter = new Counter(1);
  const channels = vaeChannels(vae);
  const moments = 2 * (vae.latent_channels ?? 4);
  let [area, from] = [pixels, at(channels, 0)];
  counter.convolution(3, from, area);
  for (const [i, to] of channels.entries()) {
    for (let layer = 0; layer < (vae.layers_per_block ?? 1); layer++) {
      counter.resnet(from, to, area, 0);
      from = to;
    }
    if (i === channels.length - 1) continue;
    area = halved(area);
    counter.convolution(to, to, area);
  }
  vaeMiddle(counter, vae, from, area);
  counter.convolution(from, moments, area);
  if (vae.use_quant_conv ?? true) counter.convolution(moments, moments, area, 1);
  return counter.counted;
}

function vaeMiddle(counter: Counter, vae: VaeShape, channels: number, area: Area): void {
  counter.resnet(channels, channels, area, 0);
  if (vae.mid_block_add_attention ?? true) {
    const positions = area.width * area.height;
    counter.product(channels, 4 * channels, positions);
    counter.attend(positions ** 2, channels);
  }
  counter.resnet(channels, channels, area, 0);
}

/** The sum of all kinds. */
export function total({ convolutions, products, attention }: Operations): number {
  return convolutions + products + attention;
}

function vaeChannels(vae: VaeShape): number[] {
  return [...(vae.block_out_channels ?? [64])];
}

/** A value for every block, where the config has one for all of them. */
function perBlock(value: number | number[] | undefined, blocks: number, fallback: number): number[] {
  return Array.isArray(value) ? value : Array(blocks).fill(value ?? fallback);
}

function isCross(types: readonly string[] | undefined, index: number, fallback: boolean): boolean {
  return types?.[index]?.startsWith("CrossAttn") ?? fallback;
}

/** By a convolution with a stride of 2. */
function halved({ width, height }: Area): Area {
  return { width: Math.ceil(width / 2), height: Math.ceil(height / 2) };
}

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
