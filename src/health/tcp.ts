import type { TcpCheckSpec } from "../model/health.ts";
import { exchange, type HealthCheck } from "./check.ts";
import { createDial } from "./dial.ts";

/** Passed as soon as the connection is established. The kernel also accepts for a process that hangs. */
export function createTcpCheck(spec: TcpCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return { check: (target, done) => exchange(dial, target, done, ({ pass }) => ({ ready: pass })) };
}
