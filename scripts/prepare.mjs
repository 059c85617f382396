// npm's script of this name: compiles the TypeScript and the studio's page, after `npm ci` in a clone and before the package
// is packed. npm also runs it when `npx cameo` is typed in a clone for the first time, where nothing is to be done.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const steps = [[join("node_modules", "typescript", "bin", "tsc"), "-b", "ts"], [join("scripts", "page.mjs")]];

for (const step of process.env.npm_command === "exec" ? [] : steps) {
  const { status } = spawnSync(process.execPath, step, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
