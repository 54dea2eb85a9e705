import { patient } from "../support/patience.ts";

/** The keys that every check has, for one that is to pass or fail by itself and not by its timeout. */
export const timing = {
  interval: 1000,
  timeout: patient(1000),
  rise: 2,
  fall: 3,
  address: undefined,
  port: undefined,
  proxyProtocol: undefined,
} as const;
