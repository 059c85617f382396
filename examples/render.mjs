// Untextured renders become a film: node examples/render.mjs [folder]
//
// Sixteen grey renders of a jump, as a 3D program shows them before there are materials; the picture and the prompt say what
// they are made of. Needs `npm install sharp`.
import { join } from "node:path";
import sharp from "sharp";
import { folder, picture, recipe, save, settings } from "./recipe.mjs";

const frames = 16;
const clay = (id, light, dark) =>
  `<radialGradient id="${id}" cx=".35" cy=".3"><stop stop-color="${light}"/><stop offset="1" stop-color="${dark}"/></radialGradient>`;

/** A figure of spheres, `up` pixels above a floor. */
const render = (up) => `<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128"><defs>
  ${clay("clay", "#e8e8e8", "#5a5a5a")}</defs>
  <rect width="128" height="84" fill="#b4b4b4"/><rect y="84" width="128" height="44" fill="#8f8f8f"/>
  <ellipse cx="64" cy="112" rx="${22 - up / 3}" ry="4" fill="#6a6a6a"/>
  <g fill="url(#clay)" transform="translate(64 ${92 - up})"><ellipse cx="-8" cy="15" rx="6" ry="6"/>
  <ellipse cx="8" cy="15" rx="6" ry="6"/><ellipse rx="17" ry="17"/><circle cy="-26" r="16"/>
  <ellipse cx="-9" cy="-44" rx="4" ry="10"/><ellipse cx="9" cy="-44" rx="4" ry="10"/></g></svg>`;

await recipe(async (pipe) => {
  const heights = Array.from(
    { length: frames },
    (_, i) => 24 * Math.abs(Math.sin((2 * Math.PI * i) / frames)),
  );
  const renders = await Promise.all(
    heights.map((up) =>
      sharp(Buffer.from(render(up)))
        .png()
        .toBuffer(),
    ),
  );
  const film = join(folder, "render-before.webp");
  await sharp(renders, { join: { animated: true } })
    .webp({ delay: 125 })
    .toFile(film);
  console.log(film);

  const video = await pipe.sample({
    ...settings,
    prompt: "a critter jumps in a meadow",
    reference: picture("critter-2.png"),
    video: renders,
    strength: 0.9,
    seed: 42,
  });
  await save(video, "render.mp4");
});
