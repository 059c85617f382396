// A video of a picture, from a script: node script.mjs me.png "A person playing the guitar." out.mp4
//
// --base, --motion and --subject name the files of a model; without them it is the one that ships.
import { parseArgs } from "node:util";
import { Pipeline, Video } from "cameo";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ base: { type: "string" }, motion: { type: "string" }, subject: { type: "string" } },
    frames: { type: "string", default: "16" },
  },
});
const { frames, ...model } = values;
const [reference, prompt, output = "out.mp4"] = positionals;

// Better known now than after the work.
await Video.checkOutput(output, Number(frames));

// Ctrl-C ends the work within one evaluation of the network.
const interrupt = new AbortController();
process.once("SIGINT", () => interrupt.abort());

const pipe = await Pipeline.load(model);
try {
  const video = await pipe.sample({
    prompt,
    reference,
    frames: Number(frames),
    signal: interrupt.signal,
    onProgress: ({ phase, step, steps }) => console.error(`${phase} ${step}/${steps}`),
  });
  for (const path of await video.save(output)) console.log(path);
} finally {
  await pipe.close();
}
