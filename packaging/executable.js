// The first module of the single executable, at the root of the files in it.
import module from "node:module";

module.enableCompileCache();
void import("./dist/cli/main.js");
