/*
 * Requests that programs are known to read in different ways, or could. Each says how umay answers: a program behind it
 * must have read exactly the requests that were answered with 200, and nothing else.
 */

/** A payload: bytes (Latin-1), and the statuses of the answers to them, in their order. */
export interface Payload {
  readonly name: string;
  readonly bytes: string;
  readonly statuses: readonly number[];
}

const crlf = "\r\n";
const chunks = "5\r\nhello\r\n0\r\n\r\n";
/** A request that a lax program would find in the body or behind the end of another one. */
const smuggled = "GET /smuggled HTTP/1.1\r\nhost: a.example\r\n\r\n";
const chunkedField = "transfer-encoding: chunked";

function post(fields: readonly string[], rest: string, line = "POST /case HTTP/1.1"): string {
  return [line, "host: a.example", ...fields, "", rest].join(crlf);
}

const get = (fields: readonly string[], rest = "", line = "GET /case HTTP/1.1"): string =>
  post(fields, rest, line);
const body = (rest: string): string => post([chunkedField], rest);

type Row = readonly [name: string, bytes: string, ...statuses: number[]];

const lengths: readonly Row[] = [
  ["length and coding", post(["content-length: 6", chunkedField], `0\r\n\r\nG`), 400],
  ["coding and length", post([chunkedField, "content-length: 4"], chunks + smuggled), 400],
  ["a length of 0 and a coding", post(["content-length: 0", chunkedField], chunks), 400],
  ["the same length twice", post(["content-length: 5", "content-length: 5"], "hello"), 400],
  ["two lengths", post(["content-length: 0", "content-length: 46"], smuggled), 400],
  ["a list of lengths", post(["content-length: 5, 5"], "hello"), 400],
  ["a length with a plus", post(["content-length: +5"], "hello"), 400],
  ["a negative length", post(["content-length: -5"], "hello"), 400],
  ["a hexadecimal length", post(["content-length: 0x5"], "hello"), 400],
  ["a length with a fraction", post(["content-length: 5.0"], "hello"), 400],
  ["a length with a blank within", post(["content-length: 5 5"], "hello"), 400],
  ["a length with an underscore", post(["content-length: 1_0"], "hello"), 400],
  ["an empty length", post(["content-length:"], "hello"), 400],
  ["a length of 16 digits", post(["content-length: 0000000000000005"], "hello"), 400],
  ["a length beyond 64 bits", post(["content-length: 18446744073709551621"], "hello"), 400],
  ["a length with zeros in front", post(["content-length: 00005"], "hello"), 200],
  ["a length with blanks around it", post(["content-length: \t 5 \t"], "hello"), 200],
  ["a length with a blank before its colon", post(["content-length : 5"], "hello"), 400],
  ["a length in a folded line", post(["content-length:\r\n 5"], "hello"), 400],
  ["a length behind a NUL", post(["content-length: \x005"], "hello"), 400],
  ["a length whose name has an underscore", get(["content_length: 45"], smuggled), 200, 200],
  ["a length in the trailers", body(`5\r\nhello\r\n0\r\ncontent-length: 0\r\n\r\n`), 200],
  ["no length, and a body", post([], smuggled), 200, 200],
  ["a length, and a request behind the body", post(["content-length: 5"], `hello${smuggled}`), 200, 200],
  ["a length that is too short", post(["content-length: 3"], "hello"), 200, 400],
  ["a length that is too long", post(["content-length: 50"], "hello"), 400],
];

const codings: readonly Row[] = [
  ["a coding with an x before it", post(["transfer-encoding: xchunked"], chunks), 501],
  ["a coding with a blank before its colon", post(["transfer-encoding : chunked"], chunks), 400],
  ["a coding behind a tab", post(["transfer-encoding:\tchunked"], chunks), 200],
  ["a coding behind a vertical tab", post(["transfer-encoding: \x0bchunked"], chunks), 400],
  ["a coding before a vertical tab", post(["transfer-encoding: chunked\x0b"], chunks), 400],
  ["a coding before a NUL", post(["transfer-encoding: chunked\0"], chunks), 400],
  ["a coding in a folded line", post(["transfer-encoding:\r\n chunked"], chunks), 400],
  ["a coding behind a bare line feed", post(["x: y\ntransfer-encoding: chunked"], chunks), 400],
  ["a coding behind a bare carriage return", post(["x: y\rtransfer-encoding: chunked"], chunks), 400],
  ["a coding whose name ends in a line", post(["transfer-encoding\n: chunked"], chunks), 400],
  ["a coding in capitals", post(["TRANSFER-ENCODING: CHUNKED"], chunks), 200],
  ["a coding in quotes", post(['transfer-encoding: "chunked"'], chunks), 501],
  ["a coding with a parameter", post(["transfer-encoding: chunked;q=1"], chunks), 501],
  ["a coding with a comma before it", post(["transfer-encoding: ,chunked"], chunks), 501],
  ["a coding with a comma behind it", post(["transfer-encoding: chunked,"], chunks), 501],
  ["an empty coding", post(["transfer-encoding:"], chunks), 501],
  ["the coding identity", post(["transfer-encoding: identity"], chunks), 501],
  ["chunked, then identity", post(["transfer-encoding: chunked, identity"], chunks), 501],
  ["chunked twice in a list", post(["transfer-encoding: chunked, chunked"], chunks), 501],
  ["chunked twice", post([chunkedField, chunkedField], chunks), 400],
  ["chunked and identity in two fields", post([chunkedField, "transfer-encoding: identity"], chunks), 400],
  ["gzip, then chunked", post(["transfer-encoding: gzip, chunked"], chunks), 501],
  ["a coding in HTTP/1.0", post([chunkedField], chunks, "POST /case HTTP/1.0"), 400],
  ["a coding whose name has a blank", post(["transfer encoding: chunked"], chunks), 400],
  ["a coding whose name has another byte", post(["transfer-enc\xf6ding: chunked"], chunks), 400],
  [
    "a coding whose name has an underscore",
    post(["transfer_encoding: chunked", "content-length: 15"], chunks),
    200,
  ],
  ["a coding that Connection names", post([chunkedField, "connection: transfer-encoding"], chunks), 200],
  ["a content coding of that name", get(["content-encoding: chunked"], `0\r\n\r\n`), 200, 400],
];

const chunking: readonly Row[] = [
  ["a chunk with an extension", body("5;a=b\r\nhello\r\n0\r\n\r\n"), 200],
  ["a last chunk with an extension", body("5\r\nhello\r\n0;a\r\n\r\n"), 200],
  ["an extension with a line feed", body(`5;a\nhello\r\n0\r\n\r\n`), 400],
  ["an extension with a carriage return", body("5;a\rb\r\nhello\r\n0\r\n\r\n"), 400],
  ["an extension with quotes around a line's end", body('5;a="\r\nhello\r\n0\r\n\r\n'), 200],
  ["an extension that is too long", body(`5;${"a".repeat(1_100)}\r\nhello\r\n0\r\n\r\n`), 400],
  ["a size with a zero in front", body("005\r\nhello\r\n0\r\n\r\n"), 200],
  ["a size of 9 digits", body("000000005\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size beyond 32 bits", body("100000005\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size with 0x", body("0x5\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size with a plus", body("+5\r\nhello\r\n0\r\n\r\n"), 400],
  ["a negative size", body("-5\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size behind a blank", body(" 5\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size before a blank", body("5 \r\nhello\r\n0\r\n\r\n"), 400],
  ["a size before a line feed", body("5\nhello\r\n0\r\n\r\n"), 400],
  ["a size before two carriage returns", body("5\r\r\nhello\r\n0\r\n\r\n"), 400],
  ["no size", body("\r\nhello\r\n0\r\n\r\n"), 400],
  ["a size in capitals", body("A\r\n0123456789\r\n0\r\n\r\n"), 200],
  ["a chunk that is too long", body("3\r\nhello\r\n0\r\n\r\n"), 400],
  ["a chunk that ends in a line feed", body("5\r\nhello\n0\r\n\r\n"), 400],
  ["a chunk without an end", body("5\r\nhello0\r\n\r\n"), 400],
  ["a last chunk of two zeros", body("5\r\nhello\r\n00\r\n\r\n"), 200],
  ["a last chunk that ends in line feeds", body("5\r\nhello\r\n0\n\n"), 400],
  ["no last chunk", body("5\r\nhello\r\n"), 400],
  ["a last chunk without its empty line", body("5\r\nhello\r\n0\r\n"), 400],
  ["a request in place of trailers", body(`5\r\nhello\r\n0\r\n${smuggled}`), 400],
  ["a request behind the last chunk", body(chunks + smuggled), 200, 200],
  ["trailers", body("5\r\nhello\r\n0\r\nx: y\r\n\r\n"), 200],
  ["a coding in the trailers", body(`5\r\nhello\r\n0\r\n${chunkedField}\r\n\r\n`), 200],
  ["trailers with a line feed", body("5\r\nhello\r\n0\r\nx: y\n\r\n"), 400],
  ["a folded trailer", body("5\r\nhello\r\n0\r\nx: y\r\n z\r\n\r\n"), 400],
];

const lines: readonly Row[] = [
  ["two blanks before the target", get([], "", "GET  /case HTTP/1.1"), 400],
  ["two blanks behind the target", get([], "", "GET /case  HTTP/1.1"), 400],
  ["a tab in the line", get([], "", "GET\t/case HTTP/1.1"), 400],
  ["a blank in the target", get([], "", "GET /ca se HTTP/1.1"), 400],
  ["a blank behind the version", get([], "", "GET /case HTTP/1.1 "), 400],
  ["a blank before the method", get([], "", " GET /case HTTP/1.1"), 400],
  ["a version in small letters", get([], "", "GET /case http/1.1"), 400],
  ["version 1.2", get([], "", "GET /case HTTP/1.2"), 400],
  ["version 2.0", get([], "", "GET /case HTTP/2.0"), 505],
  ["version 0.9", "GET /case\r\n", 400],
  ["version 01.1", get([], "", "GET /case HTTP/01.1"), 400],
  ["an empty line before the first request", `\r\n${get([])}`, 400],
  ["an empty line before the next request", `${get([])}\r\n${smuggled}`, 200, 200],
  ["two empty lines before the next request", `${get([])}\r\n\r\n${smuggled}`, 200, 400],
  ["a line feed behind the line", "GET /case HTTP/1.1\nhost: a.example\r\n\r\n", 400],
  ["a line feed behind the head", "GET /case HTTP/1.1\r\nhost: a.example\r\n\n", 400],
  ["a carriage return in the line", get([], "", "GET /ca\rse HTTP/1.1"), 400],
  ["a NUL in the target", get([], "", "GET /ca\0se HTTP/1.1"), 400],
  ["another byte in the target", get([], "", "GET /ca\xe9se HTTP/1.1"), 400],
  ["a backslash in the target", get([], "", "GET /ca\\se HTTP/1.1"), 400],
  ["a fragment", get([], "", "GET /case#smuggled HTTP/1.1"), 400],
  ["the absolute form", get([], "", "GET http://a.example/case?q HTTP/1.1"), 200],
  ["the absolute form for another host", get([], "", "GET http://b.example/case HTTP/1.1"), 400],
  ["the absolute form with a user", get([], "", "GET http://b@a.example/case HTTP/1.1"), 400],
  ["another scheme", get([], "", "GET ftp://a.example/case HTTP/1.1"), 400],
  ["the authority form", get([], "", "CONNECT a.example:443 HTTP/1.1"), 405],
  ["a trace", get([], "", "TRACE /case HTTP/1.1"), 405],
  ["an asterisk", get([], "", "GET * HTTP/1.1"), 400],
  ["a path that leaves the root", get([], "", "GET /case/../../smuggled HTTP/1.1"), 400],
  ["an encoded path that leaves the root", get([], "", "GET /%2e%2e/smuggled HTTP/1.1"), 400],
  ["a path with encoded dots", get([], "", "GET /a/%2e%2E/case HTTP/1.1"), 200],
  ["an encoded NUL", get([], "", "GET /case%00 HTTP/1.1"), 400],
  ["a percent sign alone", get([], "", "GET /case%zz HTTP/1.1"), 400],
  ["encoded line ends", get([], "", "GET /case%0d%0aGET%20/smuggled HTTP/1.1"), 200],
  ["an encoded slash", get([], "", "GET /a%2fcase HTTP/1.1"), 200],
  ["two slashes", get([], "", "GET /a//case HTTP/1.1"), 200],
  ["parameters of a segment", get([], "", "GET /a;/../case HTTP/1.1"), 200],
  ["a query with a question mark", get([], "", "GET /case?/../?%0d%0a HTTP/1.1"), 200],
];

const fields: readonly Row[] = [
  ["no host", "GET /case HTTP/1.1\r\nx: y\r\n\r\n", 400],
  ["two hosts", get(["host: b.example"]), 400],
  ["two hosts that are the same", get(["host: a.example"]), 400],
  ["an empty host", "GET /case HTTP/1.1\r\nhost:\r\n\r\n", 400],
  ["a host with a blank", "GET /case HTTP/1.1\r\nhost: a.example b.example\r\n\r\n", 400],
  ["a list of hosts", "GET /case HTTP/1.1\r\nhost: a.example, b.example\r\n\r\n", 400],
  ["a host with a user", "GET /case HTTP/1.1\r\nhost: b@a.example\r\n\r\n", 400],
  ["a host with a path", "GET /case HTTP/1.1\r\nhost: a.example/smuggled\r\n\r\n", 400],
  ["a host with a blank before its colon", "GET /case HTTP/1.1\r\nhost : a.example\r\n\r\n", 400],
  ["a folded host", "GET /case HTTP/1.1\r\nhost:\r\n a.example\r\n\r\n", 400],
  ["a folded first field", `GET /case HTTP/1.1\r\n x: y\r\nhost: a.example\r\n\r\n`, 400],
  ["a field without a colon", get(["x"]), 400],
  ["a field without a name", get([": y"]), 400],
  ["a field with a NUL", get(["x: \0"]), 400],
  ["a field with DEL", get(["x: \x7f"]), 400],
  ["a field that hides another", get(["x: y\r\rtransfer-encoding: chunked"]), 400],
  [
    "Connection that names Content-Length",
    post(["content-length: 5", "connection: content-length"], "hello"),
    400,
  ],
  ["Connection that names Host", get(["connection: close, host"]), 400],
  ["Connection that names X-Forwarded-For", get(["connection: x-forwarded-for"]), 400],
  ["Connection that names a field of no weight", get(["connection: keep-alive, x", "x: y"]), 200],
  [
    "an upgrade to HTTP/2",
    get(["connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMA"]),
    200,
  ],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["another expectation", post(["expect: 200-ok", "content-length: 5"], "hello"), 417],
  ["an expectation, and the body at once", post(["expect: 100-continue", "content-length: 5"], "hello"), 200],
  ["an expectation without a body", get(["expect: 100-continue"]), 200],
  ["GET with a body", get([`content-length: ${smuggled.length}`], smuggled), 200],
  ["GET with a body in chunks", get([chunkedField], chunks), 200],
  ["DELETE with a body in chunks", post([chunkedField], chunks, "DELETE /case HTTP/1.1"), 200],
  ["HEAD with a body", post(["content-length: 5"], "hello", "HEAD /case HTTP/1.1"), 200],
  ["three requests at once", get([]) + post(["content-length: 5"], "hello") + smuggled, 200, 200, 200],
  ["a bad one behind a good one", `${get([])}GET /case HTTP/1.1\r\n\r\n${smuggled}`, 200, 400],
];

export const payloads: readonly Payload[] = [...lengths, ...codings, ...chunking, ...lines, ...fields].map(
  ([name, bytes, ...statuses]) => ({ name, bytes, statuses }),
);
