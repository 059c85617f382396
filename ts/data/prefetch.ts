/**
 * Batches of what `make` gives for 0, 1, 2 ..., in order, without end. At most `limit` items, but one batch at least, are
 * being made or ready at a time; `onWait` is told how many seconds each batch was waited for.
 */
export async function* prefetch<T>(
  make: (index: number) => Promise<T>,
  { batch, limit, onWait }: { batch: number; limit: number; onWait: (seconds: number) => void },
): AsyncGenerator<T[], never> {
  const ahead: Promise<T>[] = [];
  let next = 0;
  const fill = () => {
    while (ahead.length < Math.max(limit, batch)) {
      const item = make(next++);
      // It is looked at when its turn comes, if ever.
      item.catch(() => {});
      ahead.push(item);
    }
  };
  for (;;) {
    const start = performance.now();
    fill();
    const items = await Promise.all(ahead.slice(0, batch));
    onWait((performance.now() - start) / 1000);
    ahead.splice(0, batch);
    fill();
    yield items;
  }
}
