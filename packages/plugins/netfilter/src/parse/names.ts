/**
 * Names that iptables and nft print for numbers.
 *
 * Sources: iptables 1.8 (extensions/libxt_icmp.h, libxt_dscp helper), nftables 1.1 (src/datatype.c, src/proto.c), IANA
 * protocol numbers; services: those that nft prints by name on a usual installation.
 */

export const PROTOCOLS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    ip: 0,
    icmp: 1,
    igmp: 2,
    ipencap: 4,
    ipip: 4,
    tcp: 6,
    udp: 17,
    dccp: 33,
    ipv6: 41,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    rsvp: 46,
    gre: 47,
    esp: 50,
    "ipsec-esp": 50,
    ah: 51,
    "ipsec-ah": 51,
    icmpv6: 58,
    "ipv6-icmp": 58,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
    ospf: 89,
    pim: 103,
    comp: 108,
    ipcomp: 108,
    vrrp: 112,
    l2tp: 115,
    sctp: 132,
    mh: 135,
    "ipv6-mh": 135,
    udplite: 136,
  }),
);

/** Service names that nft prints without `-n` and people type. */
export const SERVICES: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    "ftp-data": 20,
    ftp: 21,
    ssh: 22,
    telnet: 23,
    smtp: 25,
    domain: 53,
    bootps: 67,
    bootpc: 68,
    tftp: 69,
    http: 80,
    kerberos: 88,
    pop3: 110,
    sunrpc: 111,
    ntp: 123,
    imap2: 143,
    imap: 143,
    snmp: 161,
    "snmp-trap": 162,
    bgp: 179,
    ldap: 389,
    https: 443,
    "microsoft-ds": 445,
    syslog: 514,
    submission: 587,
    ipp: 631,
    ldaps: 636,
    "dhcpv6-client": 546,
    "dhcpv6-server": 547,
    imaps: 993,
    pop3s: 995,
    nfs: 2049,
    mysql: 3306,
    rdp: 3389,
    "ms-wbt-server": 3389,
    postgresql: 5432,
    mdns: 5353,
    "http-alt": 8080,
  }),
);

export const TCP_FLAGS: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({ fin: 1, syn: 2, rst: 4, psh: 8, ack: 0x10, urg: 0x20, ecn: 0x40, ece: 0x40, cwr: 0x80, all: 0x3f, none: 0 }),
);

/** Type names of ICMP. Where a name means one code of a type, that code stands behind it. */
export const ICMP: ReadonlyMap<string, readonly [number, number?]> = new Map(
  Object.entries<readonly [number, number?]>({
    "echo-reply": [0],
    pong: [0],
    "destination-unreachable": [3],
    "network-unreachable": [3, 0],
    "host-unreachable": [3, 1],
    "protocol-unreachable": [3, 2],
    "port-unreachable": [3, 3],
    "fragmentation-needed": [3, 4],
    "source-route-failed": [3, 5],
    "network-unknown": [3, 6],
    "host-unknown": [3, 7],
    "network-prohibited": [3, 9],
    "host-prohibited": [3, 10],
    "TOS-network-unreachable": [3, 11],
    "TOS-host-unreachable": [3, 12],
    "communication-prohibited": [3, 13],
    "host-precedence-violation": [3, 14],
    "precedence-cutoff": [3, 15],
    "source-quench": [4],
    redirect: [5],
    "network-redirect": [5, 0],
    "host-redirect": [5, 1],
    "TOS-network-redirect": [5, 2],
    "TOS-host-redirect": [5, 3],
    "echo-request": [8],
    ping: [8],
    "router-advertisement": [9],
    "router-solicitation": [10],
    "time-exceeded": [11],
    "ttl-exceeded": [11],
    "ttl-zero-during-transit": [11, 0],
    "ttl-zero-during-reassembly": [11, 1],
    "parameter-problem": [12],
    "ip-header-bad": [12, 0],
    "required-option-missing": [12, 1],
    "timestamp-request": [13],
    "timestamp-reply": [14],
    "info-request": [15],
    "info-reply": [16],
    "address-mask-request": [17],
    "address-mask-reply": [18],
  }),
);

export const ICMP6: ReadonlyMap<string, readonly [number, number?]> = new Map(
  Object.entries<readonly [number, number?]>({
    "destination-unreachable": [1],
    "no-route": [1, 0],
    "communication-prohibited": [1, 1],
    "beyond-scope": [1, 2],
    "address-unreachable": [1, 3],
    "port-unreachable": [1, 4],
    "failed-policy": [1, 5],
    "reject-route": [1, 6],
    "packet-too-big": [2],
    "time-exceeded": [3],
    "ttl-exceeded": [3],
    "ttl-zero-during-transit": [3, 0],
    "ttl-zero-during-reassembly": [3, 1],
    "parameter-problem": [4],
    "bad-header": [4, 0],
    "unknown-header-type": [4, 1],
    "unknown-option": [4, 2],
    "echo-request": [128],
    ping: [128],
    "echo-reply": [129],
    pong: [129],
    "mld-listener-query": [130],
    "mld-listener-report": [131],
    "mld-listener-done": [132],
    "mld-listener-reduction": [132],
    "router-solicitation": [133],
    "nd-router-solicit": [133],
    "router-advertisement": [134],
    "nd-router-advert": [134],
    "neighbour-solicitation": [135],
    "neighbor-solicitation": [135],
    "nd-neighbor-solicit": [135],
    "neighbour-advertisement": [136],
    "neighbor-advertisement": [136],
    "nd-neighbor-advert": [136],
    redirect: [137],
    "nd-redirect": [137],
    "router-renumbering": [138],
    "ind-neighbor-solicit": [141],
    "ind-neighbor-advert": [142],
    "mld2-listener-report": [143],
  }),
);

/** nft's names of ICMP codes (`icmp code frag-needed`, `reject with icmp net-unreachable`). */
export const ICMP_CODES: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    "net-unreachable": 0,
    "host-unreachable": 1,
    "prot-unreachable": 2,
    "port-unreachable": 3,
    "frag-needed": 4,
    "net-prohibited": 9,
    "host-prohibited": 10,
    "admin-prohibited": 13,
  }),
);

export const ICMP6_CODES: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({
    "no-route": 0,
    "admin-prohibited": 1,
    "addr-unreachable": 3,
    "port-unreachable": 4,
    "policy-fail": 5,
    "reject-route": 6,
  }),
);

export const DSCP: ReadonlyMap<string, number> = new Map(
  Object.entries<number>({ be: 0, df: 0, ef: 46, lephb: 1, "voice-admit": 44, va: 44 }),
);

/** To whom a frame is sent (skb->pkt_type, as it follows from the destination MAC). nft says "host" where iptables says "unicast". */
export const PACKET_TYPES: ReadonlyMap<string, number> = new Map([
  ["unicast", 0],
  ["host", 0],
  ["broadcast", 1],
  ["multicast", 2],
]);
