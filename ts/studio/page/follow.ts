import type { StudioEvent } from "../protocol.js";
import { authorization } from "./token.js";

const retryMs = 1000;

/**
 * Follows the server's events for as long as the page is open, and connects again when the connection breaks; ends when the
 * server refuses. `EventSource` would do so too, and can't send the token.
 */
export async function follow(
  onEvent: (event: StudioEvent) => void,
  onConnection: (state: "open" | "lost" | "refused") => void,
): Promise<void> {
  for (;;) {
    const answer = await fetch("api/events", { headers: authorization }).catch(() => undefined);
    if (answer?.status === 401 || answer?.status === 403) return onConnection("refused");
    if (answer?.ok && answer.body) {
      onConnection("open");
      await readEvents(answer.body, onEvent).catch(() => {});
    }
    onConnection("lost");
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** Reads lines such as `data: {...}`, with an empty one behind each event. */
async function readEvents(
  body: ReadableStream<Uint8Array>,
  onEvent: (event: StudioEvent) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (text + decoder.decode(part.value, { stream: true })).split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) if (event.startsWith("data: ")) onEvent(JSON.parse(event.slice(6)));
  }
}
