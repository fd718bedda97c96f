/** Lets a worker begin with what needs no leave, and wait for it where it does, without another trip between threads. */

const CLOSED = 0;
const OPEN = 1;
const SHUT_FOR_GOOD = 2;

/** Crosses to the worker. */
export type Gate = Int32Array<SharedArrayBuffer>;

/** A gate that opens when `leave` resolves; when it rejects, whoever waits is sent away. */
export function gateFor(leave: Promise<unknown>): Gate {
  const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const set = (state: number) => {
    Atomics.store(gate, 0, state);
    Atomics.notify(gate, 0);
  };
  leave.then(
    () => set(OPEN),
    () => set(SHUT_FOR_GOOD),
  );
  return gate;
}

/** Blocks the worker's thread. @throws Error when leave was refused */
export function pass(gate: Gate): void {
  Atomics.wait(gate, 0, CLOSED);
  if (Atomics.load(gate, 0) !== OPEN) throw new Error('no leave was given');
}
