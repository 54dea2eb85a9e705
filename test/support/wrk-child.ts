import { execFileSync } from "node:child_process";

/*
 * Runs wrk against a URL for so many seconds, and prints one line: how many requests were answered, and what it says of
 * errors, which is nothing where there were none.
 */
const [url = "", seconds = ""] = process.argv.slice(2);
const report = execFileSync("wrk", ["-t1", "-c32", `-d${seconds}s`, url], { encoding: "utf8" });
const requests = Number(/(\d+) requests in/.exec(report)?.[1]);
const errors = report.split("\n").filter((line) => /errors|Non-2xx/.test(line));
console.log(JSON.stringify({ requests, errors: errors.join(" ").trim() }));
