import { after } from "node:test";
import { noteCost } from "./costs.ts";
import { patient } from "./patience.ts";

/** Loaded into the process of every test file, see `run.ts`. */

const longest = patient(20_000);

/** When its tests are over, a process ends by itself. One that does not has a test that did not clean up. */
after(() => {
  // With a handle that was lost, as `resetAndDestroy` loses one whose end is on its way, Node would tear its environment
  // down for ever, and could not be ended but with SIGKILL. This leaves that out; and as it leaves out the listeners
  // after it, too, which clean up, it comes last.
  process.on("exit", (code) => {
    noteCost();
    process.exit(code);
  });
  setTimeout(() => {
    const left = [...new Set(process.getActiveResourcesInfo())].join(", ");
    console.error(`${process.argv[1]}: its tests are over, but something of them still runs: ${left}`);
    process.exit(1);
  }, longest).unref();
});
