import { getEventListeners } from "node:events";
import { test } from "tap";
import { Turns } from "#ts/turns.js";

/** A promise and what resolves it. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

test("those that wait go in the order of their tickets, however late they come", async (t) => {
  const turns = new Turns();
  const done: number[] = [];
  const [first, second, third, fourth] = [0, 1, 2, 3];
  const { open, opened } = gate();
  const take = (ticket: number, until = Promise.resolve()) =>
    turns.take(ticket, undefined, async () => {
      await until;
      done.push(ticket);
    });
  const taken = [take(second, opened), take(fourth), take(third)];
  t.strictSame(done, []);
  open();
  await Promise.all(taken);
  await take(first);
  t.strictSame(done, [second, third, fourth, first], "the first held up none");
});

test("one that fails passes the turn on, and its error is its own", async (t) => {
  const turns = new Turns();
  const failing = turns.take(0, undefined, async () => {
    throw new RangeError("mine");
  });
  const next = turns.take(1, undefined, async () => 7);
  await t.rejects(failing, new RangeError("mine"));
  t.equal(await next, 7);
});

test("one that is aborted while it waits leaves at once, and its work is never done", async (t) => {
  const turns = new Turns();
  const { open, opened } = gate();
  const running = turns.take(0, undefined, () => opened);
  const controller = new AbortController();
  let worked = false;
  const waiting = turns.take(1, controller.signal, async () => {
    worked = true;
  });
  const next = turns.take(2, undefined, async () => "next");
  const reason = new Error("enough");
  controller.abort(reason);
  await t.rejects(waiting, { code: "ERR_ABORTED", cause: reason });
  open();
  await running;
  t.equal(await next, "next");
  t.notOk(worked);
});

test("many wait for one signal with one listener", async (t) => {
  const turns = new Turns();
  const { signal } = new AbortController();
  const { open, opened } = gate();
  const taken = Array.from({ length: 20 }, (_, ticket) => turns.take(ticket, signal, () => opened));
  t.equal(getEventListeners(signal, "abort").length, 1);
  open();
  await Promise.all(taken);
  t.equal(getEventListeners(signal, "abort").length, 0);
});
