import { Command } from "commander";
import { type Check, checkMachine } from "./doctor_checks.js";
import { exitCodes, printEvent } from "./output.js";

/** `cameo doctor`: what this machine has of what cameo needs, and the commands that mend the rest. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("show what is there, what is missing, and the command that mends it")
    .option("--json", "print one JSON object per check on stdout")
    .option("--verbose", "print the stack of an error too")
    .action(doctor);
}

async function doctor({ json }: { json?: boolean }): Promise<void> {
  const checks = await checkMachine();
  for (const check of checks) {
    if (json) printEvent("check", { ...check });
    else process.stdout.write(line(check));
  }
  if (checks.some(({ ok, needed }) => needed && !ok)) process.exitCode = exitCodes.failed;
}

function line({ name, ok, needed, detail, remedy }: Check): string {
  const mark = ok ? "ok" : needed ? "missing" : "absent";
  const mend = remedy ? `: ${remedy}` : "";
  return `${mark.padEnd(8)}${name.padEnd(12)}${detail}${mend}\n`;
}
