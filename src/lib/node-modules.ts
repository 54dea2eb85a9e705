import type * as Http from "node:http";

/*
 * Node's HTTP module, loaded at first use and not as an ES module. An `import` reads every export of node:http, and
 * reading `http.WebSocket` loads undici: 45 ms of CPU time at start and 5 MiB in every process.
 */

export const http = (): typeof Http => process.getBuiltinModule("node:http");
