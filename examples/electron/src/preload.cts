// Sandboxed: hands the page its end of the channel and nothing else.
import electron = require("electron");

electron.ipcRenderer.once("pipeline", ({ ports }) => {
  window.postMessage("pipeline", "*", [...ports]);
});
electron.ipcRenderer.once("pipeline-ended", () => {
  window.postMessage("pipeline-ended", "*");
});
