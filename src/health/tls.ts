import type { TlsCheckSpec } from "../model/health.ts";
import { exchange, type HealthCheck } from "./check.ts";
import { createDial } from "./dial.ts";

/** Passed when the handshake is done and, where it is verified, the certificate is good. */
export function createTlsCheck(spec: TlsCheckSpec): HealthCheck {
  const dial = createDial(spec);
  return { check: (target, done) => exchange(dial, target, done, ({ pass }) => ({ ready: pass })) };
}
