/** `show bfd peers`, text long and brief, and JSON (bfdd/bfdd_vty.c). */
import type { ReadContext } from "@plumbline/model";
import { list, obj, str } from "./json.js";
import type { BfdPeerFact } from "./private-facts.js";

export function readBfd(text: string, ctx: ReadContext): void {
  let p: BfdPeerFact | null = null;
  let at = { line: 0, text: "" };
  const finish = () => {
    if (p) ctx.fact("frr.bfd-peer", p, at.line, at.text);
    p = null;
  };
  text.split("\n").forEach((raw, i) => {
    const line = raw.trim();
    const words = line.split(/\s+/);
    if (words[0] === "peer" && words.length > 1) {
      finish();
      const after = (w: string) => (words.includes(w) ? (words[words.indexOf(w) + 1] ?? "") : "");
      p = {
        peer: words[1],
        local: after("local-address"),
        vrf: after("vrf") || "default",
        interface: after("interface"),
        multihop: words.includes("multihop"),
        status: "",
        diagnostic: "",
        remoteDiagnostic: "",
      };
      at = { line: i + 1, text: line };
      return;
    }
    // SessionId  LocalAddress  PeerAddress  Status
    const brief = /^\d+\s+(\S+)\s+(\S+)\s+(up|down|init|shutdown|unknown)$/.exec(line);
    if (brief) {
      const local = /^(unspec|N\/A)$/.test(brief[1]) ? "" : brief[1];
      ctx.fact(
        "frr.bfd-peer",
        {
          peer: brief[2],
          local,
          vrf: "default",
          interface: "",
          multihop: false,
          status: brief[3],
          diagnostic: "",
          remoteDiagnostic: "",
        },
        i + 1,
        line,
      );
      return;
    }
    if (!p) return;
    const m = /^(Status|Diagnostics|Remote diagnostics): (.*)$/.exec(line);
    if (!m) return;
    if (m[1] === "Status") p.status = m[2];
    else if (m[1] === "Diagnostics") p.diagnostic = m[2];
    else p.remoteDiagnostic = m[2];
  });
  finish();
}

export function readBfdJson(text: string, ctx: ReadContext): void {
  let top: unknown;
  try {
    top = JSON.parse(text);
  } catch (e) {
    ctx.problem("error", 0, `not JSON: ${e instanceof Error ? e.message : String(e)}`, "The file may have been cut; collect it again.");
    return;
  }
  for (const v of list(top).map(obj)) {
    const peer = str(v["peer"]);
    const at = text.indexOf(`"${peer}"`);
    ctx.fact(
      "frr.bfd-peer",
      {
        peer,
        local: str(v["local"]),
        vrf: str(v["vrf"]) || "default",
        interface: str(v["interface"]),
        multihop: v["multihop"] === true,
        status: str(v["status"]),
        diagnostic: str(v["diagnostic"]),
        remoteDiagnostic: str(v["remote-diagnostic"]),
      },
      at < 0 ? 1 : text.slice(0, at).split("\n").length,
      JSON.stringify(v),
    );
  }
}
