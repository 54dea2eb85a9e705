import * as z from "zod";

// Import this before the first schema is made, because zod asks then. A schema is used once or twice in a process, so
// compiling a parser for it costs more than it saves.
z.config({ jitless: true });
