import { after, before, mock } from "node:test";

let isMocked = false;

/** For tests with sockets that a test moves: those that linger do so by a timer, which the test moves as well. */
export function mockLingering(): void {
  if (isMocked) return;
  isMocked = true;
  before(() => mock.timers.enable({ apis: ["setInterval"] }));
  after(() => mock.timers.reset());
}

/** Lets as much time pass as a socket lingers at most. */
export function lingerToTheEnd(): void {
  mock.timers.tick(2_000);
}
