import { smallBytes, type Work } from "./work.ts";

export const small: Work = {
  name: "small",
  title: "12 B responses, keep-alive",
  mode: "tcp",
  unit: "request",
  load: { path: "/small", responseBytes: smallBytes, uploadBytes: 0, connection: "kept", clients: 16 },
  rate: 3000,
};
