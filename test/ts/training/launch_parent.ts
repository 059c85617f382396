import { launch } from "#ts/training/launch.js";

// The launcher that the tests signal: node launch_parent.js COUNT TASK. A second SIGINT ends it, as in the CLI.
const [count, task] = process.argv.slice(2) as [string, string];
const controller = new AbortController();
process.on("SIGINT", () => {
  if (controller.signal.aborted) process.exit(130);
  controller.abort();
});

try {
  await launch({
    count: Number(count),
    script: "build/test/ts/training/launch_program.js",
    args: [task],
    signal: controller.signal,
    graceMilliseconds: 500,
  });
  console.log("all ended well");
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  console.log(`${code}: ${message}`);
}
