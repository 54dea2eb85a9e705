import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../../src/providers/provider.ts";
import { loadConfigText } from "../../../src/providers/toml/load.ts";

async function load(access: string) {
  const text = `[log.access]\nfile = "a.log"\n${access}\n[listeners.a]\nbind = "127.0.0.1:1"\nmode = "http"\n[routes.r]\nrespond = {}\n`;
  try {
    const { model } = await loadConfigText(text, { name: "umay.toml", directory: "/", env: {} });
    return { access: model.log.access, problems: "" };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { access: undefined, problems: error.problems.map(({ message }) => message).join("\n") };
  }
}

test("a template becomes parts, and the fields that it names are read", async () => {
  const { access } = await load(
    'format = "template"\ntemplate = "{client} {request.User-Agent}|{response.age}{trailer.Etag}{trailer.etag}"',
  );
  assert.deepEqual(access, {
    file: "/a.log",
    format: {
      kind: "text",
      parts: [
        { field: "client" },
        " ",
        { request: "user-agent" },
        "|",
        { response: "age" },
        { trailer: "etag" },
        { trailer: "etag" },
      ],
    },
    requestFields: ["user-agent"],
    responseFields: ["age"],
    trailerFields: ["etag"],
  });
});

test("check finds a folder that is not there, as a start would", async () => {
  const text =
    '[log]\naccess.file = "none/a.log"\n[listeners.a]\nbind = "127.0.0.1:1"\nmode = "http"\n[routes.r]\nrespond = {}\n';
  await assert.rejects(
    loadConfigText(text, { name: "umay.toml", directory: "/", env: {} }),
    /log\.access\.file: the folder \/none does not exist; make it/,
  );
});

for (const [what, text, expected] of [
  ["an unknown name", 'format = "template"\ntemplate = "{clint}"', /"clint" is nothing that is known/],
  ["a secret in a template", 'format = "template"\ntemplate = "{request.Cookie}"', /may have a secret/],
  ["a secret field", 'request_fields = ["X-Api-Key"]', /may have a secret/],
  ["a template that is missing", 'format = "template"', /is missing/],
  ["a template that has no effect", 'template = "x"', /needs format = "template"/],
  ["fields that have no effect", 'format = "common"\nrequest_fields = ["accept"]', /needs format = "json"/],
] as const)
  test(`check finds ${what}`, async () => assert.match((await load(text)).problems, expected));
