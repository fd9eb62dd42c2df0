/** Secrets are found and masked, and nothing else is; every line stays where it is. */

import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { MASK, Masker } from "../src/masking/masker.js";
import { handlingOf, maskGzip, TextMasker } from "../src/masking/stream.js";

function mask(text: string): { text: string; masked: number } {
  const masker = new TextMasker();
  const out = Buffer.concat([masker.push(Buffer.from(text)), masker.end()]).toString();
  expect(out.split("\n")).toHaveLength(text.split("\n").length);
  return { text: out, masked: masker.masked };
}
const lines = (...text: string[]) => mask(text.join("\n")).text.split("\n");

test("routers' configurations", () => {
  expect(
    lines(
      " neighbor 192.0.2.1 password s3cret",
      " neighbor 192.0.2.1 remote-as 64512",
      "enable password 8 WuN0iOEsh./0U",
      "password plain",
      " ip ospf authentication-key abc",
      " ip ospf message-digest-key 1 md5 abc",
      "  key-string abc",
      "snmp-server community public",
      "  isis password clear abc",
      " neighbor 192.0.2.1 password s3cret\r",
    ),
  ).toEqual([
    " neighbor 192.0.2.1 password <masked>",
    " neighbor 192.0.2.1 remote-as 64512",
    "enable password 8 <masked>",
    "password <masked>",
    " ip ospf authentication-key <masked>",
    " ip ospf message-digest-key 1 md5 <masked>",
    "  key-string <masked>",
    "snmp-server community <masked>",
    "  isis password clear <masked>",
    " neighbor 192.0.2.1 password <masked>\r",
  ]);
});

test("keys of YAML, with what only looks like one", () => {
  expect(
    lines(
      "password: hunter2",
      'bgpPassword: "hunter 2"',
      "- token: abc",
      "  client-key-data: LS0tLS1C",
      "client-certificate-data: LS0tLS1C",
      "passwordSecret:",
      "  name: bgp-secret",
      "automountServiceAccountToken: false",
      "password: ''",
      "secretName: my-secret",
      "token: |",
      "  first",
      "",
      "  second",
      "next: 1",
      "- name: DB_PASSWORD",
      "  value: hunter2",
      "- name: COLOUR",
      "  value: red",
      "dbPassword: 12345",
    ),
  ).toEqual([
    "password: <masked>",
    'bgpPassword: "<masked>"',
    "- token: <masked>",
    "  client-key-data: <masked>",
    "client-certificate-data: LS0tLS1C",
    "passwordSecret:",
    "  name: bgp-secret",
    "automountServiceAccountToken: false",
    "password: ''",
    "secretName: my-secret",
    "token: |",
    "  <masked>",
    "",
    "  <masked>",
    "next: 1",
    "- name: DB_PASSWORD",
    "  value: <masked>",
    "- name: COLOUR",
    "  value: red",
    "dbPassword: <masked>",
  ]);
});

test("Secrets of Kubernetes: their data, wherever kind stands, and no ConfigMap's", () => {
  const list = (kind: string) => [
    "- apiVersion: v1",
    "  data:",
    "    tls.crt: Zm9v",
    "    any: Zm9v",
    `  kind: ${kind}`,
    "  metadata:",
    "    name: x",
  ];
  expect(lines("apiVersion: v1", "items:", ...list("Secret"), ...list("ConfigMap"), "kind: List").join("\n")).toMatchInlineSnapshot(`
    "apiVersion: v1
    items:
    - apiVersion: v1
      data:
        tls.crt: <masked>
        any: <masked>
      kind: Secret
      metadata:
        name: x
    - apiVersion: v1
      data:
        tls.crt: Zm9v
        any: Zm9v
      kind: ConfigMap
      metadata:
        name: x
    kind: List"
  `);
  expect(
    lines(
      "kind: Secret",
      "stringData:",
      "  a: plain",
      "  b: |",
      "    more",
      "type: Opaque",
      "---",
      "kind: ConfigMap",
      "data:",
      "  a: plain",
    ),
  ).toEqual([
    "kind: Secret",
    "stringData:",
    "  a: <masked>",
    "  b: |",
    "    <masked>",
    "type: Opaque",
    "---",
    "kind: ConfigMap",
    "data:",
    "  a: plain",
  ]);
  const secret = { apiVersion: "v1", data: { a: "Zm9v", "tls.key": "YmFy" }, kind: "Secret", metadata: { name: "x" } };
  const config = { apiVersion: "v1", data: { a: "Zm9v" }, kind: "ConfigMap", metadata: { name: "y" } };
  const masked = { ...secret, data: { a: MASK, "tls.key": MASK } };
  for (const indent of [0, 2, 4])
    expect(JSON.parse(mask(JSON.stringify({ kind: "List", items: [secret, config] }, null, indent)).text)).toEqual({
      kind: "List",
      items: [masked, config],
    });
});

test("JSON on a line, values with quotes, JSON within strings", () => {
  const inner = JSON.stringify({ spec: { password: 'a"b', port: 1 } });
  const value = { password: 'x"y', port: 80, "last-applied": inner, env: [{ name: "API_TOKEN", value: "t" }] };
  const out = JSON.parse(mask(JSON.stringify(value)).text);
  expect(out).toMatchObject({ password: MASK, port: 80, env: [{ name: "API_TOKEN", value: MASK }] });
  expect(out["last-applied"]).toBe('{"spec":{"password":"<masked>","port":1}}');
});

test("private keys, tokens by their form, credentials in addresses and options", () => {
  const jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
  expect(
    lines(
      "-----BEGIN RSA PRIVATE KEY-----",
      "MIIEpAIBAAKCAQEA",
      "-----END RSA PRIVATE KEY-----",
      "-----BEGIN CERTIFICATE-----",
      "MIIEpAIBAAKCAQEA",
      "-----END CERTIFICATE-----",
      `Authorization: Bearer ${jwt}`,
      `x ${jwt} y`,
      "https://user:pa55@registry.example/v2",
      "curl --token abcdef --max-time 5",
      "PGPASSWORD=hunter2 psql",
      "DB_PASSWORD=$DB_PASSWORD",
      "root:$6$rounds=5000$saltsalt$hashhashhash:19000:0:99999:7:::",
      "oauth sha256~abcdefghijklmnopqrstuvwxyz",
      "        enc cbc(aes) 0x0123456789abcdef0123456789abcdef",
      "  private key: aGVsbG8gd29ybGQgaGVsbG8gd29ybGQgaGVsbG8gd28=",
    ),
  ).toEqual([
    "-----BEGIN RSA PRIVATE KEY-----",
    "<masked>",
    "-----END RSA PRIVATE KEY-----",
    "-----BEGIN CERTIFICATE-----",
    "MIIEpAIBAAKCAQEA",
    "-----END CERTIFICATE-----",
    "Authorization: <masked>",
    "x <masked> y",
    "https://user:<masked>@registry.example/v2",
    "curl --token <masked> --max-time 5",
    "PGPASSWORD=<masked> psql",
    "DB_PASSWORD=$DB_PASSWORD",
    "root:<masked>:19000:0:99999:7:::",
    "oauth <masked>",
    "        enc cbc(aes) <masked>",
    "  private key: <masked>",
  ]);
});

test("what a device prints and no secret is in comes back byte for byte", () => {
  const text = [
    " cookie=0x93f7000b, duration=12.3s, table=21, n_packets=4, priority=120,tcp,reg14=0x2,tun_key=0x5 actions=ct(commit,zone=NXM_NX_REG13[0..15],nat(dst=10.0.0.1:80)),load:0x1->NXM_NX_TUN_ID[]",
    "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000",
    '-A KUBE-SVC-X -m comment --comment "default/token-service:http" -j KUBE-SEP-Y',
    "*>i10.0.0.0/8   192.0.2.1   0  100  0 64512 i",
    '_uuid : 5b5f7b3c-0000-4000-8000-000000000001\nname : "k8s_tls"',
    '{"Logical_Flow":{"columns":{"match":{"type":"string"},"actions":{"type":"string"}}}}',
    "Ümläut \xe9 \t\r",
    "",
  ].join("\n");
  expect(mask(text)).toEqual({ text, masked: 0 });
});

test("text comes in pieces of any size", () => {
  const text = "a: 1\r\npassword: hunter2\r\ndata:\n  k: v\nkind: Secret\n-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n";
  const whole = mask(text).text;
  for (const size of [1, 2, 3, 7]) {
    const masker = new TextMasker();
    const out: Buffer[] = [];
    for (let at = 0; at < text.length; at += size) out.push(masker.push(Buffer.from(text.slice(at, at + size))));
    out.push(masker.end());
    expect(Buffer.concat(out).toString()).toBe(whole);
  }
});

test("a gzip file is masked within; archives, binaries and bombs are not taken", () => {
  const packed = maskGzip(gzipSync("password: x\n"), 1000)!;
  expect([gunzipSync(packed.bytes).toString(), packed.masked]).toEqual(["password: <masked>\n", 1]);
  expect(maskGzip(gzipSync(Buffer.alloc(5000)), 1000)).toBe(null);
  expect(maskGzip(gzipSync("\0\0"), 1000)).toBe(null);
  expect(handlingOf(Buffer.from("PK\x03\x04"))).toBe("withheld");
  expect(handlingOf(Buffer.from("a\0b"))).toBe("withheld");
  expect(handlingOf(Buffer.from("d4c3b2a1", "hex"))).toBe("capture");
  expect(handlingOf(Buffer.from("text"))).toBe("text");
});

test("time is linear in the length of a line", () => {
  const out: string[] = [];
  const masker = new Masker((l) => out.push(l));
  for (const line of [
    '"'.repeat(200_000),
    "password ".repeat(20_000),
    `"a":"${"\\".repeat(200_000)}`,
    "eyJ".repeat(60_000),
    `${" ".repeat(200_000)}password`,
    "a=".repeat(100_000),
  ])
    masker.push(line);
  masker.end();
  expect(out).toHaveLength(6);
});

test("a column's name in OVN's permissions is no credential", () => {
  const row = '{"authorization":"chassis_name","insert_delete":true,"table":"Encap"}';
  expect(mask(row)).toEqual({ text: row, masked: 0 });
  expect(mask('{"authorization":"Bearer abcdefgh12345678","insert_delete":true}').masked).toBe(1);
  expect(mask('{"authorization":"chassis_name"}').masked).toBe(1);
});
