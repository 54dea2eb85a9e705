import type * as Http from "node:http";
import type * as Http2 from "node:http2";
import type * as Https from "node:https";

/*
 * Node's HTTP modules, loaded at first use and not as an ES module. An `import` reads every export of node:http, and
 * reading `http.WebSocket` loads undici: 45 ms of CPU time at start and 5 MiB in every process.
 */

export const http = (): typeof Http => process.getBuiltinModule("node:http");

export const https = (): typeof Https => process.getBuiltinModule("node:https");

export const http2 = (): typeof Http2 => process.getBuiltinModule("node:http2");
