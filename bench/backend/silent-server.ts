/** node silent-server.ts PORT: answers `/small`, and keeps everything else waiting. */
import { createServer } from "node:http";

const server = createServer({ keepAliveTimeout: 3_600_000 }, ({ url }, response) => {
  if (url === "/small") response.setHeader("Content-Length", 12).end("Hello, Umay!");
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
