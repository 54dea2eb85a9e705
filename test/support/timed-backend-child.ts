import { TimedBackend } from "./timed-backend.ts";

/* A `TimedBackend` that a test kills; it prints its port. Its argument: how long an answer takes, in milliseconds. */
const { port } = await TimedBackend.start({ takes: Number(process.argv[2]) });
console.log(port);
