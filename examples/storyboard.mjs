// A storyboard of mock-ups becomes a film: node examples/storyboard.mjs [folder]
//
// Four panels of paper cut-outs, each held for four frames, and a prompt for each. `strength` is high, so that of a panel
// little more is left than what is where. Needs `npm install sharp`.
import { join } from "node:path";
import sharp from "sharp";
import { folder, picture, recipe, save, settings } from "./recipe.mjs";

const held = 4;
const panels = [
  { x: 36, y: 84, prompt: "a critter walks on a beach" },
  { x: 56, y: 80, prompt: "a critter runs on a beach" },
  { x: 74, y: 64, prompt: "a critter jumps on a beach" },
  { x: 92, y: 84, prompt: "a critter walks on a beach" },
];

/** Sky, sea, sand, and a body, a head and two ears in one colour. */
const drawing = ({ x, y }) => `<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128">
  <rect width="128" height="58" fill="#9cd3f7"/><rect y="58" width="128" height="30" fill="#2e9be0"/>
  <rect y="88" width="128" height="40" fill="#e6c68c"/>
  <g fill="#b8174a" transform="translate(${x} ${y})"><ellipse cy="12" rx="16" ry="17"/><circle cy="-16" r="15"/>
  <ellipse cx="-9" cy="-32" rx="4" ry="12"/><ellipse cx="9" cy="-32" rx="4" ry="12"/></g></svg>`;

await recipe(async (pipe) => {
  const drawn = await Promise.all(
    panels.map((panel) =>
      sharp(Buffer.from(drawing(panel)))
        .png()
        .toBuffer(),
    ),
  );
  const mockups = join(folder, "storyboard-before.webp");
  await sharp(drawn, { join: { animated: true } })
    .webp({ delay: 125 * held })
    .toFile(mockups);
  console.log(mockups);

  const video = await pipe.sample({
    ...settings,
    prompt: Object.fromEntries(panels.map(({ prompt }, i) => [i * held, prompt])),
    reference: picture("critter.png"),
    video: drawn.flatMap((panel) => Array(held).fill(panel)),
    strength: 0.85,
    seed: 42,
  });
  await save(video, "storyboard.mp4");
});
