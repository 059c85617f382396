// Frames through an interpolator of your own: node examples/interpolate.mjs [folder]
//
// A program reads frames as they are decoded and writes three times as many. Here it is ffmpeg's motion-compensated
// interpolation; a network of yours is another program, or a function as in upscale.mjs. Needs ffmpeg.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Video } from "cameo";
import { picture, recipe, save, settings } from "./recipe.mjs";

const times = 3;
const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"];

await recipe(async (pipe) => {
  const film = await pipe.stream({
    ...settings,
    prompt: "a critter runs on a beach",
    reference: picture("critter.png"),
    seed: 42,
  });
  const { width, height, request } = film;
  const fps = times * film.fps;
  const input = [...raw, "-s", `${width}x${height}`, "-r", String(film.fps), "-i", "pipe:0"];
  const filter = `minterpolate=fps=${fps}:mi_mode=mci:scd=none`;
  const ffmpeg = spawn("ffmpeg", ["-v", "error", ...input, "-vf", filter, ...raw, "pipe:1"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(ffmpeg, "spawn");
  const [frames] = await Promise.all([buffer(ffmpeg.stdout), pipeline(film, ffmpeg.stdin)]);
  const count = frames.length / (3 * width * height);
  await save(Video.from({ frames, request: { ...request, frames: count, fps } }), "interpolate.mp4");
});
