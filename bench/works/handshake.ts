import { smallBytes, type Work } from "./work.ts";

export const handshake: Work = {
  name: "handshake",
  title: "new connection, full handshake, one request",
  mode: "tcp",
  unit: "connection",
  load: { path: "/small", responseBytes: smallBytes, uploadBytes: 0, connection: "new", clients: 16 },
  rate: 200,
};
