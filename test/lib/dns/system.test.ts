import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHosts, parseResolvConf, readSystemNames, searchNames } from "../../../src/lib/dns/system.ts";

test("nameservers, search domains and ndots are read as resolv.conf(5) has them", () => {
  const text = `
# made by a machine
; the old one
nameserver 10.0.0.2
  nameserver\t2001:db8::53
nameserver fe80::1%eth0
nameserver 10.0.0.4
domain ignored.example
search Default.svc.cluster.local. svc.cluster.local
options timeout:1 ndots:5 edns0
nameservers 10.9.9.9
`;
  assert.deepEqual(parseResolvConf(text), {
    nameservers: ["10.0.0.2:53", "[2001:db8::53]:53", "[fe80::1%eth0]:53"],
    search: ["default.svc.cluster.local", "svc.cluster.local"],
    ndots: 5,
  });
});

test("of domain and search the last one counts, and ndots has its bound", () => {
  const { search, ndots } = parseResolvConf("search a b\ndomain c.example\noptions ndots:99\n");
  assert.deepEqual([search, ndots], [["c.example"], 15]);
});

test("without a good nameserver the one on this machine is asked", () => {
  const expected = { nameservers: ["127.0.0.1:53"], search: [], ndots: 1 };
  for (const text of ["", "nameserver\n", "nameserver dns.example\n", "nameserver 10.0.0\n"])
    assert.deepEqual(parseResolvConf(text), expected);
});

test("hosts files give a name all its addresses, whatever its case", () => {
  const hosts = parseHosts(
    "127.0.0.1\tlocalhost Localhost.\n::1 localhost ip6-localhost # loopback\n#10.0.0.1 no\nnonsense no\n10.0.0.5 DB db\n",
  );
  assert.deepEqual(Object.fromEntries(hosts), {
    localhost: ["127.0.0.1", "::1"],
    "ip6-localhost": ["::1"],
    db: ["10.0.0.5"],
  });
});

test("a name is tried in the search domains before or after it is tried as it is, by its dots", () => {
  const settings = { search: ["svc.local", "local"], ndots: 2 };
  const names = (name: string): string => searchNames(name, settings).join(" ");
  assert.equal(names("api"), "api.svc.local api.local api");
  assert.equal(names("api.prod"), "api.prod.svc.local api.prod.local api.prod");
  assert.equal(names("a.b.c"), "a.b.c a.b.c.svc.local a.b.c.local");
  assert.equal(names("API.prod."), "api.prod");
  assert.deepEqual(searchNames("echo", { search: [""], ndots: 0 }), ["echo"]);
});

test("this machine's files can be read", async () => {
  const { nameservers } = await readSystemNames();
  assert.ok(nameservers.length > 0);
});
