import type { PoolHttp } from "../../src/model/http/backend.ts";

/** As the configuration has it by default. */
export const poolHttp: PoolHttp = {
  version: "1.1",
  host: "keep",
  idle: 4_000,
  sharedIdle: 300_000,
  maxIdlePerBackend: 256,
  maxRequestsPerBackend: undefined,
  maxResponseHead: 65_536,
};
