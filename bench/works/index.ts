import { bulk } from "./bulk.ts";
import { handshake } from "./handshake.ts";
import { httpWorks } from "./http.ts";
import { medium } from "./medium.ts";
import { resume } from "./resume.ts";
import { small } from "./small.ts";
import { upload } from "./upload.ts";
import type { Work } from "./work.ts";

export const works: readonly Work[] = [bulk, medium, small, handshake, resume, upload, ...httpWorks];
