/** Imported by every process that `launch` starts, before its own program: ends it when the launcher is gone. */
import { isMainThread } from "node:worker_threads";

/** To save a checkpoint. */
const graceMilliseconds = 60_000;

function end(): void {
  process.kill(process.pid, "SIGTERM");
  setTimeout(() => process.exit(1), graceMilliseconds).unref();
}

// Worker threads import this too.
if (isMainThread) {
  if (process.connected) process.once("disconnect", end);
  else end();
  // Listening alone would keep the process running when its work is done.
  process.channel?.unref();
}
