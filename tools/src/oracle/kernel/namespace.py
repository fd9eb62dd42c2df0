#!/usr/bin/env python3
"""A network namespace of its own, asked over stdin: what the running Linux kernel does with packets and routes.

One JSON object a line comes in, one goes out. Node cannot open TAP devices or change its network namespace, so this
small part is Python (standard library). Nothing outside the new namespace is touched; it ends with this process.

  {"do": "fresh", "interfaces": [{"name", "mac"}], "sysctl": {"net/ipv4/ip_forward": "1"}, "batch": ["addr add …"]}
        a new namespace; one TAP device for each interface (ARP off: a neighbour's MAC is the interface's own)
  {"do": "run", "command": ["iptables-restore"], "input": "…"}          -> {"rc", "out", "err"}
  {"do": "watch", "rules": "…"}                                         loads the nft table that traces, listens to the traces
  {"do": "packets", "packets": [{"in": "eth0", "hex": "frame"} or {"in": null, "hex": "ip packet", "src", "dst"}]}
        -> {"answers": [{"trace": […], "out": [[dev, hex]], "error"}]}
  {"do": "pump", "in": "eth0", "packets": ["frame"], "rounds": N}       -> {"seconds"}: all of them, N times; the least time of 64 in a row
  {"do": "forget"}                                                      empties the connection table

A trace event is [family, table, chain, kind, rule, verdict, target, packet mark, packet id, network header, transport header]:
`rule` is nft's handle, or, for legacy tables (family 0), the rule's number in its chain. Headers are given for table "oracle" alone.
"""
import ctypes
import errno
import fcntl
import functools
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, TUNSETPERSIST, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x400454CB, 2, 0x1000
SO_RCVBUFFORCE, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_NETFILTER = 33, 270, 1, 12
NFNLGRP_NFTRACE = 9
RTF_LOCAL, IFA_F_TENTATIVE = 0x80000000, 0x40
LIBC = ctypes.CDLL(None, use_errno=True)

TRACE_KINDS = {1: "policy", 2: "return", 3: "rule"}
VERDICTS = {0: "drop", 1: "accept", 2: "stolen", 3: "queue", 0xFFFFFFFF: "continue", 0xFFFFFFFE: "break", 0xFFFFFFFD: "jump", 0xFFFFFFFC: "goto", 0xFFFFFFFB: "return"}
LEGACY = re.compile(r"TRACE: ([^:]+):(.+):(rule|policy|return):(\d+) $")


def attributes(b):
    out, i, unpack, end = {}, 0, ATTRIBUTE.unpack_from, len(b)
    while i + 4 <= end:
        length, kind = unpack(b, i)
        if length < 4:
            break
        out[kind & 0x3FFF] = b[i + 4 : i + length]
        i += (length + 3) & ~3
    return out


@functools.lru_cache(4096)
def text(b):
    return b.rstrip(b"\0").decode()


NUMBER, LONG = struct.Struct("!I"), struct.Struct("!Q")


@functools.lru_cache(4096)
def verdict_of(b):
    v = attributes(b)
    code = NUMBER.unpack(v[1])[0] if 1 in v else None
    return VERDICTS.get(code, code), text(v[2]) if 2 in v else None


def netlink(group=None):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    s.bind((0, 0))
    if group:
        s.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    return s


def log_command(family, kind, value):
    """A configuration message of nfnetlink_log (group 0) with one attribute."""
    attribute = struct.pack("=HH", 4 + len(value), kind) + value
    attribute += b"\0" * (-len(attribute) % 4)
    body = struct.pack("=BBH", family, 0, 0) + attribute
    return struct.pack("=IHHII", 16 + len(body), (4 << 8) | 1, 5, 1, 0) + body


MESSAGE, ATTRIBUTE = struct.Struct("=IH"), struct.Struct("=HH")
ROOM = memoryview(bytearray(1 << 17))


def messages(s):
    while True:
        try:
            n = s.recv_into(ROOM, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        d, i = bytes(ROOM[:n]), 0
        while i + 16 <= n:
            length, kind = MESSAGE.unpack_from(d, i)
            if length < 16:
                break
            yield kind, d[i + 16 : i + length]
            i += (length + 3) & ~3


class Namespace:
    def __init__(self):
        self.taps, self.macs, self.sockets = {}, {}, []
        self.trace = self.log = self.connections = None

    def close(self):
        for fd in self.taps.values():
            os.close(fd)
        for s in (self.trace, self.log, self.connections, *self.sockets):
            if s:
                s.close()
        self.__init__()

    def fresh(self, q):
        self.close()
        if LIBC.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "a network namespace cannot be made")
        for key, value in q.get("sysctl", {}).items():
            self.setting(key, value)
        lines = ["link set lo up"]
        for i in q.get("interfaces", []):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", i["name"].encode(), IFF_TAP | IFF_NO_PI))
            # It ends with its namespace, in the kernel's own time: to take it out when it is closed waits for every processor.
            fcntl.ioctl(fd, TUNSETPERSIST, 1)
            self.taps[i["name"]] = fd
            lines.append("link set %s address %s arp off mtu %d" % (i["name"], i["mac"], i.get("mtu", 1500)))
            lines.append("link set %s up" % i["name"])
        r = self.run(["ip", "-force", "-batch", "-"], "\n".join(lines + q.get("batch", [])) + "\n")
        # Without a queue a packet leaves before the call that brought it in returns.
        qdiscs = "".join("qdisc replace dev %s root noqueue\n" % i["name"] for i in q.get("interfaces", []))
        r["err"] += self.run(["tc", "-batch", "-"], qdiscs)["err"]
        patience = time.monotonic() + 5
        while not self.settled():
            if time.monotonic() > patience:
                return {"err": r["err"] + "its IPv6 addresses are not ready"}
            time.sleep(0.001)
        return {"err": r["err"]}

    def settled(self):
        """The kernel makes an IPv6 address its own (a local route to it) some time after it was added: addrconf_dad_work(), net/ipv6/addrconf.c."""
        with open("/proc/net/if_inet6") as f:
            addresses = [line.split() for line in f]
        with open("/proc/net/ipv6_route") as f:
            routes = [line.split() for line in f]
        own = {r[0] for r in routes if r[1] == "80" and int(r[8], 16) & RTF_LOCAL}
        linked = {a[5] for a in addresses if a[0].startswith("fe80")}
        return linked >= set(self.taps) and all(a[0] in own and not int(a[4], 16) & IFA_F_TENTATIVE for a in addresses)

    @staticmethod
    def setting(key, value):
        try:
            with open("/proc/sys/" + key, "w") as f:
                f.write(value)
        except OSError:
            pass

    @staticmethod
    def run(command, given=""):
        p = subprocess.run(command, capture_output=True, text=True, errors="replace", input=given)
        return {"rc": p.returncode, "out": p.stdout, "err": p.stderr}

    def watch(self, q):
        r = self.run(["nft", "-f", "-"], q["rules"])
        self.trace = netlink(NFNLGRP_NFTRACE)
        self.connections = netlink()
        # Legacy tables tell their traces to the logger of the family.
        self.log = netlink()
        for family in (socket.AF_INET, socket.AF_INET6):
            self.setting("net/netfilter/nf_log/%d" % family, "nfnetlink_log")
        for family, kind, value in ((socket.AF_INET, 1, b"\3"), (socket.AF_INET6, 1, b"\3"), (0, 1, b"\1")):
            self.log.send(log_command(family, kind, value))
            self.log.recv(4096)
        # What is copied of each packet: its meta data alone; told at once, not in bunches.
        self.log.send(log_command(0, 2, struct.pack("!IB", 0, 1) + b"\0"))
        self.log.recv(4096)
        self.log.send(log_command(0, 5, struct.pack("!I", 1)))
        self.log.recv(4096)
        for family in (socket.AF_INET, socket.AF_INET6):
            self.setting("net/netfilter/nf_log/%d" % family, "nfnetlink_log")
        raw4 = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw6 = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sockets = [raw4, raw6]
        for fd in self.taps.values():
            self.drain(fd)
        return r

    @staticmethod
    def drain(fd):
        out = []
        while True:
            try:
                out.append(os.read(fd, 65535))
            except BlockingIOError:
                return out

    def events(self):
        out = []
        if not self.trace:
            return out
        for kind, body in messages(self.trace):
            if kind != (10 << 8) | 17:
                continue
            a = attributes(body[4:])
            table = text(a[1])
            verdict, target = None, None
            if 5 in a:
                verdict, target = verdict_of(a[5])
            elif 16 in a:
                verdict = VERDICTS.get(NUMBER.unpack(a[16])[0])
            ours = table == "oracle"
            network = a[8].hex() if ours and 8 in a else None
            transport = a[9].hex() if ours and 9 in a else None
            rule = LONG.unpack(a[3])[0] if 3 in a else 0
            event, mark, packet = (NUMBER.unpack(a[k])[0] if k in a else 0 for k in (4, 14, 6))
            out.append([body[0], table, text(a[2]), TRACE_KINDS.get(event), rule, verdict, target, mark, packet, network, transport])
        for kind, body in messages(self.log):
            if kind != (4 << 8) | 0:
                continue
            a = attributes(body[4:])
            m = LEGACY.match(text(a[10])) if 10 in a else None
            if m:
                mark = struct.unpack("!I", a[2])[0] if 2 in a else 0
                out.append([0, m[1], m[2], m[3], int(m[4]), None, None, mark, 0, None, None])
        return out

    def packets(self, q):
        answers = []
        for p in q["packets"]:
            error = None
            data = bytes.fromhex(p["hex"])
            try:
                if p["in"] is not None:
                    os.write(self.taps[p["in"]], data)
                else:
                    v6 = data[0] >> 4 == 6
                    raw = self.sockets[1 if v6 else 0]
                    # The source is that of the header: routing by source must see it.
                    raw.bind((p["src"], 0))
                    raw.sendto(data, (p["dst"], 0))
            except OSError as e:
                error = errno.errorcode.get(e.errno, str(e.errno))
            out, trace = self.left(), self.events()
            if error is None and self.under_way(out, trace):
                out, trace = self.awaited(out, trace)
            answers.append({"trace": trace, "out": out, "error": error})
        return {"answers": answers}

    def awaited(self, out, trace):
        """What the host sends to itself may come in a little later, on another processor, when the machine is busy."""
        patience = time.monotonic() + 0.25
        while self.under_way(out, trace) and time.monotonic() < patience:
            time.sleep(0.0005)
            out, trace = out + self.left(), trace + self.events()
        # It has begun to come in; what it meets there is told one by one.
        more = True
        while more:
            time.sleep(0.001)
            more = self.events()
            out, trace = out + self.left(), trace + more
        return out, trace

    def left(self):
        # The host tells its neighbours now and then of its multicast listeners (33:33:…).
        return [[dev, frame.hex()] for dev, fd in self.taps.items() for frame in self.drain(fd) if frame[:2] != b"\x33\x33"]

    @staticmethod
    def under_way(out, trace):
        """It passed POSTROUTING, but neither left nor came in again."""
        hooks = [e[2] for e in trace if e[1] == "oracle" and e[9] is not None]
        return "post" in hooks and not out and not {"pre", "in"} & set(hooks[hooks.index("post") :])

    def pump(self, q):
        fd, frames = self.taps[q["in"]], [bytes.fromhex(p) for p in q["packets"]]
        write, least = os.write, 1e9
        for _ in range(q["rounds"]):
            for i in range(0, len(frames) - 63, 64):
                bunch = frames[i : i + 64]
                began = time.perf_counter()
                for f in bunch:
                    write(fd, f)
                least = min(least, time.perf_counter() - began)
                # A TAP device holds some hundred frames.
                for tap in self.taps.values():
                    self.drain(tap)
        return {"seconds": least / 64}

    def forget(self, _):
        self.connections.send(struct.pack("=IHHII", 20, (1 << 8) | 2, 5, 1, 0) + struct.pack("=BBH", 0, 0, 0))
        self.connections.recv(4096)
        return {}


def main():
    n = Namespace()
    for line in sys.stdin:
        q = json.loads(line)
        try:
            do = q["do"]
            answer = n.run(q["command"], q.get("input", "")) if do == "run" else getattr(n, do)(q)
        except Exception as e:  # noqa: BLE001 - told to the one who asked
            answer = {"failed": "%s: %s" % (type(e).__name__, e)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
