import type { Frame, Reply, Request } from "./protocol.js";

function element<T extends Element>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

const form = element<HTMLFormElement>("form");
const canvas = element<HTMLCanvasElement>("canvas");
const status = element<HTMLOutputElement>("output");
const cancel = element<HTMLButtonElement>("#cancel");

let frames: Frame[] = [];
let playing: number | undefined;

function draw({ data, width, height }: Frame): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    image.data.set(data.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel);
    image.data[4 * pixel + 3] = 255;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

function play(fps: number): void {
  let index = 0;
  clearInterval(playing);
  playing = window.setInterval(() => {
    const frame = frames[index++ % frames.length];
    if (frame) draw(frame);
  }, 1000 / fps);
}

function show(reply: Reply): void {
  switch (reply.type) {
    case "ready":
      status.value = "Ready.";
      element<HTMLButtonElement>("#start").disabled = false;
      break;
    case "unavailable":
    case "failed":
      status.value = reply.message;
      break;
    case "progress":
      status.value = `Step ${reply.step} of ${reply.steps}`;
      if (reply.preview) draw(reply.preview);
      break;
    case "frame":
      frames[reply.index] = reply.frame;
      if (reply.index === reply.count - 1) play(reply.fps);
      break;
    case "done":
      status.value = `Done, seed ${reply.seed}.`;
  }
}

function connect(port: MessagePort): void {
  let id = 0;
  const send = (request: Request) => port.postMessage(request);
  port.onmessage = ({ data }: MessageEvent<Reply>) => {
    if (!("id" in data) || data.id === id) show(data);
  };
  form.onsubmit = async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const reference = new Uint8Array(await (fields.get("reference") as File).arrayBuffer());
    send({ type: "cancel", id });
    frames = [];
    clearInterval(playing);
    send({ type: "sample", id: ++id, prompt: String(fields.get("prompt")), reference });
  };
  cancel.onclick = () => send({ type: "cancel", id });
}

window.addEventListener("message", ({ data, ports: [port], source }) => {
  if (source !== window) return;
  if (data === "pipeline" && port) connect(port);
  if (data === "pipeline-ended") status.value = "The pipeline's process ended; open the window again.";
});
