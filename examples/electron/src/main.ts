import { fileURLToPath } from "node:url";
import { app, BrowserWindow, MessageChannelMain, utilityProcess } from "electron";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function openWindow(): Promise<void> {
  const window = new BrowserWindow({
    webPreferences: {
      preload: file("preload.cjs"),
      contextIsolation: true,
      nodeIntegration: false,
      sandbox: true,
    },
  });
  // The page is ours alone: it goes nowhere and opens nothing.
  window.webContents.on("will-navigate", (event) => event.preventDefault());
  window.webContents.setWindowOpenHandler(() => ({ action: "deny" }));
  await window.loadFile(file("../index.html"));

  const { port1, port2 } = new MessageChannelMain();
  const worker = utilityProcess.fork(file("pipeline_process.js"), [], { serviceName: "cameo" });
  worker.postMessage(undefined, [port1]);
  window.webContents.postMessage("pipeline", undefined, [port2]);
  worker.once("exit", () => {
    if (!window.isDestroyed()) window.webContents.send("pipeline-ended");
  });
  window.once("closed", () => worker.kill());
}

await app.whenReady();
await openWindow();
app.on("window-all-closed", () => app.quit());
