import { createServer } from "node:net";

/*
 * A backend that a test stops with SIGSTOP or SIGKILL: it prints its port, reads nothing, and keeps what it accepts.
 * Its one argument is the backlog.
 */
const server = createServer({ pauseOnConnect: true }, (socket) => socket.on("error", () => {}));
server.listen({ port: 0, host: "127.0.0.1", backlog: Number(process.argv[2]) }, () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(address.port);
});
