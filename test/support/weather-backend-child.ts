import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";

/*
 * A backend that a test kills, stops and starts again: it prints its port, and answers every first chunk with its name
 * and the chunk. To a chunk that looks like HTTP it answers with status 200.
 * Its arguments: its name, host, port, backlog, and with TLS the files of certificate and key.
 */
const [, , name = "", host = "", port = "", backlog = "", cert, key] = process.argv;

const server: Server =
  cert === undefined || key === undefined
    ? createServer()
    : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
server.on(cert === undefined ? "connection" : "secureConnection", (socket) => {
  socket.on("error", () => {});
  socket.once("data", (chunk: Buffer) =>
    socket.end(
      chunk.toString().startsWith("GET ")
        ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        : `${name}: ${chunk}`,
    ),
  );
});
server.listen({ port: Number(port), host, backlog: Number(backlog) }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
