import { smallBytes, type Work } from "./work.ts";

export const resume: Work = {
  name: "resume",
  title: "new connection, resumed session, one request",
  mode: "tcp",
  unit: "connection",
  load: { path: "/small", responseBytes: smallBytes, uploadBytes: 0, connection: "resumed", clients: 16 },
  rate: 200,
};
