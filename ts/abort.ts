/** What waits for each signal to be aborted. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once `signal` is aborted, or now where it is already. The returned function ends the waiting.
 *
 * However many wait for a signal, it gets one listener: Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    callback();
    return () => {};
  }
  const callbacks = waiting.get(signal) ?? listen(signal);
  // Its own function, so that the same callback may wait twice.
  const entry = () => callback();
  callbacks.add(entry);
  return () => {
    if (callbacks.delete(entry) && callbacks.size === 0) stopListening(signal);
  };
}

const listeners = new WeakMap<AbortSignal, () => void>();

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  const listener = () => {
    stopListening(signal);
    for (const callback of callbacks) callback();
  };
  waiting.set(signal, callbacks);
  listeners.set(signal, listener);
  signal.addEventListener("abort", listener, { once: true });
  return callbacks;
}

function stopListening(signal: AbortSignal): void {
  const listener = listeners.get(signal);
  if (listener) signal.removeEventListener("abort", listener);
  listeners.delete(signal);
  waiting.delete(signal);
}
