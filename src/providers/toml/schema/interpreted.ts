import * as z from "zod";

// Imported before the first schema is made, as that is when zod asks. Each schema is used once or twice in a process:
// compiling a parser for it costs more than it saves.
z.config({ jitless: true });
