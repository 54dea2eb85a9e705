import { freePorts } from "./free-ports.ts";

/** Variables that move `umay demo` to free ports. */
export async function demoEnvironment(): Promise<Record<string, string>> {
  const [listener, admin, ...backends] = await freePorts(5);
  return {
    UMAY__WORKERS: "1",
    UMAY__LISTENERS__ECHO__BIND: `127.0.0.1:${listener}`,
    UMAY__ADMIN__BIND: `127.0.0.1:${admin}`,
    UMAY__POOLS__ECHO__DISCOVERY__BACKENDS: JSON.stringify(backends.map((port) => `127.0.0.1:${port}`)),
  };
}
