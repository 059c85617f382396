import type { InstallProgress } from "./install.js";

/** Shows the progress of an install on `stream`: one line that moves on a terminal, else one every tenth. */
export function reportTo(stream: NodeJS.WriteStream): (progress: InstallProgress) => void {
  let last = "";
  return ({ phase, bytes, totalBytes }) => {
    const percent = totalBytes > 0 ? Math.floor((100 * bytes) / totalBytes) : 0;
    const shown = stream.isTTY ? percent : percent - (percent % 10);
    const line =
      phase === "wait"
        ? "another process is installing libtorch; waiting for it"
        : text(phase, shown, totalBytes);
    if (line === last) return;
    const done = phase === "unpack" && percent === 100;
    stream.write(stream.isTTY ? `\r\x1b[K${line}${done ? "\n" : ""}` : `${line}\n`);
    last = line;
  };
}

function text(phase: "download" | "unpack", percent: number, totalBytes: number): string {
  const verb = phase === "download" ? "downloading" : "unpacking";
  return `${verb} libtorch (${(totalBytes / 1e6).toFixed(0)} MB): ${percent} %`;
}
