/** Logical actions as text that parses back into the same (lib/actions.c of OVN, ovnacts_format). */
import { ipv4Text } from "@plumbline/model";
import { formatField } from "../expr/format.js";
import type { ConstantSet } from "../expr/parse.js";
import { constantText, hexText, type IntegerConstant, ipv6ConstantText } from "../expr/token.js";
import type { Address, Backend, Endpoint, LogicalAction, OptionValue } from "./ast.js";

export function formatActions(actions: readonly LogicalAction[]): string {
  return actions.length === 0 ? "drop;" : actions.map(formatAction).join(" ");
}

export function addressText(a: Address): string {
  return a.family === 4 ? ipv4Text(a.value) : ipv6ConstantText(a.value);
}

/** `[2001:db8::1]:80`; brackets only where a port follows. */
export function endpointText({ address, port }: Endpoint): string {
  const text = addressText(address);
  if (port === 0) return text;
  return address.family === 6 ? `[${text}]:${port}` : `${text}:${port}`;
}

/** The same, brackets always. */
function bracketed(e: Endpoint): string {
  return e.address.family === 6 && e.port === 0 ? `[${addressText(e.address)}]` : endpointText(e);
}

export function constantSetText(set: ConstantSet): string {
  const values: readonly string[] =
    set.kind === "integer" ? set.values.map((c) => constantText(c)) : set.values.map((s) => JSON.stringify(s));
  return set.curly || values.length !== 1 ? `{${values.join(", ")}}` : values[0]!;
}

function optionTexts(options: readonly OptionValue[]): string[] {
  return options.map((o) => `${o.name} = ${constantSetText(o.value)}`);
}

function backendText(b: Backend): string {
  return `${b.logicalPort === undefined ? "" : `"${b.logicalPort}":`}${endpointText(b)}`;
}

function maskedHex(c: IntegerConstant): string {
  return c.mask === undefined ? hexText(c.value) : `${hexText(c.value)}/${hexText(c.mask)}`;
}

function call(name: string, ...args: readonly string[]): string {
  return `${name}(${args.join(", ")});`;
}

export function formatAction(a: LogicalAction): string {
  switch (a.type) {
    case "plain":
      return a.name === "handle_bfd_msg" ? "handle_bfd_msg();" : `${a.name};`;
    case "next":
      if (a.pipeline !== a.from.pipeline) return `next(pipeline=${a.pipeline}, table=${a.table});`;
      return a.table === a.from.table + 1 ? "next;" : `next(${a.table});`;
    case "load":
      return `${formatField(a.dst)} = ${typeof a.value === "string" ? JSON.stringify(a.value) : constantText(a.value)};`;
    case "controller load":
      return `${a.dst.symbol.name} = ${constantText(a.value)};`;
    case "move":
      return `${formatField(a.dst)} = ${formatField(a.src)};`;
    case "exchange":
      return `${formatField(a.a)} <-> ${formatField(a.b)};`;
    case "push":
    case "pop":
      return call(a.type, formatField(a.field));
    case "nest":
      return `${a.name} { ${formatActions(a.actions)} };`;
    case "ct_next":
    case "ct_commit_nat":
      return a.zone === undefined ? `${a.type};` : call(a.type, a.zone);
    case "ct_commit":
      return a.actions.length === 0 ? "ct_commit;" : `ct_commit { ${formatActions(a.actions)} };`;
    case "ct_commit old": {
      const args = [...(a.mark ? [`ct_mark=${maskedHex(a.mark)}`] : []), ...(a.label ? [`ct_label=${maskedHex(a.label)}`] : [])];
      return args.length > 0 ? call("ct_commit", ...args) : "ct_commit;";
    }
    case "ct_commit_to_zone":
      return call(a.type, a.zone);
    case "ct_nat": {
      if (!a.address) return `${a.name};`;
      const ports = a.ports ? `,${a.ports.low}${a.ports.high > 0 ? `-${a.ports.high}` : ""}` : "";
      return `${a.name}(${addressText(a.address)}${ports});`;
    }
    case "ct_lb": {
      if (a.backends.length === 0) return `${a.name};`;
      const hash = a.hashFields ? `; hash_fields="${a.hashFields}"` : "";
      return `${a.name}(backends=${a.backends.map(backendText).join(",")}${hash}${a.flag ? `; ${a.flag}` : ""});`;
    }
    case "select": {
      const members = a.members.map((m) => `${m.id}=${m.weight}`).join(", ");
      const inside = a.hashFields ? `values=(${members}); hash_fields="${a.hashFields}"` : members;
      return `${formatField(a.dst)} = select(${inside});`;
    }
    case "get_mac":
      return call(a.name, formatField(a.port), formatField(a.ip));
    case "put_mac":
      return call(a.name, formatField(a.port), formatField(a.ip), formatField(a.mac));
    case "lookup_mac":
      return `${formatField(a.dst)} = ${call(a.name, formatField(a.port), formatField(a.ip), ...(a.mac ? [formatField(a.mac)] : []))}`;
    case "put_fdb":
      return call(a.type, formatField(a.port), formatField(a.mac));
    case "get_fdb":
      return `${formatField(a.dst)} = ${call(a.name, formatField(a.mac))}`;
    case "lookup_fdb":
      return `${formatField(a.dst)} = ${call(a.type, formatField(a.port), formatField(a.mac))}`;
    case "chk_evpn_arp":
      return `${formatField(a.dst)} = ${call(a.type, formatField(a.ip))}`;
    case "result":
      return `${formatField(a.dst)} = ${a.name}();`;
    case "check_pkt_larger":
      return `${formatField(a.dst)} = check_pkt_larger(${a.length});`;
    case "put_opts":
      return `${formatField(a.dst)} = ${call(a.name, ...optionTexts(a.options))}`;
    case "dhcp_relay":
      return `${formatField(a.dst)} = ${call(a.name, ipv4Text(a.relay), ipv4Text(a.server))}`;
    case "set_queue":
      return `set_queue(${a.queue});`;
    case "set_meter":
      return a.burst > 0n ? call("set_meter", String(a.rate), String(a.burst)) : call("set_meter", String(a.rate));
    case "log": {
      const name = a.name === undefined ? [] : [`name="${a.name}"`];
      const meter = a.meter === undefined ? [] : [`meter="${a.meter}"`];
      return call("log", ...name, `verdict=${a.verdict}`, `severity=${a.severity}`, ...meter);
    }
    case "trigger_event":
      return call(
        "trigger_event",
        `event = "${a.event}"`,
        ...(a.meter === undefined ? [] : [`meter = "${a.meter}"`]),
        ...optionTexts(a.options),
      );
    case "bind_vport":
      return call(a.type, `"${a.vport}"`, formatField(a.parent));
    case "handle_svc_check":
      return call(a.type, formatField(a.port));
    case "fwd_group": {
      const ports = a.ports.length > 0 ? `childports=${a.ports.map((p) => `"${p}"`).join(", ")}` : "";
      return `fwd_group(${a.liveness ? 'liveness="true", ' : ""}${ports});`;
    }
    case "commit_ecmp_nh":
      return call(a.type, `ipv6 = ${a.ipv6}`, `proto = ${a.proto}`);
    case "commit_lb_aff":
      return call(
        a.type,
        `vip = "${bracketed(a.vip)}"`,
        `backend = "${bracketed(a.backend)}"`,
        ...(a.proto ? [`proto = ${a.proto}`] : []),
        `timeout = ${a.timeout}`,
      );
    case "sample": {
      const point = typeof a.point === "object" ? formatField(a.point) : String(a.point);
      return `sample(probability=${a.probability},collector_set=${a.collectorSet},obs_domain=${a.domain},obs_point=${point});`;
    }
    case "mirror":
      return call(a.type, `"${a.port}"`);
  }
}
