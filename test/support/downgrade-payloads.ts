import { data, get, headers, type Pairs } from "../http/http2/wire.ts";

/*
 * Requests of HTTP/2 that would become another request, or two, where somebody only wrote them down as HTTP/1.1. Each says
 * how umay answers on its stream, which is the first, and what the backend reads; where it says nothing, nothing.
 */

/** A payload. `reset`: the stream is reset. */
export interface Downgrade {
  readonly name: string;
  readonly frames: Buffer;
  readonly outcome: number | "reset";
  /** `METHOD /path BYTES`. */
  readonly read: readonly string[];
}

const crlf = "\r\n";
/** A request that a backend would find in a body whose end it sees elsewhere. */
const smuggled = "GET /smuggled HTTP/1.1\r\nhost: a.example\r\n\r\n";

const base: Pairs = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/case"],
  [":authority", "a.example"],
];
const without = (name: string, ...more: Pairs): Pairs => [...base.filter(([each]) => each !== name), ...more];
const having = (...more: Pairs): Pairs => [...base, ...more];

type Row = readonly [name: string, pairs: Pairs, body: string | undefined, outcome: number | "reset"];

const fields: readonly Row[] = [
  ["a line's end in a value", having(["x", `a${crlf}x-smuggled: 1`]), undefined, "reset"],
  ["two lines' ends in a value", having(["x", `a${crlf}${crlf}${smuggled}`]), undefined, "reset"],
  ["a line feed in a value", having(["x", "a\ntransfer-encoding: chunked"]), smuggled, "reset"],
  ["a carriage return in a value", having(["x", "a\rb"]), undefined, "reset"],
  ["NUL in a value", having(["x", "a\0b"]), undefined, "reset"],
  ["a line's end in a cookie", having(["cookie", `a=b${crlf}x: y`]), undefined, "reset"],
  ["a line's end in a name", having([`x${crlf}host`, "b.example"]), undefined, "reset"],
  ["a colon in a name", having(["transfer-encoding: chunked\r\nx", "y"]), smuggled, "reset"],
  ["a name with a colon alone", having(["host:", "b.example"]), undefined, "reset"],
  ["a name that begins with a colon", having([":host", "b.example"]), undefined, "reset"],
  ["a blank in a name", having(["transfer-encoding ", "chunked"]), smuggled, "reset"],
  ["a name in capitals", having(["Transfer-Encoding", "chunked"]), smuggled, "reset"],
  ["a name with one capital", having(["content-Length", "0"]), smuggled, "reset"],
  ["an empty name", having(["", "x"]), undefined, "reset"],
  ["a name with another byte", having(["transfer-enc\xf6ding", "chunked"]), smuggled, "reset"],
  ["a value with a blank before it", having(["x", " y"]), undefined, "reset"],
  ["an underscore in a name", having(["transfer_encoding", "chunked"]), smuggled, 200],
];

const framing: readonly Row[] = [
  ["a coding", having(["transfer-encoding", "chunked"]), `0${crlf}${crlf}${smuggled}`, "reset"],
  ["another coding", having(["transfer-encoding", "xchunked"]), smuggled, "reset"],
  [
    "a coding beside a length",
    having(["transfer-encoding", "chunked"], ["content-length", "5"]),
    "hello",
    "reset",
  ],
  ["the same length twice", having(["content-length", "5"], ["content-length", "5"]), "hello", "reset"],
  ["two lengths", having(["content-length", "0"], ["content-length", "45"]), smuggled, "reset"],
  ["a list of lengths", having(["content-length", "5, 5"]), "hello", "reset"],
  ["a length with a plus", having(["content-length", "+5"]), "hello", "reset"],
  ["a hexadecimal length", having(["content-length", "0x5"]), "hello", "reset"],
  ["an empty length", having(["content-length", ""]), "hello", "reset"],
  ["a length beyond 64 bits", having(["content-length", "18446744073709551621"]), "hello", "reset"],
  ["a length of 0 and data", having(["content-length", "0"]), smuggled, "reset"],
  ["a length that is too short", having(["content-length", "4"]), "hello", "reset"],
  ["a length and no data", having(["content-length", "5"]), undefined, "reset"],
  ["a length with zeros in front", having(["content-length", "00005"]), "hello", 200],
  ["a length that is right", having(["content-length", "5"]), "hello", 200],
  ["no length, and a request as the body", base, smuggled, 200],
  ["no length, and chunks as the body", base, `0${crlf}${crlf}${smuggled}`, 200],
  ["Connection", having(["connection", "content-length"], ["content-length", "5"]), "hello", "reset"],
  ["Connection that is kept", having(["connection", "keep-alive"]), undefined, "reset"],
  ["Keep-Alive", having(["keep-alive", "timeout=5"]), undefined, "reset"],
  ["Proxy-Connection", having(["proxy-connection", "keep-alive"]), undefined, "reset"],
  ["Upgrade", having(["upgrade", "h2c"], ["http2-settings", ""]), undefined, "reset"],
  ["TE", having(["te", "trailers, chunked"]), undefined, "reset"],
  ["TE for trailers", having(["te", "trailers"]), undefined, 200],
];

const starts: readonly Row[] = [
  [
    "a request line as the path",
    without(":path", [":path", `/case HTTP/1.1${crlf}x: y`]),
    undefined,
    "reset",
  ],
  ["a blank in the path", without(":path", [":path", "/ca se"]), undefined, "reset"],
  ["a line feed in the path", without(":path", [":path", "/ca\nse"]), undefined, "reset"],
  ["a tab in the path", without(":path", [":path", "/ca\tse"]), undefined, "reset"],
  ["another byte in the path", without(":path", [":path", "/ca\xe9se"]), undefined, "reset"],
  ["a path without a slash", without(":path", [":path", "case"]), undefined, "reset"],
  ["a whole URI as the path", without(":path", [":path", "http://b.example/case"]), undefined, "reset"],
  ["an empty path", without(":path", [":path", ""]), undefined, "reset"],
  ["* as the path", without(":path", [":path", "*"]), undefined, "reset"],
  ["a fragment in the path", without(":path", [":path", "/case#x"]), undefined, 400],
  ["a backslash in the path", without(":path", [":path", "/ca\\se"]), undefined, 400],
  ["a path that leaves the root", without(":path", [":path", "/../case"]), undefined, 400],
  ["two paths", having([":path", "/smuggled"]), undefined, "reset"],
  ["no path", without(":path"), undefined, "reset"],
  [
    "a request line as the method",
    without(":method", [":method", "GET /smuggled HTTP/1.1\r\nx: y\r\n"]),
    undefined,
    "reset",
  ],
  ["a blank in the method", without(":method", [":method", "GET /smuggled"]), undefined, "reset"],
  ["an empty method", without(":method", [":method", ""]), undefined, "reset"],
  ["two methods", having([":method", "GET"]), undefined, "reset"],
  [
    "CONNECT",
    [
      [":method", "CONNECT"],
      [":authority", "a.example:80"],
    ],
    undefined,
    405,
  ],
  ["a scheme with a path", without(":scheme", [":scheme", "http://b.example/?"]), undefined, "reset"],
  ["a line's end in the scheme", without(":scheme", [":scheme", `http${crlf}x: y`]), undefined, "reset"],
  ["a status", having([":status", "200"]), undefined, "reset"],
  ["a pseudo-field behind a field", [["x", "y"], ...base], undefined, "reset"],
];

const hosts: readonly Row[] = [
  ["another host", having(["host", "b.example"]), undefined, 400],
  ["another host, and a body", having(["host", "b.example"]), smuggled, 400],
  ["another port", having(["host", "a.example:8080"]), undefined, 400],
  ["the same host", having(["host", "a.example"]), undefined, 200],
  ["the same host in capitals, with the scheme's port", having(["host", "A.EXAMPLE:80"]), undefined, 200],
  ["a host alone", without(":authority", ["host", "a.example"]), undefined, 200],
  ["two hosts", without(":authority", ["host", "a.example"], ["host", "b.example"]), undefined, 400],
  ["no host", without(":authority"), undefined, 400],
  ["an empty authority", without(":authority", [":authority", ""]), undefined, 400],
  ["two authorities", having([":authority", "b.example"]), undefined, "reset"],
  [
    "a line's end in the authority",
    without(":authority", [":authority", `a.example${crlf}x: y`]),
    undefined,
    "reset",
  ],
  ["a blank in the authority", without(":authority", [":authority", "a.example b"]), undefined, 400],
  ["a path in the authority", without(":authority", [":authority", "a.example/smuggled"]), undefined, 400],
  ["a user in the authority", without(":authority", [":authority", "b@a.example"]), undefined, 400],
  ["a query in the authority", without(":authority", [":authority", "a.example?x"]), undefined, 400],
  ["no number as the port", without(":authority", [":authority", "a.example:80x"]), undefined, 400],
];

const flagEnd = 0x1;
const [endHeaders, endAll] = [0x4, 0x5];

const downgradeOf = ([name, pairs, body, outcome]: Row): Downgrade => ({
  name,
  frames:
    body === undefined
      ? headers(1, pairs, endAll)
      : Buffer.concat([headers(1, pairs, endHeaders), data(1, body, flagEnd)]),
  outcome,
  read: outcome === 200 ? [`POST /case ${body?.length ?? 0}`] : [],
});

const withTrailers = (name: string, trailers: Pairs, outcome: 200 | "reset"): Downgrade => ({
  name,
  frames: Buffer.concat([headers(1, base, endHeaders), data(1, "hello", 0), headers(1, trailers, endAll)]),
  outcome,
  read: outcome === 200 ? ["POST /case 5"] : [],
});

export const downgrades: readonly Downgrade[] = [
  ...[...fields, ...framing, ...starts, ...hosts].map(downgradeOf),
  withTrailers("trailers", [["x", "y"]], 200),
  withTrailers("a coding in the trailers", [["transfer-encoding", "chunked"]], "reset"),
  withTrailers("a length in the trailers", [["content-length", "0"]], 200),
  withTrailers("a line's end in the trailers", [["x", `y${crlf}${crlf}${smuggled}`]], "reset"),
  withTrailers("a capital in the trailers", [["X", "y"]], "reset"),
  withTrailers("a pseudo-field in the trailers", [[":path", "/smuggled"]], "reset"),
  {
    name: "more data than the length",
    frames: Buffer.concat([
      headers(1, having(["content-length", "5"]), endHeaders),
      data(1, `hello${smuggled}`, flagEnd),
    ]),
    outcome: "reset",
    read: [],
  },
  {
    name: "a second head behind the data",
    frames: Buffer.concat([
      headers(1, base, endHeaders),
      data(1, "hello", 0),
      headers(1, get, endHeaders),
      data(1, "", flagEnd),
    ]),
    outcome: "reset",
    read: [],
  },
];
